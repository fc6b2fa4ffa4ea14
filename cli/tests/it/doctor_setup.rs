//! `doctor`: what is wrong before anything is sent. Every row is a run with `--offline`, and one thing changed.

use std::process::Command;

use crate::support::doctor::examine;
use crate::support::{Folder, program};

/// Settings that are fine.
fn good() -> Command {
    let mut command = program();
    command
        .env("ALIYUN_MQTT_ENDPOINT", "post-cn-test.mqtt.aliyuncs.com")
        .env("ALIYUN_MQTT_INSTANCE_ID", "post-cn-test")
        .env("ALIYUN_MQTT_GROUP_ID", "GID_test")
        .env("ALIYUN_MQTT_TOPIC", "demo")
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "test-access-key-id")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret-at-all");
    command
}

const NETWORK: [&str; 11] =
    ["dns", "tcp", "tls", "clock", "connect", "subscribe", "publish", "p2p", "stay", "token", "api"];

#[test]
fn good_settings_are_fine() {
    examine(good(), &["--offline"]).healthy("good", &NETWORK);
    // As is a device.
    let mut device = good();
    device
        .env("ALIYUN_MQTT_AUTH", "device")
        .env("ALIYUN_MQTT_DEVICE_ID", "0001")
        .env("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", "DC.test")
        .env("ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET", "DC.not-a-secret");
    examine(device, &["--offline"]).healthy("device", &NETWORK);
}

type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str, &'a str, i32);

