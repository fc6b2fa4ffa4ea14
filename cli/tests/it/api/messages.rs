//! `send` and `trace`.

use super::*;

#[test]
fn traces_show_devices_and_messages() {
    let emulator = emulator();
    let client = client(&emulator, "1", signature(&emulator)).unwrap();
    let id = client.config().client_id().to_string();
    client.subscribe(topic(&emulator, "#"), QoS::AtLeastOnce).unwrap();
    let sent = call(&emulator, &["send", "-t", &topic(&emulator, "a"), "-m", "hello"]).expect(0);
    let message_id = sent.lines()[0].to_string();
    client.recv_timeout(LONG).unwrap().expect("the message");
    client.disconnect().unwrap();
    emulator.wait_for_log(LONG, |entry| matches!(entry.what, What::Disconnected { .. })).unwrap();

    let device = call(&emulator, &["trace", "device", &id]).expect(0);
    let rows: Vec<Vec<&str>> = device.lines().into_iter().map(|line| line.split('\t').collect()).collect();
    assert_eq!((rows[0][1], rows[0][3]), ("connect", "accepted"), "{device:?}");
    assert_eq!((rows[1][1], rows[1][3]), ("disconnect", "disconnected by client"), "{device:?}");
    assert!(rows.len() == 2 && rows[0][2] == rows[1][2] && rows.iter().all(|row| row.len() == 4));
    let reverse = call(&emulator, &["trace", "device", &id, "--reverse", "--json"]).expect(0);
    let reverse = json(&reverse);
    assert_eq!((&reverse[0]["action"], reverse.len()), (&"disconnect".into(), 2));
    assert!(reverse[0].get("message_id").is_none());

    let whence = call(&emulator, &["trace", "publish", &message_id]).expect(0);
    assert!(whence.lines().len() == 1 && whence.text().contains("\tpub_mq\t"), "{whence:?}");
    let whither = json(&call(&emulator, &["trace", "subscribe", &message_id, "--json"]).expect(0));
    assert_eq!((&whither[0]["client_id"], &whither[0]["action"]), (&id.as_str().into(), &"sub".into()));
    let nobody = call(&emulator, &["trace", "subscribe", &message_id, "GID_emulator@@@other"]).expect(0);
    assert!(nobody.stdout.is_empty() && nobody.stderr.contains("no entries"), "{nobody:?}");
    let messages = call(&emulator, &["trace", "messages", &id]).expect(0);
    assert!(messages.lines().len() == 1 && messages.text().contains(&message_id), "{messages:?}");
}

#[test]
fn traces_come_in_pages_of_a_span() {
    let emulator = emulator();
    let client = client(&emulator, "1", signature(&emulator)).unwrap();
    let id = client.config().client_id().to_string();
    for number in 0..7 {
        client.publish(topic(&emulator, "a"), QoS::AtLeastOnce, number.to_string()).unwrap();
    }
    let messages =
        |arguments: &[&str]| call(&emulator, &[&["trace", "messages", &id, "--page-size", "3"], arguments].concat());
    let second = messages(&["--page", "2"]).expect(0);
    assert_eq!(second.lines().len(), 3);
    assert!(second.stderr.contains("3 of 7") && second.stderr.contains("--page 3"), "{second:?}");
    let last = messages(&["--page", "3"]).expect(0);
    assert!(last.lines().len() == 1 && last.stderr.is_empty(), "{last:?}");
    let before = calls(&emulator, "QueryMqttTraceMessageOfClient");
    let all = messages(&["--all"]).expect(0);
    assert!(all.lines().len() == 7 && all.stderr.is_empty(), "{all:?}");
    assert_eq!(calls(&emulator, "QueryMqttTraceMessageOfClient"), before + 3);

    let past = messages(&["--begin", "2026-01-01T00:00:00Z", "--end", "2026-01-01T01:00:00+00:00"]).expect(0);
    assert!(past.stdout.is_empty(), "{past:?}");
    for (arguments, word) in [
        (&["--begin", "yesterday"][..], "30m"),
        (&["--begin", "1h", "--end", "2h"], "ends before it begins"),
        (&["--page", "0"], "counted from 1"),
        (&["--page", "2", "--all"], "--all"),
    ] {
        let failed = messages(arguments).expect(2);
        assert!(failed.stderr.contains(word), "{failed:?}");
    }
    let failed = call(&emulator, &["trace", "messages", &id, "--page-size", "101"]).expect(2);
    assert!(failed.stderr.contains("1 to 100"), "{failed:?}");
    let nowhere = run(with(&emulator), ["trace", "device", &id]).expect(2);
    assert!(nowhere.stderr.contains("--region-id"), "{nowhere:?}");
}

