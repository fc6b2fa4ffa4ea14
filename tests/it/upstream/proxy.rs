//! async-http-proxy 1.2.5: what it takes for an answer to CONNECT.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use rumqttc::{Client, ConnectionError, MqttOptions, Proxy, ProxyAuth, ProxyType};

/// What rumqttc says when a proxy gives this answer and closes.
fn answered(answer: &'static [u8]) -> ConnectionError {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let proxy = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        stream.write_all(answer).expect("written");
    });
    let mut options = MqttOptions::new("upstream", "broker.test", 1883);
    let addr = Ipv4Addr::LOCALHOST.to_string();
    options.set_proxy(Proxy { ty: ProxyType::Http, auth: ProxyAuth::None, addr, port });
    let (_client, mut connection) = Client::new(options, 10);
    let error = connection.recv().expect("events").expect_err("no connection");
    proxy.join().expect("no panic");
    error
}

#[test]
fn only_200_opens_the_tunnel() {
    for answer in [&b"HTTP/1.1 201 Created\r\n\r\n"[..], b"HTTP/1.1 204 No Content\r\n\r\n"] {
        let error = answered(answer);
        assert!(matches!(error, ConnectionError::Proxy(_)), "mended: {error:?}");
    }
    let error = answered(b"HTTP/1.1 200 OK\r\n\r\n");
    assert!(!matches!(error, ConnectionError::Proxy(_)), "{error:?}");
}