#[test]
fn each_wrong_setting_has_its_cause() {
    const LONG: &str = "demo/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let too_long = LONG.repeat(2).replace("demo/", "demo");
    let endpoint = "ALIYUN_MQTT_ENDPOINT";
    let auth = "ALIYUN_MQTT_AUTH";
    let key = "ALIBABA_CLOUD_ACCESS_KEY_ID";
    let secret = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
    let token = "ALIYUN_MQTT_TOKEN";
    let device_key = "ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID";
    let device_secret = "ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET";
    let rows: &[Row<'_>] = &[
        ("no endpoint", &[(endpoint, "")], &[], "settings", "setting-missing", 2),
        ("no instance", &[("ALIYUN_MQTT_INSTANCE_ID", "")], &[], "settings", "setting-missing", 2),
        ("no group", &[("ALIYUN_MQTT_GROUP_ID", "")], &[], "names", "setting-missing", 2),
        ("no secret", &[(secret, "")], &[], "login", "setting-missing", 2),
        ("an unknown mode", &[(auth, "magic")], &[], "settings", "setting-wrong", 2),
        ("no number", &[("ALIYUN_MQTT_TIMEOUT", "soon")], &[], "settings", "setting-wrong", 2),
        ("a bad keep-alive", &[], &["--keep-alive", "1"], "login", "setting-wrong", 2),
        ("an unknown version", &[], &["--protocol", "4"], "login", "setting-wrong", 2),
        ("a bad scheme", &[(endpoint, "http://host")], &[], "settings", "endpoint-malformed", 2),
        ("the API's address", &[(endpoint, "onsmqtt.cn-hangzhou.aliyuncs.com")], &[], "settings", "endpoint-of-api", 2),
        (
            "the server SDK's address",
            &[(endpoint, "post-cn-test-server-internet.mqtt.aliyuncs.com")],
            &[],
            "settings",
            "endpoint-of-server-sdk",
            2,
        ),
        ("an address", &[(endpoint, "mqtts://192.0.2.1")], &[], "settings", "endpoint-is-address", 0),
        (
            "a plain endpoint",
            &[(endpoint, "mqtt://post-cn-test.mqtt.aliyuncs.com")],
            &[],
            "settings",
            "not-encrypted",
            0,
        ),
        (
            "another instance",
            &[("ALIYUN_MQTT_INSTANCE_ID", "post-cn-other")],
            &[],
            "names",
            "instance-not-of-endpoint",
            0,
        ),
        (
            "another instance's VPC endpoint",
            &[(endpoint, "post-cn-other-internal-vpc.mqtt.aliyuncs.com")],
            &[],
            "names",
            "instance-not-of-endpoint",
            0,
        ),
        ("a group without GID_", &[("ALIYUN_MQTT_GROUP_ID", "test-group")], &[], "names", "group-id-malformed", 2),
        ("a client id without @@@", &[], &["-i", "GID_test"], "names", "group-id-malformed", 2),
        ("a colon", &[], &["--device-id", "a:b"], "names", "device-id-malformed", 2),
        (
            "a long device id",
            &[],
            &["--device-id", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
            "names",
            "client-id-too-long",
            2,
        ),
        (
            "a device without id",
            &[(auth, "device"), (device_key, "DC.a"), (device_secret, "not-a-secret")],
            &[],
            "names",
            "device-id-missing",
            2,
        ),
        ("a space", &[], &["-t", "demo/a b"], "names", "topic-malformed", 2),
        ("a wildcard", &[], &["-t", "demo/#"], "names", "topic-malformed", 2),
        ("an empty level", &[], &["-t", "demo//a"], "names", "topic-malformed", 2),
        ("two characters", &[], &["-t", "de"], "names", "topic-malformed", 2),
        ("a long topic", &[], &["-t", LONG], "names", "topic-long", 0),
        ("a topic that is too long", &[], &["-t", &too_long], "names", "topic-too-long", 2),
        (
            "a secret file that is not there",
            &[],
            &["--access-key-secret-file", "/nonexistent"],
            "login",
            "secret-unreadable",
            2,
        ),
        ("a secret with &", &[(secret, "not-a-secret-at-all&")], &[], "login", "secret-marked", 0),
        ("a device's key as a signature", &[(key, "DC.a")], &[], "login", "device-key-in-signature", 2),
        (
            "an account's key as a device's",
            &[
                (auth, "device"),
                ("ALIYUN_MQTT_DEVICE_ID", "1"),
                (device_key, "LTAI-test"),
                (device_secret, "not-a-secret"),
            ],
            &[],
            "login",
            "account-key-in-device",
            0,
        ),
        ("a temporary key", &[(key, "STS.a")], &[], "login", "sts-in-signature", 0),
        (
            "a temporary key that is to sign",
            &[(auth, "signature"), ("ALIBABA_CLOUD_SECURITY_TOKEN", "not-a-token")],
            &[],
            "login",
            "sts-in-signature",
            2,
        ),
        ("a bare token", &[(auth, "token"), (token, "not-a-token-at-all")], &[], "login", "token-malformed", 2),
        (
            "no topic to apply for",
            &[(auth, "token"), ("ALIYUN_MQTT_TOPIC", "")],
            &["--region-id", "cn-hangzhou"],
            "login",
            "setting-missing",
            2,
        ),
        (
            "a secret to apply with that is not there",
            &[(auth, "token")],
            &["--region-id", "cn-hangzhou", "--access-key-secret-file", "/nonexistent"],
            "login",
            "secret-unreadable",
            2,
        ),
        (
            "a certificate for a plain endpoint",
            &[(endpoint, "mqtt://localhost")],
            &["--client-cert-file", "/nonexistent", "--client-key-file", "/nonexistent"],
            "login",
            "ca-file-unusable",
            2,
        ),
        ("no CA file", &[], &["--ca-file", "/nonexistent"], "login", "ca-file-unusable", 2),
    ];
    for (what, variables, arguments, step, cause, exit) in rows {
        let mut command = good();
        command.envs(variables.iter().copied());
        let found = examine(command, &[&["--offline"], *arguments].concat());
        found.expect(what, step, cause, *exit);
        let failed = found.steps.iter().filter(|step| step["result"] == "failed").count();
        assert!(failed <= 1, "{what}: one fault, one failure: {:#?}", found.steps);
    }
}

#[test]
fn where_a_value_comes_from_is_told() {
    let folder = Folder::new();
    folder.write("aliyun-mqtt/config.toml", "[profile.demo]\nendpoint = 'localhost'\ninstance_id = 'i'\n");
    let mut command = program();
    command.env("XDG_CONFIG_HOME", folder.as_path());
    let found = examine(command, &["--offline", "-P", "demo"]);
    let saw = &found.step("settings")["saw"];
    assert_eq!(saw["profile"], "demo");
    assert!(saw["endpoint_from"].as_str().is_some_and(|from| from.contains("[profile.demo]")), "{saw}");
    found.expect("no group", "names", "setting-missing", 2);
}
