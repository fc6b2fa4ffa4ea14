//! The commands that need no network: `config` and `sign`.

use std::process::Command;

use crate::support::{Folder, Output, program, redirected, run, run_with_input};
use serde_json::Value;

#[test]
fn show_names_the_source_of_each_value_and_masks_secrets() {
    let folder = Folder::new();
    folder.write("aliyun-mqtt/config.toml", "end_point = 'host'\nsecret_key = 'not-a-secret'\ntopic = 'demo'\n");
    let mut command = program();
    command.env("XDG_CONFIG_HOME", folder.as_path()).env("ALIYUN_MQTT_TOPIC", "other");
    let output = run(command, ["-e", "mqtt://localhost", "config", "show"]).expect(0);
    let text = output.text();
    assert!(text.contains("endpoint = mqtt://localhost") && text.contains("--endpoint"), "{text}");
    assert!(text.contains("topic = other") && text.contains("environment variable ALIYUN_MQTT_TOPIC"), "{text}");
    assert!(text.contains("access_key_secret = ********") && text.contains("secret_key in "), "{text}");
    assert!(!text.contains("not-a-secret") && !output.stderr.contains("not-a-secret"));
    // Others may be able to read the file of the test, depending on the umask.
    let json = {
        let mut command = program();
        command.env("XDG_CONFIG_HOME", folder.as_path());
        run(command, ["config", "show", "--json"]).expect(0)
    };
    let json: Value = serde_json::from_str(json.text()).unwrap();
    assert_eq!(json["endpoint"]["value"], "host");
    assert_eq!(json["access_key_secret"]["value"], "********");
}

#[test]
fn init_writes_a_file_that_only_the_owner_reads_and_overwrites_none() {
    let folder = Folder::new();
    let init = |arguments: &[&str]| {
        let mut command = program();
        command.env("XDG_CONFIG_HOME", folder.as_path());
        run(command, [&["config", "init"], arguments].concat())
    };
    init(&[]).expect(0);
    let path = folder.path("aliyun-mqtt/config.toml");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let failed = init(&[]).expect(1);
    assert!(failed.stderr.contains("--force"), "{}", failed.stderr);
    std::fs::write(&path, "broken").unwrap();
    init(&["--force"]).expect(0);
    let mut command = program();
    command.env("XDG_CONFIG_HOME", folder.as_path());
    run(command, ["config", "show", "-P", "demo"]).expect(0);
}

#[test]
fn path_is_where_init_writes() {
    let mut command = program();
    command.env("XDG_CONFIG_HOME", "/etc/xdg-of-mine");
    assert_eq!(run(command, ["config", "path"]).expect(0).text(), "/etc/xdg-of-mine/aliyun-mqtt/config.toml\n");
    assert_eq!(run(program(), ["config", "path", "--config", "x.toml"]).expect(0).text(), "x.toml\n");
}

#[test]
fn wrong_usage_ends_with_2_and_says_where_to_look() {
    let output = run(program(), ["config", "nonsense"]).expect(2);
    assert!(output.stdout.is_empty() && output.stderr.contains("--help"), "{output:?}");
}

#[test]
fn show_says_what_is_missing_for_the_chosen_login_and_for_the_api() {
    let folder = Folder::new();
    let profiles = "instance_id = 'i'\n[profile.a]\nauth = 'device'\n[profile.b]\naccess_key = 'id'\nend_point = 'h'";
    folder.write("aliyun-mqtt/config.toml", profiles);
    let show = |settings: &[&str], arguments: &[&str]| {
        let mut command = program();
        command.env("XDG_CONFIG_HOME", folder.as_path());
        run(command, [settings, &["config", "show"], arguments].concat())
    };
    let a = show(&[], &["-P", "a"]).expect(0);
    for line in [
        "# missing to log in (auth: device): device_access_key_secret \
         (--device-access-key-secret-file or ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET)",
        "# missing to log in (auth: device): device_id (--device-id or ALIYUN_MQTT_DEVICE_ID)",
        "# missing for the service's API: region_id (--region-id or ALIYUN_MQTT_REGION_ID)",
    ] {
        assert!(a.lines().contains(&line), "{line}\n{}", a.text());
    }
    assert!(!a.text().contains("missing to log in (auth: device): access_key_secret"), "{}", a.text());
    let b: Value = serde_json::from_str(show(&["-g", "GID_demo"], &["-P", "b", "--json"]).expect(0).text()).unwrap();
    assert_eq!(b["missing_to_log_in"], serde_json::json!(["access_key_secret"]));
    assert_eq!(b["missing_for_the_api"], serde_json::json!(["access_key_secret", "region_id"]));
    assert!(show(&["--auth", "magic"], &[]).expect(2).stderr.contains("custom-signed"));
}

