//! Commands without an AccessKey: it comes from the places that Alibaba Cloud's SDKs look at.

use std::process::Command;

use aliyun_mqtt_emulator::{Emulator, LoginMode, What};
use serde_json::Value;

use crate::support::doctor::examine;
use crate::support::{Folder, program, run, topic, with};

const ROLE: &str = "test-role";

/// The program on a machine with a RAM role, without a key in its environment.
fn on_machine(emulator: &Emulator, home: &Folder) -> Command {
    let mut command = with(emulator);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    command.env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED").env("HOME", home.as_path());
    command.env("ALIYUN_MQTT_METADATA_ENDPOINT", emulator.api_endpoint());
    command.env("ALIYUN_MQTT_STS_ENDPOINT", emulator.api_endpoint());
    command
}

fn with_role() -> Emulator {
    Emulator::builder().ram_role(ROLE).start().unwrap()
}

fn logins(emulator: &Emulator) -> Vec<LoginMode> {
    let log = emulator.log();
    log.iter()
        .filter_map(|entry| if let What::Connected { login, .. } = &entry.what { Some(*login) } else { None })
        .collect()
}

/// Writes a profile with this emulator's own key, and a broken file before it.
fn write_key(emulator: &Emulator, home: &Folder) {
    let (id, secret) = (emulator.access_key_id(), emulator.access_key_secret());
    home.write(".aliyun/config.json", "{");
    let text = format!("[default]\ntype = access_key\naccess_key_id = {id}\naccess_key_secret = {secret}\n");
    home.write(".alibabacloud/credentials", &text);
}

#[test]
fn a_machine_with_a_role_needs_no_key() {
    let (emulator, home) = (with_role(), Folder::new());
    let t = topic(&emulator, "x");
    for auth in [&[][..], &["--auth", "chain"], &["--auth", "token"]] {
        run(on_machine(&emulator, &home), [&["pub", "-t", &t, "-m", "x"], auth].concat()).expect(0);
    }
    assert_eq!(logins(&emulator), [LoginMode::Token; 3]);
    run(on_machine(&emulator, &home), ["group", "list"]).expect(0);
    let refused = run(on_machine(&emulator, &home), ["pub", "-t", &t, "-m", "x", "--auth", "signature"]).expect(1);
    assert!(refused.stderr.contains("a temporary one, which cannot sign a login"), "{refused:?}");
    assert!(refused.stderr.contains("set auth to token"), "{refused:?}");
}

#[test]
fn a_permanent_key_of_a_file_signs() {
    let (emulator, home) = (with_role(), Folder::new());
    write_key(&emulator, &home);
    let t = topic(&emulator, "x");
    let sent = run(on_machine(&emulator, &home), ["pub", "-t", &t, "-m", "x"]).expect(0);
    assert!(sent.stderr.contains("no AccessKey is taken from ~/.aliyun/config.json"), "{sent:?}");
    run(on_machine(&emulator, &home), ["pub", "-t", &t, "-m", "x", "--auth", "token"]).expect(0);
    assert_eq!(logins(&emulator), [LoginMode::Signature, LoginMode::Token]);
}

#[test]
fn show_tells_where_the_key_is_from_and_when_it_ends() {
    let (emulator, home) = (with_role(), Folder::new());
    let json = |arguments: &[&str]| -> Value {
        let shown = run(on_machine(&emulator, &home), [&["config", "show", "--json"], arguments].concat()).expect(0);
        serde_json::from_str(shown.text()).unwrap()
    };
    let role = json(&[]);
    let key = &role["access_key_chain"];
    assert_eq!((key["provider"].as_str(), key["temporary"].as_bool()), (Some("ecs_ram_role"), Some(true)));
    assert!(key["access_key_id"].as_str().is_some_and(|id| id.starts_with("STS.")), "{key}");
    assert!(key["expires"].is_string() && key["passed_over"].as_array().is_some_and(Vec::is_empty), "{key}");
    assert_eq!(
        (&role["missing_to_log_in"], &role["missing_for_the_api"]),
        (&Value::Array(vec![]), &Value::Array(vec![]))
    );
    let text = run(on_machine(&emulator, &home), ["config", "show"]).expect(0);
    let line = text.lines().into_iter().find(|line| line.starts_with("# AccessKey STS.")).map(str::to_string);
    assert!(line.is_some_and(|line| line.contains(" of the RAM role of the ECS instance (until 2")), "{text:?}");

    write_key(&emulator, &home);
    let file = json(&[]);
    let key = &file["access_key_chain"];
    assert_eq!((key["provider"].as_str(), &key["expires"]), (Some("profile/static_ak"), &Value::Null));
    assert_eq!(key["access_key_id"].as_str(), Some(emulator.access_key_id()));
    assert!(key["passed_over"][0].as_str().is_some_and(|place| place.contains("is not a JSON object")), "{key}");
    let text = run(on_machine(&emulator, &home), ["config", "show"]).expect(0);
    assert!(text.text().contains("(permanent)\n# passed over: ~/.aliyun/config.json: "), "{text:?}");
    assert!(!text.text().contains(emulator.access_key_secret()));

    let nothing = run(program(), ["config", "show", "--json"]).expect(0);
    let nothing: Value = serde_json::from_str(nothing.text()).unwrap();
    assert!(nothing["access_key_chain"]["error"].as_str().is_some_and(|why| why.contains("no AccessKey was found")));
    for list in ["missing_to_log_in", "missing_for_the_api"] {
        assert!(nothing[list].as_array().unwrap().contains(&Value::from("access_key_id")), "{nothing}");
    }
    // A key that is given is all there is to say.
    let given = run(with(&emulator), ["config", "show", "--json"]).expect(0);
    assert!(!given.text().contains("access_key_chain"));
}

