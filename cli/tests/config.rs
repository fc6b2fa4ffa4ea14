//! `config`, as a child process.

mod support;

use support::{Folder, program, run};

#[test]
fn show_names_the_source_of_each_value_and_masks_secrets() {
    let folder = Folder::new();
    folder.write("aliyun-mqtt/config.toml", "end_point = 'host'\nsecret_key = 'not-a-secret'\ntopic = 'demo'\n");
    let mut command = program();
    command.env("XDG_CONFIG_HOME", folder.as_path()).env("ALIYUN_MQTT_TOPIC", "other");
    let output = run(command, ["config", "show", "-e", "mqtt://localhost"]).expect(0);
    let text = output.text();
    assert!(text.contains("endpoint = mqtt://localhost") && text.contains("--endpoint"), "{text}");
    assert!(text.contains("topic = other") && text.contains("environment variable ALIYUN_MQTT_TOPIC"), "{text}");
    assert!(text.contains("access_key_secret = ********") && text.contains("secret_key in "), "{text}");
    assert!(!text.contains("not-a-secret") && !output.stderr.contains("not-a-secret"));
    // The test's file may be read by others, if that is how files are made here.
    let json = {
        let mut command = program();
        command.env("XDG_CONFIG_HOME", folder.as_path());
        run(command, ["config", "show", "--json"]).expect(0)
    };
    let json: serde_json::Value = serde_json::from_str(json.text()).unwrap();
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