/// The values of the help page "Signature" (help.aliyun.com/document_detail/48271.html); it prints no result, which was
/// computed with Python's hmac.
const PASSWORD: &str = "vI009IZJZVGRwBwZvnbwjfuXxVM=";

/// The settings of that page.
fn signer() -> Command {
    let mut command = program();
    command
        .env("ALIYUN_MQTT_INSTANCE_ID", "mqtt-xxxxx")
        .env("ALIYUN_MQTT_CLIENT_ID", "GID_Test@@@0001")
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "YYYYY")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "XXXXX");
    command
}

fn sign(arguments: &[&str]) -> Output {
    run(signer(), [&["sign"], arguments].concat())
}

fn check(password: &str, arguments: &[&str]) -> Output {
    run_with_input(signer(), [&["sign", "--check-file", "-"], arguments].concat(), password)
}

#[test]
fn sign_hides_the_password_unless_it_is_asked_for() {
    let hidden = sign(&[]).expect(0);
    assert_eq!(
        hidden.lines(),
        ["client_id\tGID_Test@@@0001", "username\tSignature|YYYYY|mqtt-xxxxx", "password\t********"]
    );
    let shown = sign(&["--reveal"]).expect(0);
    assert_eq!(shown.lines()[2], format!("password\t{PASSWORD}"));
    let hidden: Value = serde_json::from_str(sign(&["--json"]).expect(0).text()).unwrap();
    assert!(hidden.get("password").is_none() && hidden["username"] == "Signature|YYYYY|mqtt-xxxxx", "{hidden}");
    let shown: Value = serde_json::from_str(sign(&["--json", "--reveal"]).expect(0).text()).unwrap();
    assert_eq!(shown["password"], PASSWORD);
}

#[test]
fn sign_knows_all_modes() {
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);
    let cases: [Case; 4] = [
        (
            "device",
            &[("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", "DC.id"), ("ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET", "DC.secret")],
            "DeviceCredential|DC.id|mqtt-xxxxx",
            "xvOd7Q0nJnNjBZpp6lz7YToKd8M=",
        ),
        ("token", &[("ALIYUN_MQTT_TOKEN", "R|123|W|abcd")], "Token|YYYYY|mqtt-xxxxx", "R|123|W|abcd"),
        (
            "custom-signed",
            &[("ALIYUN_MQTT_USER", "camera"), ("ALIYUN_MQTT_PASSWORD", "DC.secret")],
            "camera",
            "xvOd7Q0nJnNjBZpp6lz7YToKd8M=",
        ),
        ("custom-plain", &[("ALIYUN_MQTT_USER", "camera"), ("ALIYUN_MQTT_PASSWORD", "p w")], "camera", "p w"),
    ];
    for (auth, variables, username, password) in cases {
        let mut command = signer();
        command.envs(variables.iter().copied());
        let arguments = ["sign", "--auth", auth, "-i", "GID_test@@@test", "--reveal", "--json"];
        let login: Value = serde_json::from_str(run(command, arguments).expect(0).text()).unwrap();
        assert_eq!((&login["username"], &login["password"]), (&username.into(), &password.into()), "{auth}");
    }
    let mut command = signer();
    command.env("ALIYUN_MQTT_USER", "camera").env("ALIYUN_MQTT_PASSWORD", "x");
    run(command, ["sign", "--auth", "custom-signed", "-i", "any-id"]).expect(0);
}

#[test]
fn check_says_whether_a_password_is_right_and_why_not() {
    for password in [PASSWORD.to_string(), format!("{PASSWORD}\n"), format!("{PASSWORD}\r\n")] {
        assert_eq!(check(&password, &[]).expect(0).text(), "match\n");
    }
    let hexadecimal = check("bc8d34f48649655191c01c19be76f08dfb97c553", &[]).expect(1);
    assert_eq!(hexadecimal.text(), "no match: it is hexadecimal, not base64\n");
    // Signed with GID_test@@@test and the secret XXXXX, by Python's hmac.
    let other = "XlPUrF2g13iLQu87+WcYfGB7iVk=";
    assert!(check(other, &[]).expect(1).text().contains("--other-id"));
    let named = check(other, &["--other-id", "GID_a@@@b", "--other-id", "GID_test@@@test"]).expect(1);
    assert!(named.text().contains("the client id GID_test@@@test was signed"), "{named:?}");
    let user = check(PASSWORD, &["--check-user", "Signature|YYYYY|mqtt-yyyyy"]).expect(1);
    assert_eq!(user.text(), "no match: user name: its third part is not the instance id mqtt-xxxxx\n");
    sign(&["--check-user", "Signature|YYYYY|mqtt-xxxxx"]).expect(0);
    let json: Value = serde_json::from_str(check("XXXXX", &["--json"]).expect(1).text()).unwrap();
    assert_eq!(json["match"], false);
    assert!(json["causes"][0].as_str().unwrap().contains("secret itself"), "{json}");
    let json: Value = serde_json::from_str(check(PASSWORD, &["--json"]).expect(0).text()).unwrap();
    assert_eq!((&json["match"], &json["causes"]), (&true.into(), &serde_json::json!([])));
}

