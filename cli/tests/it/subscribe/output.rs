//! The printed messages.

use super::*;
#[cfg(target_os = "linux")]
use crate::support::terminal::on_terminal;

#[test]
fn payloads_come_out_byte_for_byte() {
    let emulator = emulator();
    let topic = topic(&emulator, "bytes");
    let all: Vec<u8> = (0..=255).chain(*b"\r\n\0").collect();
    waiting(&emulator, &topic, &[&all, b"", b"text"]);
    let output = run_keeper(&emulator, &topic, &["-N", "-C", "3"]).expect(0);
    assert_eq!(output.stdout, [&all[..], b"text"].concat());
    assert_eq!(output.stderr, "");
    expect_acknowledged(&emulator, 3);

    waiting(&emulator, &topic, &[b"a", b"", b"b c"]);
    assert_eq!(
        run_keeper(&emulator, &topic, &["-v", "-C", "3"]).expect(0).text(),
        format!("{topic} a\n{topic} \n{topic} b c\n")
    );
    waiting(&emulator, &topic, &[b"a", b"\xff"]);
    let output = run_keeper(&emulator, &topic, &["-C", "2", "-F", "%q|%-4l|%x|%t\\t@@"]).expect(0);
    assert_eq!(output.text(), format!("1|1   |61|{topic}\t@\n1|1   |ff|{topic}\t@\n"));
}

#[test]
fn a_large_message_is_taken_where_the_setting_allows_it_and_else_named_and_passed_over() {
    let mut limits = aliyun_mqtt_emulator::Limits::default();
    (limits.payload, limits.packet) = (1 << 20, 2 << 20);
    let emulator = Emulator::builder().limits(limits).start().expect("the emulator starts");
    let topic = topic(&emulator, "large");
    let large = vec![b'x'; 300_000];
    let lengths = |command: Command, arguments: &[&str], count: &str| {
        // The large one first: it may cut the connection, and what came before it could come again.
        waiting(&emulator, &topic, &[&large, b"one", b"two"]);
        let keep = ["sub", "-c", "--device-id", DEVICE, "-t", &topic, "-C", count];
        let output = run(command, [&keep[..], arguments].concat()).expect(0);
        let mut lengths: Vec<_> = output.lines().iter().map(|line| line.len()).collect();
        lengths.sort_unstable();
        (lengths, output.stderr)
    };
    let (came, told) = lengths(with(&emulator), &["--max-payload", "300000"], "3");
    assert_eq!((came, told.as_str()), (vec![3, 3, 300_000], ""));
    // The name of the library's setting, which its hints use.
    assert_eq!(lengths(with(&emulator), &["--payload-len", "300000"], "3").0, [3, 3, 300_000]);
    let mut command = with(&emulator);
    command.env("ALIYUN_MQTT_MAX_PAYLOAD", "300000");
    assert_eq!(lengths(command, &[], "3").0, [3, 3, 300_000]);
    let (came, told) = lengths(with(&emulator), &[], "2");
    assert_eq!(came, [3, 3]);
    assert!(
        told.contains("payload_len (ALIYUN_MQTT_MAX_PAYLOAD)") && told.contains("262144") && !told.contains("parent"),
        "{told}"
    );
    // It does not stay in the session and block it.
    expect_left(&emulator, &topic, &[]);
    let output = run(with(&emulator), ["sub", "-t", &topic, "-C", "1", "--max-payload", "much"]).expect(2);
    assert!(output.stderr.contains("--max-payload") && output.stderr.contains("much"), "{output:?}");
}

#[test]
fn json_is_one_object_a_line() {
    let emulator = emulator();
    let topic = topic(&emulator, "json");
    waiting(&emulator, &topic, &["中\n".as_bytes(), b"\xff\0"]);
    let (mut command, arguments) = keeper(&emulator, &topic, &["--json", "-C", "2"]);
    let named = "Asia/Shanghai";
    let known = std::path::Path::new("/usr/share/zoneinfo").join(named).exists();
    command.env("TZ", if known { named } else { "CST-8" });
    let output = run(command, arguments).expect(0);
    let objects: Vec<Value> = output.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["payload"], "中\n");
    assert_eq!(objects[0]["topic"], topic.as_str());
    assert_eq!(objects[0]["qos"], 1);
    assert_eq!(objects[1]["payload_b64"], "/wA=");
    assert_eq!(objects[1]["payload_len"], 2);
    let time = objects[0]["time"].as_str().unwrap();
    assert!(time.ends_with("+08:00"), "{time}");
    time.parse::<jiff::Timestamp>().expect("RFC 3339");
}

