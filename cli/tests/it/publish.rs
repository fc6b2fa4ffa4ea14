//! `pub` of single messages: each way to give a payload, and each failure.

use std::process::Stdio;
use std::time::Duration;

use crate::support::library::broker::Broker;
use crate::support::library::fault_proxy::Proxy;
use crate::support::library::port::Port;
use crate::support::{Folder, LONG, Output, emulator, published, redirected, run, run_with_input, topic, with};
use aliyun_mqtt::{Client, Config, Credentials, Message, Protocol, QoS};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

/// Bytes that are not valid UTF-8.
const BINARY: &[u8] = b"\x00\xff\xfe\r\n\x80 \n";

/// Runs `pub -t demo-topic/a` with these arguments and no input.
fn publish(emulator: &Emulator, arguments: &[&str]) -> Output {
    let topic = topic(emulator, "a");
    run(with(emulator), [&["pub", "-t", &topic], arguments].concat())
}

/// Runs it with this input.
fn publish_input(emulator: &Emulator, arguments: &[&str], input: &[u8]) -> Output {
    let topic = topic(emulator, "a");
    run_with_input(with(emulator), [&["pub", "-t", &topic], arguments].concat(), input)
}

/// Returns a client that receives everything below the parent topic, with MQTT 5 properties.
fn listener(emulator: &Emulator) -> Client {
    let config = Config::builder()
        .protocol(Protocol::V5)
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
        .timeout(LONG);
    let client = Client::connect(config.build().expect("good")).expect("connected");
    client.subscribe(topic(emulator, "#"), QoS::AtLeastOnce).expect("subscribed");
    client
}

fn next(client: &Client) -> Message {
    client.recv_timeout(LONG).expect("alive").expect("a message in time")
}

