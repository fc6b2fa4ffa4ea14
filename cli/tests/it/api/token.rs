//! `token` and `session`.

use super::*;

#[test]
fn a_token_is_applied_for_used_queried_and_revoked() {
    let emulator = emulator();
    let applied = call(&emulator, &["token", "apply", &topic(&emulator, "#"), "--lifetime", "2m"]).expect(0);
    let token = applied.text().strip_suffix('\n').expect("one line");
    assert!(token.starts_with("RW|") && !token.contains('\n'), "{applied:?}");
    assert!(applied.stderr.contains("valid until 20") && !applied.stderr.contains(token), "{applied:?}");
    client(&emulator, "1", Credentials::token(emulator.access_key_id(), token)).unwrap().disconnect().unwrap();

    let query = |token: &str, arguments: &[&str]| {
        let arguments = [&["token", "query", "--token-file", "-"], arguments].concat();
        run_with_input(settings(&emulator), arguments, token)
    };
    assert_eq!(query(token, &[]).expect(0).text(), "RW\tvalid\n");
    assert_eq!(query(&token[3..], &[]).expect(0).text(), "-\tvalid\n");
    let two = query(&format!("{token}|R|not-a-token\n"), &["--json"]).expect(1);
    let two = json(&two);
    assert_eq!((&two[0]["kind"], &two[0]["valid"]), (&"RW".into(), &true.into()));
    assert_eq!((&two[1]["kind"], &two[1]["valid"]), (&"R".into(), &false.into()));
    // Standard input needs no flag, unless it has the secret of the API.
    let piped = |arguments: &[&str]| run_with_input(settings(&emulator), arguments, format!("{token}\n"));
    assert_eq!(piped(&["token", "query"]).expect(0).text(), "RW\tvalid\n");
    let secret = piped(&["token", "query", "--access-key-secret-file", "-"]).expect(2);
    assert!(secret.stderr.contains("the token is not given"), "{secret:?}");
    query("RW", &[]).expect(1);
    assert!(query("X|y", &[]).expect(2).stderr.contains("RW|..."));

    let mut command = settings(&emulator);
    command.env("ALIYUN_MQTT_TOKEN", token);
    let revoked = run(command, ["token", "revoke"]).expect(0);
    assert!(revoked.stdout.is_empty() && revoked.stderr.contains("revoked the RW token"), "{revoked:?}");
    assert_eq!(query(token, &[]).expect(1).text(), "RW\tinvalid\n");
}

#[test]
fn a_token_has_the_type_the_topics_and_the_form_that_are_asked_for() {
    let emulator = emulator();
    let parent = emulator.parent_topic();
    let whole = call(&emulator, &["token", "apply", "--kind", "R", "--json", "--lifetime", "30d"]).expect(0);
    let whole = &json(&whole)[0];
    assert_eq!(whole["kind"], "R");
    assert_eq!(whole["topics"], serde_json::json!([parent, format!("{parent}/#")]));
    assert!(whole["expires"].as_str().unwrap().starts_with("20"), "{whole}");
    let bare = call(&emulator, &["token", "apply", parent, "--kind", "W", "--bare"]).expect(0);
    assert!(!bare.text().contains('|') && bare.lines().len() == 1);
    // A client can publish with it.
    let credentials = Credentials::token(emulator.access_key_id(), format!("W|{}", bare.lines()[0]));
    let client = client(&emulator, "1", credentials).unwrap();
    client.publish(parent, QoS::AtLeastOnce, "x").unwrap();
}

#[test]
fn a_token_goes_to_a_file_for_its_owner_only() {
    let emulator = emulator();
    let folder = Folder::new();
    let path = folder.write("token", "old");
    let apply = |path: &Path| {
        let mut command = settings(&emulator);
        command.args(["token", "apply", "--output"]).arg(path);
        run(command, [""; 0])
    };
    let output = apply(&path).expect(0);
    assert!(output.stdout.is_empty() && output.stderr.contains("valid until"), "{output:?}");
    let token = std::fs::read_to_string(&path).unwrap();
    assert!(token.starts_with("RW|") && token.ends_with('\n'), "{token:?}");
    assert!(!output.stderr.contains(token.trim_end()));
    #[cfg(unix)]
    {
        // The file existed before and everybody could read it.
        assert_eq!(mode(&path), 0o600);
        // A link stays, and its target is replaced.
        let link = folder.path("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        apply(&link).expect(0);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_ne!(std::fs::read_to_string(&path).unwrap(), token);
        // A file that cannot be written is an error before a token is applied for.
        let before = calls(&emulator, "ApplyToken");
        let failed = apply(&folder.path("no/such/folder/token")).expect(1);
        assert!(failed.stderr.contains("no/such/folder/token"), "{failed:?}");
        apply(folder.as_path()).expect(1);
        assert_eq!(calls(&emulator, "ApplyToken"), before);
        let full = apply(Path::new("/dev/full")).expect(1);
        assert!(full.stderr.contains("cannot write /dev/full"), "{full:?}");
    }
    let names: Vec<_> = std::fs::read_dir(folder.as_path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), if cfg!(unix) { 2 } else { 1 }, "nothing is left behind: {names:?}");
}