#[test]
fn doctor_tells_where_the_key_is_from_and_when_it_ends() {
    let (emulator, home) = (with_role(), Folder::new());
    let found = examine(on_machine(&emulator, &home), &[]);
    let login = &found.step("login")["saw"];
    assert_eq!((login["form"].as_str(), login["key_provider"].as_str()), (Some("Token"), Some("ecs_ram_role")));
    assert_eq!(login["key_from"].as_str(), Some("the RAM role of the ECS instance"));
    assert!(login["key_expires"].is_string(), "{login}");
    assert_eq!(found.step("connect")["result"], "ok");
    assert_eq!(found.step("api")["saw"]["access_key_id"], login["key_id"]);
    let signature = examine(on_machine(&emulator, &home), &["--auth", "signature"]);
    signature.expect("a temporary key that is to sign", "login", "sts-in-signature", 2);
    let offline = examine(on_machine(&emulator, &home), &["--offline"]);
    assert_eq!(offline.step("login")["result"], "skipped");
}

#[test]
fn without_any_key_all_ways_to_give_one_are_named() {
    let emulator = Emulator::start().unwrap();
    let mut command = with(&emulator);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    let failed = run(command, ["pub", "-t", "emulator/x", "-m", "x"]).expect(2);
    for part in ["no AccessKey was found", "--access-key-id", "aliyun configure", "the RAM role of the ECS instance"] {
        assert!(failed.stderr.contains(part), "{part}: {failed:?}");
    }
}

/// By an address for which the variables of a proxy make no exception.
#[cfg(target_os = "linux")]
#[test]
fn the_metadata_service_is_asked_without_the_proxies_of_the_environment_and_with_a_warning() {
    let (emulator, home) = (with_role(), Folder::new());
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());
    let mut command = on_machine(&emulator, &home);
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, &proxy).env(name.to_ascii_uppercase(), &proxy);
    }
    command.env("ALIYUN_MQTT_PROXY", "env");
    command.env("ALIYUN_MQTT_METADATA_ENDPOINT", emulator.api_endpoint().replace("127.0.0.1", "0.0.0.0"));
    let shown = run(command, ["config", "show", "--json"]).expect(0);
    let found: Value = serde_json::from_str(shown.text()).unwrap();
    assert_eq!(found["access_key_chain"]["provider"].as_str(), Some("ecs_ram_role"), "{found}");
    assert!(trap.accept().is_err(), "nobody has called");
    let warning = "ALIYUN_MQTT_METADATA_ENDPOINT: the connection to http://0.0.0.0:";
    assert!(shown.stderr.contains(warning) && shown.stderr.contains("is not encrypted"), "{shown:?}");
    let usual = run(on_machine(&emulator, &home), ["config", "show"]).expect(0);
    assert!(!usual.stderr.contains("encrypted"), "{usual:?}");
}

#[cfg(unix)]
#[test]
fn a_file_with_a_secret_that_others_may_read_is_told_once() {
    use std::os::unix::fs::PermissionsExt;
    let (emulator, home) = (with_role(), Folder::new());
    write_key(&emulator, &home);
    let file = home.as_path().join(".alibabacloud/credentials");
    for (mode, times) in [(0o644, 1), (0o600, 0)] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let sent = run(on_machine(&emulator, &home), ["pub", "-t", &topic(&emulator, "x"), "-m", "x"]).expect(0);
        assert_eq!(
            sent.stderr.matches("holds a secret, and others than its owner may read").count(),
            times,
            "{sent:?}"
        );
    }
    // The name of a role is no secret.
    let ini = "[default]\ntype = ecs_ram_role\nrole_name = test-role\n";
    home.write(".alibabacloud/credentials", ini);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let sent = run(on_machine(&emulator, &home), ["pub", "-t", &topic(&emulator, "x"), "-m", "x"]).expect(0);
    assert!(!sent.stderr.contains("holds a secret"), "{sent:?}");
}

#[test]
fn an_invalid_proxy_is_an_error_though_the_key_needs_none() {
    let (emulator, home) = (with_role(), Folder::new());
    write_key(&emulator, &home);
    let mut command = on_machine(&emulator, &home);
    command.env("ALIYUN_MQTT_PROXY", "ftp://user:geheim@x");
    let failed = run(command, ["group", "list"]).expect(2);
    assert!(failed.stderr.contains("proxy") && !failed.stderr.contains("geheim"), "{failed:?}");
}

#[test]
fn the_exit_code_tells_a_network_that_fails_from_a_key_that_is_nowhere() {
    let home = Folder::new();
    home.write(".aliyun/config.json", "{");
    let search = |uri: Option<String>| {
        let mut command = program();
        command.env("HOME", home.as_path()).envs(uri.map(|uri| ("ALIBABA_CLOUD_CREDENTIALS_URI", uri)));
        run(command, ["group", "list", "--region-id", "cn-hangzhou", "--instance-id", "post-cn-test"])
    };
    let nowhere = search(None).expect(2);
    assert!(nowhere.stderr.contains("config.json is not a JSON object"), "{nowhere:?}");
    let port = crate::support::library::port::Port::reserve();
    let failed = search(Some(format!("http://{}", port.addr()))).expect(3);
    assert!(failed.stderr.contains("cannot connect to http://127.0.0.1:"), "{failed:?}");
}