#[test]
fn check_takes_a_file_and_asks_on_a_terminal_only() {
    let folder = Folder::new();
    let file = folder.write("password", PASSWORD);
    sign(&["--check-file", file.to_str().unwrap()]).expect(0);
    assert!(sign(&["--check-file", "no/such/file"]).expect(2).stderr.contains("no/such/file"));
    assert!(check("", &[]).expect(2).stderr.contains("empty"));
    assert!(sign(&["--check"]).expect(2).stderr.contains("--check-file"));
    sign(&["--check", "--reveal"]).expect(2);
    let twice = run_with_input(signer(), ["sign", "--check-file", "-", "--access-key-secret-file", "-"], "x").expect(2);
    assert!(twice.stderr.contains("stdin"), "{twice:?}");
}

/// A password is made of a key that is known.
#[test]
fn sign_does_not_offer_the_chain() {
    let modes = |command: &str| {
        let help = run(program(), [command, "--help"]).expect(0).text().to_string();
        let line = help.lines().find(|line| line.contains("possible values: signature")).unwrap().to_string();
        line.contains("chain")
    };
    assert!(modes("pub") && !modes("sign"));
    let refused = sign(&["--auth", "chain"]).expect(2);
    assert!(refused.stderr.contains("a login is computed with a key that is given"), "{refused:?}");
}

#[test]
fn sign_tells_what_no_login_can_be_made_of() {
    for (arguments, word) in [
        (&["-i", "no-group"][..], "@@@"),
        (&["-i", "GID_Test@@@a/b"], "'/'"),
        (&["--instance-id", "mqtt|xxxxx"], "'|'"),
        (&["--access-key-id", "Signature|YYYYY"], "'|'"),
        (&["--auth", "token"], "--token-file"),
        (&["--auth", "device"], "--device-access-key-id"),
    ] {
        let failed = sign(arguments).expect(2);
        assert!(failed.stderr.contains(word) && failed.stdout.is_empty(), "{word}: {failed:?}");
    }
    let mut command = signer();
    command.env_remove("ALIYUN_MQTT_CLIENT_ID").env("ALIYUN_MQTT_GROUP_ID", "GID_Test");
    assert!(run(command, ["sign"]).expect(2).stderr.contains("--device-id"));
    let mut command = signer();
    command.env("ALIYUN_MQTT_CLIENT_ID", "GID_Test@@@0001").env("ALIBABA_CLOUD_SECURITY_TOKEN", "not-a-token");
    assert!(run(command, ["sign", "--auth", "signature"]).expect(2).stderr.contains("temporary key"));
}

#[test]
fn what_prints_refuses_a_closed_output() {
    for arguments in [
        &["--help"][..],
        &["pub", "-h"],
        &["--version"],
        &["completions", "bash"],
        &["man"],
        &["config", "path"],
        &["config", "show"],
        &["sign"],
        &["doctor", "--offline"],
        &["doctor", "--list-causes"],
        &["emulator"],
        &["token", "apply", "demo"],
        &["credential", "get", "GID_x@@@1"],
        &["group", "list"],
        &["send", "-t", "demo", "-m", "x"],
        &["rr", "-t", "demo", "-m", "x"],
        &["p2p", "listen"],
    ] {
        let output = run(redirected(&signer(), arguments, ">&-"), [""; 0]).expect(1);
        assert!(output.stderr.contains("standard output is closed"), "{arguments:?}: {}", output.stderr);
    }
    if cfg!(target_os = "linux") {
        for arguments in [&["--help"][..], &["pub", "-h"], &["--version"], &["completions", "bash"], &["man"]] {
            let output = run(redirected(&signer(), arguments, ">/dev/full"), [""; 0]).expect(1);
            assert!(output.stderr.contains("cannot write the output"), "{arguments:?}: {}", output.stderr);
        }
    }
    let folder = Folder::new();
    let pages = folder.path("pages");
    run(redirected(&program(), ["man", "--output-dir", pages.to_str().unwrap()], ">&-"), [""; 0]).expect(0);
}
