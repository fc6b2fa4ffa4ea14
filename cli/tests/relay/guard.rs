//! Who may call: sockets, permissions, tokens, and no web page. And how long a caller may take.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use crate::http::{Http, eventually};
use crate::rig::{Rig, end};
use crate::support::{Running, run};

const TOKEN: &str = "not-a-real-token-of-anybody";

#[test]
fn a_socket_is_for_its_owner_and_group_and_is_removed_at_the_end() {
    let rig = Rig::new(&["--group", "0"]);
    if !nix_is_root() {
        return;
    }
    let relay = rig.ready();
    let data = std::fs::metadata(rig.socket()).expect("the socket");
    assert_eq!((data.permissions().mode() & 0o7777, data.gid()), (0o660, 0));
    let store = std::fs::metadata(rig.folder.path("store")).expect("the store");
    let file = std::fs::metadata(rig.folder.path("store/relay.redb")).expect("the file");
    assert_eq!((store.permissions().mode() & 0o777, file.permissions().mode() & 0o777), (0o700, 0o600));
    end(relay);
    assert!(!rig.socket().exists());
}

fn nix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

#[test]
fn the_socket_of_a_killed_relay_is_replaced_and_that_of_a_living_process_is_not() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let second = run(rig.command(), ["--listen".to_string(), format!("unix:{}", rig.socket().display())]).expect(2);
    assert!(second.stderr.contains("another process listens"), "{}", second.stderr);
    let other =
        run(rig.command(), ["--listen".to_string(), format!("unix:{}", rig.folder.path("t").display())]).expect(1);
    assert!(other.stderr.contains("another relay uses it"), "{}", other.stderr);
    relay.signal("KILL");
    drop(relay.wait());
    assert!(rig.socket().exists());
    end(rig.ready());
    let file = rig.folder.write("file", "x");
    let third = run(rig.command(), ["--listen".to_string(), format!("unix:{}", file.display())]).expect(2);
    assert!(third.stderr.contains("not a socket"), "{}", third.stderr);
    // It is not removed by a relay that has lost it.
    let relay = rig.ready();
    std::fs::remove_file(rig.socket()).expect("removed");
    let _other = UnixListener::bind(rig.socket()).expect("bound");
    end(relay);
    assert!(rig.socket().exists());
}

fn tcp(rig: &Rig) -> (Running, String) {
    let mut command = rig.command();
    let token = rig.folder.write("token", format!("{TOKEN}\n"));
    command.args(["--log", "trace", "--listen", "127.0.0.1:0", "--bearer-token-file"]).arg(token);
    command.arg("--listen").arg(format!("unix:{}", rig.socket().display()));
    let mut running = Running::start(command);
    running.stderr_until("listening on unix:");
    rig.until_ready();
    let address = running.told_after("listening on http://");
    (running, address)
}

#[test]
fn a_loopback_address_needs_the_token_and_the_right_host() {
    let rig = Rig::new(&[]);
    let (relay, address) = tcp(&rig);
    let mut http = Http::tcp(&address);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    http.call("POST", "/v1/messages?topic=emulator/a", &[&bearer], b"1").expect(200);
    let lower = format!("authorization: bearer {TOKEN}");
    http.call("GET", "/readyz", &[&lower], b"").expect(200);
    http.get("/healthz").expect(200);
    for uri in ["/readyz", "/metrics", "/v1/messages", "/v1/events", "/v1/dead", "/nothing"] {
        let answer = http.get(uri);
        answer.problem(401, "unauthorized", None);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    for wrong in
        ["Authorization: Bearer x", "Authorization: Basic x", "Authorization: Bearer not-a-real-token-of-anybodx"]
    {
        http.call("POST", "/v1/messages?topic=emulator/a", &[wrong], b"1").problem(401, "unauthorized", None);
    }
    let port = address.rsplit(':').next().expect("a port");
    http.call("GET", "/readyz", &[&bearer, &format!("Host: localhost:{port}")], b"").expect(200);
    for host in ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1", "", &format!("127.0.0.1.evil:{port}")] {
        http.call("GET", "/healthz", &[&bearer, &format!("Host: {host}")], b"").problem(403, "foreign", None);
    }
    for origin in ["null", "http://evil.example", &format!("http://{address}")] {
        let header = format!("Origin: {origin}");
        http.call("POST", "/v1/messages?topic=emulator/a", &[&bearer, &header], b"1").problem(403, "foreign", None);
        rig.http().call("POST", "/v1/messages?topic=emulator/a", &[&header], b"1").problem(403, "foreign", None);
    }
    assert_eq!(rig.arrived("emulator/a").len(), 1);
    let output = end(relay);
    for secret in [TOKEN, rig.emulator.access_key_secret()] {
        assert!(!output.stderr.contains(secret), "at the level trace");
    }
}