#[test]
fn properties_of_mqtt_5_are_shown() {
    let emulator = emulator();
    let topic = topic(&emulator, "five");
    let keep = ["sub", "--protocol", "5", "--session-expiry", "3600", "-c", "--device-id", DEVICE, "-t", &topic];
    let keep = [&keep[..], &["--subscription-id", "7"]].concat();
    run(with(&emulator), [&keep[..], &["-E"]].concat()).expect(0);
    let config = aliyun_mqtt::Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(aliyun_mqtt::Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
        .protocol(aliyun_mqtt::Protocol::V5);
    let client = aliyun_mqtt::Client::connect(config.build().unwrap()).unwrap();
    let message = aliyun_mqtt::Outgoing::new(&topic, aliyun_mqtt::QoS::AtLeastOnce, "x")
        .user_property("k", "1")
        .user_property("k", "2")
        .content_type("text/plain")
        .message_expiry(Duration::from_secs(9000))
        .correlation_data([0xff]);
    client.publish_message(message).unwrap();
    let output = run(with(&emulator), [&keep[..], &["--json", "-C", "1"]].concat()).expect(0);
    let object: Value = serde_json::from_str(output.text()).unwrap();
    assert_eq!(object["user_properties"], serde_json::json!([["k", "1"], ["k", "2"]]));
    assert!(object["message_expiry"].as_u64().is_some_and(|left| (8000..=9000).contains(&left)), "{object}");
    // `pub` sends what `sub` prints.
    run_with_input(with(&emulator), ["pub", "--jsonl", "--protocol", "5"], output.text()).expect(0);
    let again = run(with(&emulator), [&keep[..], &["--json", "-C", "1"]].concat()).expect(0);
    let again: Value = serde_json::from_str(again.text()).unwrap();
    for key in ["topic", "payload", "user_properties", "content_type", "correlation_data_b64"] {
        assert_eq!(again[key], object[key], "{key}");
    }
    assert!(again["message_expiry"].is_u64(), "{again}");
    assert_eq!(object["content_type"], "text/plain");
    assert_eq!(object["correlation_data_b64"], "/w==");
    assert_eq!(object["subscription_identifiers"], serde_json::json!([7]));
}

#[test]
fn what_is_filtered_out_is_acknowledged_and_does_not_count() {
    let emulator = emulator();
    let (all, noise) = (topic(&emulator, "some/#"), topic(&emulator, "some/noise/#"));
    run_keeper(&emulator, &all, &["-E"]).expect(0);
    for (rest, payload) in [("some/noise/a", "1"), ("some/b", "2"), ("some/noise", "3"), ("some/c", "4")] {
        emulator.publish_as_service(&topic(&emulator, rest), 1, payload).unwrap();
    }
    let output = run_keeper(&emulator, &all, &["-T", &noise, "-C", "2"]).expect(0);
    assert_eq!(output.text(), "2\n4\n");
    expect_left(&emulator, &topic(&emulator, "some/d"), &[]);
}

#[test]
fn formats_mean_what_they_mean_to_mosquitto_sub() {
    let Some(mosquitto) = support::mosquitto::Mosquitto::start() else { return };
    for (topic, payload) in
        [("demo/a", "Hello"), ("demo/a/longer", "{\"a\": [1, 2.5]}"), ("demo/b", "line\nline % @ \\")]
    {
        mosquitto.publish(&["-r", "-q", "1", "-t", topic, "-m", payload]);
    }
    let properties = "content-type text/plain|message-expiry-interval 9000|\
        payload-format-indicator 1|response-topic re/ply|\
                      correlation-data id|user-property k 1|user-property a 2";
    let properties = properties.split('|').flat_map(|text| ["-D", "publish"].into_iter().chain(text.splitn(3, ' ')));
    let publish: Vec<&str> =
        ["-V", "5", "-r", "-q", "1", "-t", "demo/c", "-m", "five"].into_iter().chain(properties).collect();
    mosquitto.publish(&publish);
    for format in [
        "%t|%p|%x|%X|%l|%q|%r|%%|@@|\\\\|%A",
        "\\0\\a\\e\\n\\r\\t\\v",
        "[%20t][%-20t][%020t][%3t]",
        "[%.3t][%10.3t][%-10.3t][%.t][%.40t]",
        "[%6l][%06l][%-6l][%-06l][%1l]",
        // Not %x with a width: mosquitto_sub then shows half of the payload.
        "[%30p][%-30p]",
        "[%C][%D][%F][%P][%R][%S]",
        "[%14C][%-14C][%.4C][%-14.4C][%.2R]",
        "[%-4F][%-4A][%4S]",
        "%J",
    ] {
        let arguments = ["-t", "demo/#", "-q", "1", "-C", "4", "-F", format];
        let theirs = mosquitto.client("mosquitto_sub").args(["-V", "5", "-W", "60"]).args(arguments).output().unwrap();
        let arguments = [&["sub", "--protocol", "5"], &arguments[..]].concat();
        let ours = run(mosquitto.with(), arguments).expect(0);
        if format != "%J" {
            assert_eq!(String::from_utf8_lossy(&ours.stdout), String::from_utf8_lossy(&theirs.stdout), "{format}");
            continue;
        }
        // Not all payloads are JSON. If they are, only time, packet id and properties differ.
        let objects = |stdout: &[u8]| -> Vec<Value> {
            let lines = std::str::from_utf8(stdout).unwrap().lines().filter(|line| !line.is_empty());
            let mut objects: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
            for object in &mut objects {
                object.as_object_mut().unwrap().retain(|key, _| !["tst", "mid", "properties"].contains(&key.as_str()));
            }
            objects
        };
        assert_eq!(objects(&ours.stdout), objects(&theirs.stdout));
        assert_eq!(objects(&ours.stdout).len(), 1);
        assert_eq!(ours.stderr.matches("is not JSON").count(), 3, "{}", ours.stderr);
    }
}

#[test]
fn nothing_but_a_payload_makes_a_line() {
    let hostile = "a\nb\u{1b}[2J\r\u{202e}\tc";
    let shown = r"a\nb\u{1b}[2J\r\u{202e}\tc";
    let server = Broker::start();
    let message = |payload: &[u8]| {
        // Content type, response topic, user property.
        let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
        let properties = [&[3][..], &text(hostile), &[8], &text(hostile), &[0x26], &text(hostile), &text("v")].concat();
        let body = [&text(hostile)[..], &[0, 1, properties.len() as u8], &properties, payload].concat();
        broker::packet(0x32, &body)
    };
    for (arguments, expected) in [
        (&["-v"][..], format!("{shown} one\ntwo\n")),
        (&["-F", "%t|%C|%R|%P|%p"], format!("{shown}|{shown}|{shown}|{shown}:v|one\ntwo\n")),
        (&["-v", "--output-dir", "DIR"], format!("{shown} DIR/")),
        (&["--exec", "false", "--keep-going"], String::new()),
    ] {
        let folder = Folder::new();
        let folder = folder.as_path().to_str().expect("a path in UTF-8");
        let mut command = at(&server);
        command.args(["sub", "--protocol", "5", "-t", "#", "-C", "1"]);
        command.args(arguments.iter().map(|argument| argument.replace("DIR", folder)));
        let running = Running::start(command);
        deliver(&server, &[message(b"one\ntwo")]);
        let output = running.wait();
        let (text, lines) = (output.text(), output.stderr.lines().collect::<Vec<_>>());
        match arguments[0] {
            "--exec" => assert!(lines.len() == 3 && lines[1].contains(shown), "{lines:?}"),
            _ if arguments.contains(&"DIR") => {
                assert!(text.starts_with(&expected.replace("DIR", folder)) && text.lines().count() == 1, "{text:?}");
            }
            _ => assert_eq!(text, expected),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_at_a_terminal_reads_what_is_subscribed_to_and_a_program_does_not() {
    let emulator = emulator();
    let topic = topic(&emulator, "told");
    let arguments = ["sub", "-t", &topic, "-q", "2", "-E", "--device-id", "told"];
    assert_eq!(run(with(&emulator), arguments).expect(0).stderr, "");
    let line = format!("$PROGRAM {}", arguments.join(" "));
    let output = on_terminal(&with(&emulator), &line).wait().expect(0);
    let expected = format!("subscribed to {topic} with QoS 2, as {}@@@told", emulator.group_id());
    assert!(output.text().contains(&expected), "{output:?}");
}
