//! A scripted HTTP server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// Answers each request on a connection of its own. Returns the URL, and the requests once all are answered.
pub(super) fn serve(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            seen.push(request(&mut stream));
            stream.write_all(answer.as_bytes()).expect("written");
        }
        seen
    });
    (url, thread)
}

/// An answer that ends its connection.
pub(super) fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A key as the metadata service and a URI have it.
pub(super) fn key(id: &str, end: &str) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{id}","AccessKeySecret":"geheim-1","SecurityToken":"geheim-2","Expiration":"{end}"}}"#
    )
}

/// Reads a request.
pub(super) fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    loop {
        let count = stream.read(&mut part).expect("readable");
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some(end) = text.find("\r\n\r\n") else {
            assert!(count > 0, "it ends in its headers");
            continue;
        };
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
        if bytes.len() >= end + 4 + length {
            return String::from_utf8(bytes).expect("UTF-8");
        }
    }
}