#[test]
fn what_would_be_open_to_others_is_refused_at_the_start() {
    let rig = Rig::new(&[]);
    let without = run(rig.command(), ["--listen", "127.0.0.1:0"]).expect(2);
    assert!(without.stderr.contains("--bearer-token-file"), "{}", without.stderr);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80"] {
        run(rig.command(), ["--listen", address]).expect(2);
    }
    let short = rig.folder.write("short", "secret");
    let path = short.display().to_string();
    let output = run(rig.command(), ["--listen", "127.0.0.1:0", "--bearer-token-file", &path]).expect(2);
    assert!(!output.stderr.contains("secret\n"), "{}", output.stderr);
    let nowhere = format!("unix:{}", rig.folder.path("nowhere/s").display());
    let nowhere = run(rig.command(), ["--listen", &nowhere]).expect(1);
    assert!(nowhere.stderr.contains("has to exist"), "{}", nowhere.stderr);
    let none = run(rig.command(), [""; 0]).expect(2);
    assert!(none.stderr.contains("no address"), "{}", none.stderr);
}

#[test]
fn more_than_one_host_is_invalid_and_health_is_there_for_head() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    rig.http().call("GET", "/healthz", &["Host: a", "Host: b"], b"").problem(400, "invalid", Some("not sent"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let mut http = rig.http();
        http.send("HEAD", path, &[], b"").expect("sent");
        assert!(http.head().expect("a head").starts_with("HTTP/1.1 200"), "{path}");
    }
    end(relay);
}

/// A time that is over soon, and long enough for calls that are in time.
const SOON: [&str; 2] = ["--client-timeout", "1"];

/// Waits until no connection is open but that of the question.
fn alone(rig: &Rig) {
    eventually("the connection is closed", || rig.metric("http_connections") == 1.0);
    assert_eq!(rig.metric("waiting_calls"), 0.0);
}

#[test]
fn slow_clients_hold_nobody_up() {
    let rig = Rig::new(&SOON);
    let relay = rig.ready();
    let mut head = rig.http();
    head.raw(b"POST /v1/messages?topic=emulator/a HTTP/1.1\r\nHost: r").expect("sent");
    let mut body = rig.http();
    body.raw(b"POST /v1/messages?topic=emulator/a HTTP/1.1\r\nHost: r\r\nContent-Length: 9\r\n\r\nx").expect("sent");
    let mut idle = rig.http();
    idle.post("/v1/messages?topic=emulator/a", "1").expect(200);
    body.receive().expect("an answer").problem(408, "slow", Some("not sent"));
    assert!(head.is_closed() && idle.is_closed());
    drop(body);
    alone(&rig);
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
    end(relay);
}

#[test]
fn lines_that_do_not_come_end_their_call() {
    let rig = Rig::new(&["--client-timeout", "0.1"]);
    let relay = rig.ready();
    let mut http = rig.http();
    let head = "POST /v1/messages?topic=emulator/a HTTP/1.1\r\nHost: r\r\nContent-Type: application/x-ndjson\r\n";
    http.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).expect("sent");
    let answer = http.receive().expect("an answer").expect(200);
    assert_eq!((answer.lines()[0]["status"].as_u64(), answer.lines()[0]["kind"].as_str()), (Some(408), Some("slow")));
    drop(http);
    alone(&rig);
    end(relay);
}

#[test]
fn a_caller_that_does_not_read_its_answer_loses_its_connection_and_its_messages_come_again() {
    let rig = Rig::receiving(&[&SOON[..], &["--lease", "0.1", "--max-leases", "1000"]].concat());
    let relay = rig.ready();
    // More than the buffers of a socket hold.
    let payload = "x".repeat(60_000);
    for _ in 0..20 {
        rig.emulator.publish_as_service("emulator/a", 1, payload.clone()).expect("published");
    }
    eventually("the messages are stored", || rig.metric("stored_messages") == 20.0);
    let mut poll = rig.http();
    poll.send("GET", "/v1/messages?wait=100", &[], b"").expect("sent");
    alone(&rig);
    // Its buffers hold the beginning of the answer, and nothing more comes.
    assert!(poll.receive().is_err());
    let again = rig.http().get("/v1/messages?wait=100").expect(200).json();
    assert!(again["messages"][0]["leases"].as_u64() > Some(1), "{}", again["messages"][0]["leases"]);
    end(relay);
}

#[test]
fn a_reader_of_results_or_events_that_does_not_read_loses_its_connection() {
    let rig = Rig::new(&SOON);
    let relay = rig.ready();
    let (mut write, results) = rig.http().split();
    let line = "{\"payload\":\"x\"}\n";
    let head = "POST /v1/messages?topic=emulator/a&qos=0 HTTP/1.1\r\nHost: r\r\nContent-Type: application/x-ndjson\r\n";
    let writer = std::thread::spawn(move || {
        let head = format!("{head}Content-Length: {}\r\n\r\n", line.len() * 1_000_000);
        let lines = line.repeat(1_000);
        write.write_all(head.as_bytes()).expect("sent");
        (0..1_000).try_for_each(|_| write.write_all(lines.as_bytes()))
    });
    assert!(writer.join().expect("no panic").is_err(), "it is held back, and then cut off");
    alone(&rig);
    drop(results);

    let mut events = rig.http();
    events.send("GET", "/v1/events", &[], b"").expect("sent");
    eventually("it listens", || rig.metric("waiting_calls") == 1.0);
    let client = rig.emulator.sessions()[0].client_id.clone();
    for _ in 0..20 {
        assert!(rig.emulator.push_notice(&client, "$SYS/tokenInvalidNotice", "x".repeat(60_000)));
    }
    alone(&rig);
    end(relay);
}
