//! How a relay ends, and what stays.

use crate::http::eventually;
use crate::rig::{Rig, end};
use crate::support::run;

#[test]
fn a_drained_relay_leaves_in_the_store_what_is_not_settled_and_answers_who_waits() {
    let rig = Rig::new(&["--drain", "0.2"]);
    rig.line.refuse(true);
    let relay = rig.start();
    let mut waiting = rig.http();
    waiting.send("POST", "/v1/messages?topic=emulator/a&wait=600", &[], b"1").expect("sent");
    eventually("it waits", || rig.metric("waiting_calls") == 1.0);
    relay.signal("TERM");
    assert_eq!(waiting.receive().expect("an answer").expect(202).json()["fate"], "spooled");
    let output = relay.wait().expect(0);
    assert!(output.stderr.contains("1 messages stay in the store"), "{}", output.stderr);
    rig.line.heal();
    let relay = rig.ready();
    eventually("the message of the first run", || rig.arrived("emulator/a") == ["1"]);
    end(relay);
}

#[test]
fn a_draining_relay_settles_what_it_has_accepted() {
    let rig = Rig::new(&["--drain", "100"]);
    let relay = rig.ready();
    rig.line.hold_acks(true);
    let mut waiting = rig.http();
    waiting.send("POST", "/v1/messages?topic=emulator/a&wait=600", &[], b"1").expect("sent");
    eventually("it waits", || rig.metric("waiting_calls") == 1.0);
    let mut idle = rig.http();
    idle.get("/healthz").expect(200);
    relay.signal("TERM");
    assert!(idle.is_closed());
    rig.line.calm();
    waiting.receive().expect("an answer").expect(200);
    relay.wait().expect(0);
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
}

#[test]
fn a_draining_relay_accepts_nothing_more() {
    let rig = Rig::new(&["--drain", "100"]);
    let mut relay = rig.ready();
    rig.line.hold_acks(true);
    let mut waiting = rig.http();
    waiting.send("POST", "/v1/messages?topic=emulator/a&wait=600", &[], b"1").expect("sent");
    let mut late = rig.http();
    late.raw(b"POST /v1/messages?topic=emulator/a HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\n\r\n").expect("sent");
    eventually("both wait", || rig.metric("waiting_calls") == 2.0);
    relay.signal("TERM");
    relay.stderr_until("draining");
    late.raw(b"2").expect("sent");
    late.receive().expect("an answer").problem(503, "draining", Some("not sent"));
    rig.line.calm();
    waiting.receive().expect("an answer").expect(200);
    relay.wait().expect(0);
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
}

#[test]
fn a_second_signal_ends_it_at_once_and_what_was_promised_stays() {
    let rig = Rig::new(&["--drain", "1000"]);
    rig.line.refuse(true);
    let mut relay = rig.start();
    rig.http().call("POST", "/v1/messages?topic=emulator/a", &["Prefer: respond-async"], b"1").expect(202);
    relay.signal("TERM");
    relay.stderr_until("draining");
    relay.signal("INT");
    relay.wait().expect(130);
    rig.line.heal();
    let relay = rig.ready();
    eventually("the message", || rig.arrived("emulator/a") == ["1"]);
    end(relay);
}

#[test]
fn a_refused_login_ends_the_relay_with_its_reason() {
    let rig = Rig::new(&[]);
    rig.emulator.refuse_logins(Some(5));
    let output = rig.start().wait().expect(4);
    assert!(output.stderr.contains("error:"), "{}", output.stderr);
}

#[test]
fn a_store_belongs_to_one_instance() {
    let rig = Rig::new(&[]);
    end(rig.ready());
    let mut command = rig.command();
    command.env("ALIYUN_MQTT_INSTANCE_ID", "post-cn-other");
    let output = run(command, ["--listen".to_string(), format!("unix:{}", rig.socket().display())]).expect(2);
    assert!(output.stderr.contains("belongs to"), "{}", output.stderr);
}

#[test]
fn systemd_hands_sockets_over_and_is_told_when_the_relay_is_ready() {
    use std::os::unix::net::{UnixDatagram, UnixListener};
    use std::process::Stdio;

    let rig = Rig::new(&[]);
    let heard = UnixDatagram::bind(rig.folder.path("notify")).expect("a socket");
    heard.set_read_timeout(Some(crate::support::LONG)).expect("a timeout");
    let listener = UnixListener::bind(rig.socket()).expect("a socket");
    let program = rig.command();
    // Descriptor 3 is the first that systemd passes on; LISTEN_PID has to be that of the relay.
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg("exec 3<&0 </dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\"")
        .arg(program.get_program())
        .args(program.get_args());
    shell.env_clear();
    for (name, value) in program.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.env("LISTEN_FDS", "1").env("NOTIFY_SOCKET", rig.folder.path("notify"));
    shell.stdin(Stdio::from(std::os::fd::OwnedFd::from(listener))).stdout(Stdio::piped()).stderr(Stdio::piped());
    let relay = crate::support::Running::start(shell);
    let mut part = [0; 256];
    let length = heard.recv(&mut part).expect("a notification");
    assert_eq!(std::str::from_utf8(&part[..length]).expect("UTF-8").trim(), "READY=1");
    rig.until_ready();
    rig.http().post("/v1/messages?topic=emulator/a", "1").expect(200);
    relay.signal("TERM");
    let length = heard.recv(&mut part).expect("a notification");
    assert_eq!(std::str::from_utf8(&part[..length]).expect("UTF-8").trim(), "STOPPING=1");
    relay.wait().expect(0);
    assert!(rig.socket().exists(), "the file is systemd's");
}

#[test]
fn what_is_acknowledged_at_the_last_moment_is_not_sent_again() {
    const COUNT: usize = 300;
    let rig = Rig::new(&["--drain", "0"]);
    let mut relay = rig.ready();
    rig.line.hold_acks(true);
    for number in 0..COUNT {
        let headers = ["Prefer: respond-async"];
        rig.http().call("POST", "/v1/messages?topic=emulator/a", &headers, number.to_string().as_bytes()).expect(202);
    }
    eventually("all are sent", || rig.arrived("emulator/a").len() >= 50);
    relay.signal("TERM");
    relay.stderr_until("ending the connection to the server");
    rig.line.calm();
    let output = relay.wait().expect(0);
    let told = output.stderr.lines().find_map(|line| line.split_once(" messages stay in the store"));
    let kept = told.map_or(0, |(line, _)| {
        line.rsplit(' ').next().and_then(|count| count.parse::<usize>().ok()).expect("a number")
    });
    let before = rig.arrived("emulator/a").len();
    let relay = rig.ready();
    eventually("nothing left", || rig.metric("in_flight_messages") == 0.0);
    assert_eq!(rig.arrived("emulator/a").len(), before + kept, "only what was told is sent by the next run");
    let mut all = rig.arrived("emulator/a");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), COUNT);
    end(relay);
}

#[test]
#[cfg(target_os = "linux")]
fn a_socket_without_permissions_is_not_taken_from_systemd() {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};
    use std::process::Stdio;

    let rig = Rig::new(&[]);
    let name = format!("aliyun-mqtt-relay-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("an address");
    let listener = UnixListener::bind_addr(&address).expect("a socket");
    let program = rig.command();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.arg("-c").arg("exec 3<&0 </dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\"").arg(program.get_program());
    shell.args(program.get_args()).env_clear();
    for (name, value) in program.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.env("LISTEN_FDS", "1").stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = crate::support::Running::start(shell).wait().expect(2);
    assert!(output.stderr.contains("without a path"), "{}", output.stderr);
}