#[test]
fn a_token_that_cannot_be_is_refused_here_or_there() {
    let emulator = emulator();
    for (arguments, word) in [
        (&["--kind", "X"][..], "[possible values: R, W, RW]"),
        (&["--lifetime", "10"], "60 s to 30 days"),
        (&["--lifetime", "31d"], "60 s to 30 days"),
        (&["--lifetime", "soon"], "30m"),
        (&["demo//x"], "demo//x"),
        (&["+/x"], "first level"),
    ] {
        let failed = call(&emulator, &[&["token", "apply"], arguments].concat()).expect(2);
        assert!(failed.stderr.contains(word) && failed.stdout.is_empty(), "{failed:?}");
    }
    assert_eq!(calls(&emulator, "ApplyToken"), 0);
    let unknown = call(&emulator, &["token", "apply", "unknown/#"]).expect(4);
    for word in ["PermissionCheckFailed", "request id", "hint:", "mq:ApplyToken"] {
        assert!(unknown.stderr.contains(word), "{word}: {unknown:?}");
    }
    let mut command = settings(&emulator);
    command.env_remove("ALIYUN_MQTT_TOPIC");
    assert!(run(command, ["token", "apply"]).expect(2).stderr.contains("--parent-topic"));
    let none = call(&emulator, &["token", "query"]).expect(2);
    assert!(none.stderr.contains("--token-file") && none.stderr.contains("ALIYUN_MQTT_TOKEN"), "{none:?}");
}

#[test]
fn clients_are_online_or_not() {
    let emulator = emulator();
    let client = client(&emulator, "online", signature(&emulator)).unwrap();
    let (online, offline) = (client.config().client_id().to_string(), format!("{}@@@offline", emulator.group_id()));
    let both = call(&emulator, &["session", &offline, &online]).expect(0);
    assert_eq!(both.text(), format!("{offline}\toffline\n{online}\tonline\n"));
    call(&emulator, &["session", "--check", &offline, &online]).expect(1);
    call(&emulator, &["session", "--check", &online]).expect(0);
    let json = json(&call(&emulator, &["session", "--json", &online]).expect(0));
    assert_eq!((&json[0]["client_id"], &json[0]["online"]), (&online.as_str().into(), &true.into()));

    // More ids than the service accepts at a time, in order, with empty lines.
    let many: Vec<String> = (0..25).map(|number| format!("{}@@@{number}", emulator.group_id())).collect();
    let input = format!("{}\n\n{online}\r\n", many.join("\n"));
    let listed = run_with_input(settings(&emulator), ["session", "-", &offline], input).expect(0);
    let ids: Vec<&str> = listed.lines().into_iter().map(|line| line.split('\t').next().unwrap()).collect();
    let expected: Vec<&str> = many.iter().chain([&online, &offline]).map(String::as_str).collect();
    assert_eq!(ids, expected);
    assert_eq!(listed.text().matches("\tonline").count(), 1);
    // A list saved by Windows.
    let input = format!("\u{feff}{online}\r\n\r\n{offline}\r\n");
    let listed = run_with_input(settings(&emulator), ["session", "-"], input.clone()).expect(0);
    assert_eq!(listed.text(), format!("{online}\tonline\n{offline}\toffline\n"));
    let utf_16: Vec<u8> = input.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (input, words) in [(utf_16, "UTF-16"), (vec![b'x'; 100_000], "longer than 1024 bytes")] {
        let output = run_with_input(settings(&emulator), ["session", "-"], input).expect(2);
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
    call(&emulator, &["session"]).expect(2);
    let twice = run_with_input(settings(&emulator), ["session", "-", "--access-key-secret-file", "-"], "x").expect(2);
    assert!(twice.stderr.contains("stdin"), "{twice:?}");
    drop(client);
}