#[test]
fn a_message_is_sent_by_the_api() {
    let emulator = emulator();
    let client = client(&emulator, "1", signature(&emulator)).unwrap();
    client.subscribe(topic(&emulator, "#"), QoS::AtLeastOnce).unwrap();
    let (a, id) = (topic(&emulator, "a"), client.config().client_id().to_string());
    let folder = Folder::new();
    let file = folder.write("payload", "from a file\n");
    let p2p = topic(&emulator, &format!("p2p/{id}"));
    for (output, payload) in [
        (call(&emulator, &["send", "-t", &a, "-m", "a & b = 中文"]), "a & b = 中文"),
        (call(&emulator, &["send", "-t", &a, "-f", file.to_str().unwrap()]), "from a file\n"),
        (run_with_input(settings(&emulator), ["send", "-t", &a, "-s"], "from stdin"), "from stdin"),
        (call(&emulator, &["send", "-t", &p2p, "-m", "to one"]), "to one"),
    ] {
        assert_eq!(output.expect(0).lines().len(), 1);
        assert_eq!(client.recv_timeout(LONG).unwrap().expect("the message").payload(), payload.as_bytes());
    }
    let json = json(&call(&emulator, &["send", "-t", &a, "-m", "x", "--json"]).expect(0));
    assert!(json[0]["topic"] == *a && !json[0]["message_id"].as_str().unwrap().is_empty(), "{json:?}");
}

#[test]
fn a_message_that_cannot_be_sent_is_refused_here_or_there() {
    let emulator = emulator();
    let a = topic(&emulator, "a");
    let send = |arguments: &[&str]| call(&emulator, &[&["send"], arguments].concat());
    let bytes = run_with_input(settings(&emulator), ["send", "-t", &a, "-s"], b"text\xff".to_vec()).expect(2);
    assert!(bytes.stderr.contains("byte 4") && bytes.stderr.contains("aliyun-mqtt pub"), "{bytes:?}");
    let large = run_with_input(settings(&emulator), ["send", "-t", &a, "-s"], "x".repeat(65_537)).expect(2);
    assert!(large.stderr.contains("standard input is longer than 65536 bytes"), "{large:?}");
    let url = run_with_input(settings(&emulator), ["send", "-t", &a, "-s"], "中".repeat(10_000)).expect(2);
    assert!(url.stderr.contains("65,534") || url.stderr.contains("65534"), "{url:?}");
    assert!(send(&["-t", "a//b", "-m", "x"]).expect(2).stderr.contains("a//b"));
    assert!(send(&["-t", &a]).expect(2).stderr.contains("no payload is specified"));
    assert!(send(&["-t", &a, "-m", "x", "-s"]).expect(2).stderr.contains("more than one payload"));
    assert!(send(&["-t", &a, "-f", "no/such/file"]).expect(2).stderr.contains("no/such/file"));
    let two =
        run_with_input(settings(&emulator), ["send", "-t", &a, "-s", "--access-key-secret-file", "-"], "x").expect(2);
    assert!(two.stderr.contains("cannot both come from standard input"), "{two:?}");
    assert_eq!(calls(&emulator, "SendMessage"), 0);
    emulator.forbid(&a);
    let forbidden = send(&["-t", &a, "-m", "x"]).expect(4);
    assert!(
        forbidden.stderr.contains("PermissionCheckFailed") && forbidden.stderr.contains("request id"),
        "{forbidden:?}"
    );
}
