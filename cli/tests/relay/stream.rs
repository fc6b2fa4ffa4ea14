//! Many messages in one call.

use serde_json::json;

use crate::http::{Http, eventually};
use crate::rig::{Rig, end};

const HEADERS: [&str; 2] = ["Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"];

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

#[test]
fn each_line_has_a_result_in_its_place() {
    let rig = Rig::new(&["--allow-publish", "emulator/#"]);
    let relay = rig.ready();
    let long = format!("{{\"payload\":\"{}\"}}", "x".repeat(1_000_000));
    let input = [
        r#"{"topic":"emulator/a","payload":"1"}"#,
        r#"{"payload":"2","qos":0}"#,
        "",
        "not JSON",
        &long,
        r#"{"topic":"$SYS/x","payload":""}"#,
        r#"{"topic":"other/x","payload":""}"#,
        r#"{"payload":{"three":3}}"#,
    ];
    let mut http = rig.http();
    let answer =
        http.call("POST", "/v1/messages?topic=emulator/b", &HEADERS[..1], input.join("\n").as_bytes()).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let results: Vec<_> =
        answer.lines().iter().map(|line| json!([line["line"], line["status"], line["fate"]])).collect();
    let expected = json!([
        [1, 200, "acknowledged"],
        [2, 200, "written"],
        [3, 400, "not sent"],
        [4, 400, "not sent"],
        [5, 413, "not sent"],
        [6, 403, "not sent"],
        [7, 403, "not sent"],
        [8, 200, "acknowledged"],
    ]);
    assert_eq!(json!(results), expected);
    assert_eq!(rig.arrived("emulator/b"), ["2", r#"{"three":3}"#]);
    end(relay);
}

#[test]
fn results_are_read_while_lines_are_still_written_and_repeated_lines_are_not_sent_again() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let head = "POST /v1/messages?topic=emulator/a HTTP/1.1\r\nHost: relay\r\nIdempotency-Key: k\r\n";
    for run in 0..2 {
        let mut http = rig.http();
        http.raw(format!("{head}{}\r\n{}\r\n\r\n", HEADERS[0], HEADERS[1]).as_bytes()).expect("sent");
        for number in 0..300 {
            // A line in two parts, and the next after the result of this.
            http.raw(&chunk("{\"payload\":")).and_then(|()| http.raw(&chunk(&format!("{number}}}\n")))).expect("sent");
            if number == 0 {
                http.head().expect("a head");
            }
            let part = http.chunk().expect("a part").expect("no end");
            let line: serde_json::Value = serde_json::from_slice(&part).expect("JSON");
            assert_eq!((&line["line"], &line["status"]), (&json!(number + 1), &json!(200)), "run {run}");
        }
        http.raw(b"0\r\n\r\n").expect("sent");
        assert!(http.chunk().expect("an end").is_none());
    }
    assert_eq!(rig.arrived("emulator/a").len(), 300);
    end(relay);
}

#[test]
fn a_qos_0_line_is_neither_stored_nor_repeated() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    for header in ["Prefer: respond-async", "Idempotency-Key: k"] {
        let lines = b"{\"payload\":\"1\",\"qos\":0}\n{\"payload\":\"2\"}\n";
        let answer = rig.http().call("POST", "/v1/messages?topic=emulator/a", &[HEADERS[0], header], lines).expect(200);
        let statuses: Vec<_> = answer.lines().iter().map(|line| line["status"].as_u64()).collect();
        assert_eq!(statuses[0], Some(400), "{header}");
        assert!(matches!(statuses[1], Some(200 | 202)), "{header}");
    }
    eventually("settled", || rig.metric("in_flight_messages") == 0.0);
    assert_eq!(rig.arrived("emulator/a"), ["2", "2"]);
    end(relay);
}

#[test]
fn a_long_input_is_held_back_while_nobody_reads_the_results() {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let line = "{\"payload\":\"x\"}\n";
    let count = 2_000_000;
    let mut write = UnixStream::connect(rig.socket()).expect("a connection");
    let mut read = Http::on(write.try_clone().expect("a second handle"));
    let head = "POST /v1/messages?topic=emulator/a&qos=0 HTTP/1.1\r\nHost: relay\r\n";
    let head = format!("{head}{}\r\nContent-Length: {}\r\n\r\n", HEADERS[0], line.len() * count);
    write.write_all(head.as_bytes()).expect("sent");
    // It takes what its buffers hold: less than a tenth of the input.
    write.set_write_timeout(Some(std::time::Duration::from_secs(1))).expect("a timeout");
    let lines = line.repeat(1_000);
    let (mut sent, mut rest) = (0, 0);
    while sent < line.len() * count {
        match write.write(&lines.as_bytes()[rest..]) {
            Ok(written) => {
                sent += written;
                rest = (rest + written) % lines.len();
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                break;
            }
        }
    }
    let accepted = rig.metric("published_total");
    assert!(sent < line.len() * count / 10 && accepted < count as f64 / 10.0, "{sent} bytes, {accepted} messages");
    // It goes on as the results are read.
    read.head().expect("a head");
    let mut seen = 0;
    while seen < 50_000 {
        let part = read.chunk().expect("a part").expect("no end");
        seen += part.iter().filter(|byte| **byte == b'\n').count();
        let _ = write.set_nonblocking(true);
        if let Ok(written) = write.write(&lines.as_bytes()[rest..]) {
            rest = (rest + written) % lines.len();
        }
        let _ = write.set_nonblocking(false);
    }
    drop((read, write));
    end(relay);
}
