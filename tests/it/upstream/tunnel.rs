//! async-http-proxy 1.2.5: how much of an answer it reads.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use rumqttc::{Client, MqttOptions, Proxy, ProxyAuth, ProxyType};

#[test]
fn a_line_without_an_end_is_read_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let proxy = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 512]);
        // Far more than the 4096 bytes of its limit, and than the system keeps on the way.
        stream.write_all(&vec![b'x'; 32 << 20])
    });
    let mut options = MqttOptions::new("upstream", "broker.test", 1883);
    let proxied = Proxy { ty: ProxyType::Http, auth: ProxyAuth::None, addr: addr.ip().to_string(), port: addr.port() };
    options.set_proxy(proxied);
    let (_client, mut connection) = Client::new(options, 10);
    connection.eventloop.network_options.set_connection_timeout(60);
    connection.recv().expect("events").expect_err("no connection");
    drop(connection);
    assert!(proxy.join().expect("no panic").is_ok(), "mended: it stopped reading");
}