#[test]
fn each_way_to_give_one_message_arrives_byte_for_byte_and_is_silent() {
    let emulator = emulator();
    let folder = Folder::new();
    let file = folder.write("payload", BINARY);
    let file = file.to_str().expect("UTF-8");
    for output in [
        publish(&emulator, &["-m", "-5 °C"]),
        publish(&emulator, &["-n", "-q", "0"]),
        publish(&emulator, &["-f", file, "-q", "2"]),
        publish_input(&emulator, &["-s"], BINARY),
        publish_input(&emulator, &["-f", "-"], b""),
    ] {
        let output = output.expect(0);
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    }
    let topic = topic(&emulator, "a");
    let expected: Vec<(String, u8, Vec<u8>)> =
        [(1, "-5 °C".as_bytes()), (0, b"".as_slice()), (2, BINARY), (1, BINARY), (1, b"")]
            .map(|(qos, payload)| (topic.clone(), qos, payload.to_vec()))
            .into();
    assert_eq!(published(&emulator), expected);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_utf_8_is_sent_as_it_is() {
    use std::os::unix::ffi::OsStrExt as _;
    let emulator = emulator();
    let mut command = with(&emulator);
    command.args(["pub", "-t", &topic(&emulator, "a"), "-m"]);
    run(command, [std::ffi::OsStr::from_bytes(b"\xff\x80")]).expect(0);
    assert_eq!(published(&emulator)[0].2, b"\xff\x80");
}

#[test]
fn repeat_sends_it_so_often_at_the_pace_asked_for_and_sums_up() {
    let emulator = emulator();
    let output = publish(&emulator, &["-m", "x", "--repeat", "30", "--rate", "1000", "--window", "1"]).expect(0);
    assert!(output.stderr.starts_with("30 acknowledged, 0 failed in "), "{output:?}");
    let output = publish(&emulator, &["-n", "--repeat", "3", "--repeat-delay", "0.001", "--quiet"]).expect(0);
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_eq!(published(&emulator).len(), 33);
}

#[test]
fn order_switches_the_connection_to_ordered_messages() {
    let emulator = emulator();
    publish(&emulator, &["-m", "x", "--order"]).expect(0);
    publish(&emulator, &["-m", "x"]).expect(0);
    let ordered = emulator.log().into_iter().filter_map(|entry| match entry.what {
        What::Published { ordered, .. } => Some(ordered),
        _ => None,
    });
    assert_eq!(ordered.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn properties_go_with_mqtt_5_and_are_refused_with_3_1_1() {
    let emulator = emulator();
    let receiver = listener(&emulator);
    let answers = topic(&emulator, "answers");
    let properties = [
        ["--content-type", "text/plain"],
        ["--user-property", "a=1"],
        ["--user-property", "a=b=c"],
        ["--message-expiry", "60"],
        ["--response-topic", &answers],
        ["--correlation-data", "id-7"],
    ]
    .concat();
    publish(&emulator, &[&["--protocol", "5", "-m", "x", "--text"], properties.as_slice()].concat()).expect(0);
    let message = next(&receiver);
    assert_eq!(message.content_type(), Some("text/plain"));
    let user: Vec<_> = message.user_properties().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(user, [("a", "1"), ("a", "b=c")]);
    assert!(message.message_expiry().is_some_and(|left| left <= Duration::from_secs(60)), "{message:?}");
    assert_eq!(message.response_topic(), Some(answers.as_str()));
    assert_eq!(message.correlation_data(), Some(b"id-7".as_slice()));
    assert!(message.payload_format_utf8());

    for flags in properties.chunks(2).chain([["--text"].as_slice()]) {
        let output = publish(&emulator, &[&["-m", "x"], flags].concat()).expect(2);
        assert!(output.stderr.contains("--protocol 5"), "{output:?}");
    }
    let output = publish_input(&emulator, &["--protocol", "5", "-s", "--text"], b"\xff").expect(2);
    assert!(output.stderr.contains("not UTF-8"), "{output:?}");
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_sent() {
    let emulator = emulator();
    let folder = Folder::new();
    let secret = folder.write("secret", emulator.access_key_secret());
    let large = folder.write("large", vec![b'x'; 65_537]);
    let [secret, large] = [&secret, &large].map(|path| path.to_str().expect("UTF-8"));
    let here = topic(&emulator, "a");
    for (arguments, word) in [
        (vec!["-t", &here], "no payload is specified"),
        (vec!["-m", "x"], "no topic"),
        (vec!["-t", &here, "-m", "x", "-n"], "more than one payload"),
        (vec!["-t", &here, "-l", "--jsonl"], "more than one payload"),
        (vec!["-t", &here, "-l", "--repeat", "2"], "--repeat"),
        (vec!["-t", &here, "-m", "x", "--rate", "0"], "--rate"),
        (vec!["-t", &here, "-m", "x", "--rate", "1", "--repeat-delay", "1"], "--repeat-delay"),
        (vec!["-t", &here, "-m", "x", "--repeat", "0"], "--repeat"),
        (vec!["-t", &here, "-m", "x", "--window", "10001"], "--window"),
        (vec!["-t", &here, "-m", "x", "--max-window", "0"], "--max-window"),
        (vec!["-t", &here, "-m", "x", "--window", "1", "--max-window", "1"], "--max-window"),
        (vec!["-t", &here, "-m", "x", "-q", "3"], "[possible values: 0, 1, 2]"),
        (vec!["-t", "demo/#", "-m", "x"], "demo/#"),
        (vec!["-t", "demo/#", "-l"], "demo/#"),
        (vec!["-t", &here, "-f", "no/such/file"], "no/such/file"),
        (vec!["-t", &here, "-f", "/"], "directory"),
        (vec!["-t", &here, "-f", large], "longer than 65536 bytes"),
        (vec!["-t", &here, "-m", "x", "--protocol", "5", "--user-property", "a"], "KEY=VALUE"),
        (vec!["-t", &here, "-m", "x", "-q", "0", "--spool", "x"], "QoS 0"),
        (vec!["-t", &here, "-l", "--access-key-secret-file", "-"], "both come from standard input"),
        (vec!["-t", &here, "-f", "-", "--access-key-secret-file", "-"], "both come from standard input"),
    ] {
        let output = run(with(&emulator), [&["pub"], arguments.as_slice()].concat()).expect(2);
        assert!(output.stderr.contains(word), "{arguments:?}: {output:?}");
    }
    assert!(emulator.log().iter().all(|entry| !matches!(entry.what, What::Connected { .. })));
    // The limit is that of the server: the client sends the message.
    let secret = ["--access-key-secret-file", secret];
    publish(&emulator, &[&["-f", large, "--max-payload", "65537"], secret.as_slice()].concat()).expect(6);
    publish_input(&emulator, &["-m", "x", "--access-key-secret-file", "-"], emulator.access_key_secret().as_bytes())
        .expect(0);
}

#[test]
fn a_refused_login_ends_with_4() {
    let emulator = emulator();
    let mut command = with(&emulator);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret");
    let output = run(command, ["pub", "-t", &topic(&emulator, "a"), "-m", "x"]).expect(4);
    assert!(output.stderr.starts_with("error: ") && output.stderr.contains("hint: "), "{output:?}");
}

#[test]
fn a_server_that_says_later_ends_with_3() {
    let (emulator, broker) = (emulator(), Broker::start());
    let endpoint = format!("mqtt://{}", broker.addr());
    let output = std::thread::scope(|scope| {
        scope.spawn(|| broker.accept_login().connack(false, 3));
        publish(&emulator, &["-m", "x", "-e", &endpoint]).expect(3)
    });
    assert!(output.stderr.contains("cannot take the connection now"), "{output:?}");
}

#[test]
fn a_forbidden_topic_ends_with_6_and_names_it() {
    let emulator = emulator();
    emulator.forbid(&topic(&emulator, "a"));
    let output = publish(&emulator, &["-m", "x"]).expect(6);
    assert!(output.stderr.contains(&topic(&emulator, "a")), "{output:?}");
}

#[test]
fn nothing_listening_ends_with_3() {
    let port = Port::reserve();
    let output = publish(&emulator(), &["-m", "x", "-e", &format!("mqtt://{}", port.addr())]).expect(3);
    assert!(output.stderr.contains(&port.addr().to_string()), "{output:?}");
}

#[test]
fn a_broker_that_does_not_answer_ends_with_5_and_names_the_stage() {
    let emulator = emulator();
    let proxy = Proxy::start(emulator.tcp_addr());
    let endpoint = proxy.endpoint();
    proxy.hold_acks(true);
    let output = publish(&emulator, &["-m", "x", "-e", &endpoint, "--timeout", "5"]).expect(5);
    assert!(output.stderr.contains("stage: ack"), "{output:?}");
    proxy.mute(true);
    let output = publish(&emulator, &["-m", "x", "-e", &endpoint, "--timeout", "5"]).expect(5);
    assert!(output.stderr.contains("stage: connack"), "{output:?}");
}

#[test]
fn json_tells_failure_and_summary_in_objects() {
    let emulator = emulator();
    let output = publish(&emulator, &["-m", "x", "--json", "-q", "2"]).expect(0);
    let summary: Value = serde_json::from_str(output.text()).expect("one object");
    assert_eq!((&summary["type"], &summary["acknowledged"]), (&"summary".into(), &1.into()));
    assert_eq!((&summary["failed"], &summary["exit_code"]), (&0.into(), &0.into()));
    assert_eq!((&summary["next"], &summary["interrupted"]), (&Value::Null, &false.into()));

    emulator.forbid(&topic(&emulator, "a"));
    let output = publish(&emulator, &["-m", "x", "--json"]).expect(6);
    let objects: Vec<Value> = output.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&objects[0]["type"], &objects[0]["message"]), (&"failure".into(), &1.into()));
    assert_eq!((&objects[0]["fate"], &objects[0]["exit_code"]), (&"refused".into(), &6.into()));
    assert_eq!((&objects[1]["failed"], &objects[1]["exit_code"]), (&1.into(), &6.into()));
    assert_eq!(output.stderr.matches("error: ").count(), 1, "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_for_the_summary_is_an_error_and_a_closed_pipe_is_not() {
    let emulator = emulator();
    let mut command = with(&emulator);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").expect("/dev/full"));
    let output = run(command, ["pub", "-t", &topic(&emulator, "a"), "-m", "x", "--json"]).expect(1);
    assert!(output.stderr.contains("cannot write the output"), "{output:?}");

    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = with(&emulator);
    command.stdout(Stdio::from(writer));
    let output = run(command, ["pub", "-t", &topic(&emulator, "a"), "-m", "x", "--json"]).expect(0);
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_eq!(published(&emulator).len(), 2);
}

/// A closed standard input is not the same as an empty one.
#[test]
fn with_its_input_closed_it_sends_nothing_where_it_would_read_it() {
    let emulator = emulator();
    let topic = topic(&emulator, "closed");
    let topic = topic.as_str();
    let secret = ["--access-key-secret-file", "-"];
    for arguments in [
        &["pub", "-t", topic, "-s"][..],
        &["pub", "-t", topic, "-f", "-"],
        &["pub", "-t", topic, "-l"],
        &["pub", "--jsonl"],
        &["p2p", "send", "GID_x@@@1", "-s"],
        &["rr", "-t", topic, "-s"],
        &["send", "-t", topic, "-s"],
        &["session", "-"],
        &[&secret[..], &["pub", "-t", topic, "-m", "x"]].concat(),
    ] {
        let output = run(redirected(&with(&emulator), arguments, "<&-"), [""; 0]);
        assert!(matches!(output.code, Some(1 | 2)), "{arguments:?}: {output:?}");
        assert!(output.stderr.contains("standard input is closed"), "{arguments:?}: {}", output.stderr);
    }
    assert_eq!(published(&emulator), [], "nothing was sent");
    // A command that neither reads nor prints does not need the streams.
    run(redirected(&with(&emulator), ["pub", "-t", topic, "-m", "x"], "<&- >&- 2>&-"), [""; 0]).expect(0);
    assert_eq!(published(&emulator).len(), 1);
    run(redirected(&with(&emulator), ["pub", "-t", topic, "-s"], "</dev/null"), [""; 0]).expect(0);
    run(redirected(&with(&emulator), ["pub", "-t", topic, "-s"], "0<>/dev/null"), [""; 0]).expect(0);
    assert_eq!(published(&emulator).len(), 3);
    let output = run(redirected(&with(&emulator), ["pub", "-t", topic, "-m", "x", "--json"], ">&-"), [""; 0]).expect(1);
    assert!(output.stderr.contains("standard output is closed"), "{}", output.stderr);
    assert_eq!(published(&emulator).len(), 3, "it was told before");
}
