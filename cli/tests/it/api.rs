//! The commands that use the service API: `token`, `session`, `credential`, `group`, `trace`, `send`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aliyun_mqtt::{Client, Config, Credentials, QoS};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

use crate::support;
use crate::support::{Folder, LONG, Output, emulator, run, run_with_input, topic, with};

/// The program with all settings, including the region, which traces need.
fn settings(emulator: &Emulator) -> Command {
    let mut command = with(emulator);
    command.env("ALIYUN_MQTT_REGION_ID", "cn-hangzhou");
    command
}

fn call(emulator: &Emulator, arguments: &[&str]) -> Output {
    run(settings(emulator), arguments)
}

fn json(output: &Output) -> Vec<Value> {
    output.lines().into_iter().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn client(emulator: &Emulator, device: &str, credentials: Credentials) -> aliyun_mqtt::Result<Client> {
    let config = Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .device_id(device)
        .credentials(credentials);
    Client::connect(config.build()?)
}

fn signature(emulator: &Emulator) -> Credentials {
    Credentials::signature(emulator.access_key_id(), emulator.access_key_secret())
}

/// Returns how many times the API was called with this action, whatever the result.
fn calls(emulator: &Emulator, wanted: &str) -> usize {
    let is = |what: &What| match what {
        What::ApiCalled { action } | What::ApiRefused { action, .. } => action == wanted,
        _ => false,
    };
    emulator.log().iter().filter(|entry| is(&entry.what)).count()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

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

#[test]
fn a_credential_is_masked_unless_it_is_asked_for() {
    let emulator = emulator();
    let id = format!("{}@@@0001", emulator.group_id());
    let field = |output: &Output, name: &str| {
        let line = output.lines().into_iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        line.expect("the field").to_string()
    };
    let made = call(&emulator, &["credential", "register", &id]).expect(0);
    assert_eq!(field(&made, "access_key_secret"), "********");
    assert_eq!(field(&made, "client_id"), id);
    assert!(field(&made, "created").starts_with("20"));
    let shown = call(&emulator, &["credential", "get", &id, "--reveal"]).expect(0);
    let (key, secret) = (field(&shown, "access_key_id"), field(&shown, "access_key_secret"));
    assert_eq!(field(&made, "access_key_id"), key);
    assert!(!made.text().contains(&secret));
    client(&emulator, "0001", Credentials::device(key.as_str(), secret.as_str())).unwrap();

    let hidden = call(&emulator, &["credential", "get", &id, "--json"]).expect(0);
    assert!(!hidden.text().contains(&secret) && json(&hidden)[0].get("access_key_secret").is_none(), "{hidden:?}");
    let open = json(&call(&emulator, &["credential", "get", &id, "--json", "--reveal"]).expect(0));
    assert_eq!(open[0]["access_key_secret"], secret);

    let new = call(&emulator, &["credential", "refresh", &id, "--reveal"]).expect(0);
    assert_ne!(field(&new, "access_key_secret"), secret);
    let gone = call(&emulator, &["credential", "unregister", &id]).expect(0);
    assert!(gone.stdout.is_empty() && gone.stderr.contains(&id), "{gone:?}");
    let unknown = call(&emulator, &["credential", "get", &id]).expect(4);
    assert!(unknown.stderr.contains("ParameterCheckFailed") && unknown.stderr.contains("request id"), "{unknown:?}");
}

#[test]
fn a_credential_goes_to_a_file_that_a_device_can_use() {
    let emulator = emulator();
    let folder = Folder::new();
    let id = format!("{}@@@0001", emulator.group_id());
    let toml = folder.path("device.toml");
    let made = call(&emulator, &["credential", "register", &id, "--output", toml.to_str().unwrap()]).expect(0);
    let text = std::fs::read_to_string(&toml).unwrap();
    assert!(made.text().contains("********") && text.contains("auth = \"device\""), "{made:?}");
    #[cfg(unix)]
    assert_eq!(mode(&toml), 0o600);
    let sign = ["sign", "--reveal", "--json"];
    let by_toml = json(&run(support::program(), [&sign[..], &["--config", toml.to_str().unwrap()]].concat()).expect(0));
    assert_eq!(by_toml[0]["client_id"], id);

    let env = folder.path("device.env");
    call(&emulator, &["credential", "get", &id, "--output", env.to_str().unwrap()]).expect(0);
    let mut command = support::program();
    for line in std::fs::read_to_string(&env).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once('=').unwrap();
        command.env(name, value);
    }
    let by_env = json(&run(command, sign).expect(0));
    assert_eq!(by_env[0], by_toml[0]);
    assert!(by_env[0]["username"].as_str().unwrap().starts_with("DeviceCredential|"));
    assert!(text.contains(&emulator.endpoint()), "{text}");
}

#[test]
fn credentials_of_a_group_are_listed_page_by_page() {
    let emulator = emulator();
    let ids: Vec<String> = (0..101).map(|number| format!("{}@@@{number:03}", emulator.group_id())).collect();
    for id in &ids {
        emulator.register_device(id);
    }
    let listed = call(&emulator, &["credential", "list"]).expect(0);
    assert_eq!(listed.lines(), ids);
    assert_eq!(calls(&emulator, "ListDeviceCredentialClientId"), 2);
    let json = json(&call(&emulator, &["credential", "list", "--json"]).expect(0));
    assert_eq!((json.len(), &json[0]["client_id"]), (101, &ids[0].as_str().into()));
    let other = call(&emulator, &["credential", "list", "-g", "GID_other"]).expect(4);
    assert!(other.stderr.contains("PermissionCheckFailed"), "{other:?}");
    let mut command = settings(&emulator);
    command.env_remove("ALIYUN_MQTT_GROUP_ID");
    assert!(run(command, ["credential", "list"]).expect(2).stderr.contains("--group-id"));
}

#[test]
fn groups_are_made_listed_and_deleted() {
    let emulator = emulator();
    let made = call(&emulator, &["group", "create", "GID_new"]).expect(0);
    assert!(made.stdout.is_empty() && made.stderr.contains("GID_new"), "{made:?}");
    let ids = || -> Vec<String> {
        let listed = call(&emulator, &["group", "list"]).expect(0);
        listed.lines().iter().map(|line| line.split_once("\t20").expect("id and time").0.to_string()).collect()
    };
    assert_eq!(ids(), [emulator.group_id(), "GID_new"]);
    let json = json(&call(&emulator, &["group", "list", "--json"]).expect(0));
    assert_eq!(json[1]["group_id"], "GID_new");
    assert!(json[1]["created"].as_str().unwrap().starts_with("20"));
    call(&emulator, &["group", "create", "GID_new"]).expect(4);
    assert!(call(&emulator, &["group", "create", "new"]).expect(2).stderr.contains("GID_"));
    // Without a terminal there is no prompt.
    call(&emulator, &["group", "delete", "GID_new"]).expect(0);
    assert_eq!(ids(), [emulator.group_id()]);
    call(&emulator, &["group", "delete", "GID_new"]).expect(4);
}

#[test]
fn traces_show_devices_and_messages() {
    let emulator = emulator();
    let client = client(&emulator, "1", signature(&emulator)).unwrap();
    let id = client.config().client_id().to_string();
    client.subscribe(&topic(&emulator, "#"), QoS::AtLeastOnce).unwrap();
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
        client.publish(&topic(&emulator, "a"), QoS::AtLeastOnce, number.to_string()).unwrap();
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
    client.subscribe(&topic(&emulator, "#"), QoS::AtLeastOnce).unwrap();
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

#[test]
fn a_wrong_secret_is_told_from_an_unknown_key() {
    let emulator = emulator();
    let mut command = settings(&emulator);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret");
    let wrong = run(command, ["group", "list"]).expect(4);
    for word in ["SignatureDoesNotMatch", "the AccessKey secret is wrong", "request id"] {
        assert!(wrong.stderr.contains(word), "{wrong:?}");
    }
    let unknown = call(&emulator, &["group", "list", "--access-key-id", "nobody"]).expect(4);
    assert!(unknown.stderr.contains("does not know this AccessKey id"), "{unknown:?}");
}

#[test]
fn what_is_throttled_is_asked_for_again() {
    let emulator = emulator();
    emulator.throttle_api(1);
    call(&emulator, &["token", "apply"]).expect(0);
    emulator.throttle_api(100);
    let failed = call(&emulator, &["group", "list", "--timeout", "1"]).expect(4);
    assert!(failed.stderr.contains("Throttling.User") && failed.stderr.contains("too many calls"), "{failed:?}");
}

#[test]
fn an_api_that_fails_is_asked_again_unless_a_message_could_go_twice() {
    let emulator = emulator();
    emulator.fail_api(1, 500, "InternalError");
    call(&emulator, &["group", "list"]).expect(0);
    emulator.fail_api(1, 500, "InternalError");
    let sent = call(&emulator, &["send", "-t", &topic(&emulator, "a"), "-m", "x"]).expect(4);
    assert!(
        sent.stderr.contains("InternalError") && sent.stderr.contains("may have been sent nevertheless"),
        "{sent:?}"
    );
}

#[test]
fn an_api_that_is_not_there_or_does_not_answer_ends_in_time() {
    let emulator = emulator();
    emulator.delay_api(Duration::from_secs(600));
    let late = call(&emulator, &["send", "-t", &topic(&emulator, "a"), "-m", "x", "--timeout", "1"]).expect(5);
    assert!(late.stderr.contains("stage: api") && late.stderr.contains("may have been sent"), "{late:?}");
    let late = call(&emulator, &["session", "GID_emulator@@@1", "--timeout", "1"]).expect(5);
    assert!(late.stderr.contains("stage: api"), "{late:?}");
    emulator.delay_api(Duration::ZERO);
    emulator.stop().unwrap();
    let down = call(&emulator, &["session", "GID_emulator@@@1", "--timeout", "1"]).expect(3);
    assert!(down.stderr.contains("cannot connect"), "{down:?}");
    let nowhere =
        call(&emulator, &["group", "list", "--timeout", "1", "--api-endpoint", "http://example.invalid"]).expect(2);
    assert!(nowhere.stderr.contains("http"), "plain HTTP is for loopback only: {nowhere:?}");
}

#[test]
fn what_is_missing_for_the_api_is_named() {
    let emulator = emulator();
    for (variable, flag) in [
        ("ALIYUN_MQTT_INSTANCE_ID", "--instance-id"),
        ("ALIYUN_MQTT_API_ENDPOINT", "--region-id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "--access-key-id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "--access-key-secret-file"),
    ] {
        let mut command = with(&emulator);
        command.env_remove(variable);
        let failed = run(command, ["group", "list"]).expect(2);
        assert!(failed.stderr.contains(flag), "{failed:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_silent_and_a_full_disk_is_told() {
    let emulator = emulator();
    let mut command = settings(&emulator);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(Stdio::from(writer));
    let closed = run(command, ["group", "list"]).expect(0);
    assert!(closed.stderr.is_empty(), "{closed:?}");
    for arguments in [&["group", "list"][..], &["token", "apply"], &["session", "GID_emulator@@@1", "--json"]] {
        let mut command = settings(&emulator);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let full = run(command, arguments).expect(1);
        assert!(full.stderr.contains("cannot write the output"), "{full:?}");
    }
}
