//! `credential` and `group`.

use super::*;

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
