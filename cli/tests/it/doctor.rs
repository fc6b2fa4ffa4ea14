//! `doctor`: healthy runs by each login and transport, what it prints, and that every cause has a test.

use crate::support;
use crate::support::doctor::examine;
use crate::support::{Folder, LONG, emulator, program, run, topic, with};
use aliyun_mqtt_emulator::Permission;

#[test]
fn a_healthy_line_is_found_healthy_by_each_login_over_each_transport() {
    let (emulator, folder) = (emulator(), Folder::new());
    let ca = folder.write("ca.pem", emulator.ca_pem());
    let token = emulator.issue_token(Permission::ReadWrite, &[&topic(&emulator, "#")], LONG);
    for (transport, endpoint) in [
        ("tcp", emulator.endpoint()),
        ("tls", emulator.tls_endpoint()),
        ("ws", emulator.ws_endpoint()),
        ("wss", emulator.wss_endpoint()),
    ] {
        for auth in ["signature", "token", "device"] {
            let mut command = with(&emulator);
            command
                .env("ALIYUN_MQTT_ENDPOINT", &endpoint)
                .env("ALIYUN_MQTT_AUTH", auth)
                .env("ALIYUN_MQTT_CA_FILE", &ca);
            if auth == "token" {
                command.env("ALIYUN_MQTT_TOKEN", format!("RW|{token}"));
            }
            if auth == "device" {
                let device = emulator.register_device(&format!("{}@@@{transport}", emulator.group_id()));
                command
                    .env("ALIYUN_MQTT_DEVICE_ID", transport)
                    .env("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", &device.access_key_id)
                    .env("ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET", &device.access_key_secret);
            }
            let found = examine(command, &[]);
            let what = format!("{auth} over {transport}");
            let mut skipped = Vec::new();
            if matches!(transport, "tcp" | "ws") {
                skipped.push("tls");
            }
            if auth != "token" {
                skipped.push("token");
            }
            found.healthy(&what, &skipped);
            assert_eq!(found.summary["result"], "ok", "{what}");
            if transport == "wss" {
                let saw = &found.step("tls")["saw"];
                assert_eq!(saw["version"], "TLSv1_3", "{what}");
                assert_eq!(saw["names"][0], "localhost", "{what}");
                assert_eq!(saw["issuer"], "CN=aliyun-mqtt-emulator CA", "{what}");
                assert!(saw["days_left"].as_i64().is_some_and(|days| days > 1000), "{what}");
            }
            assert!(found.step("p2p")["saw"]["back_ms"].is_number(), "{what}");
            assert_eq!(found.step("subscribe")["saw"]["granted_qos"], 1, "{what}");
            assert_eq!(found.step("connect")["saw"]["connack"], "0: accepted", "{what}");
        }
    }
}

#[test]
fn mqtt_5_and_an_applied_token_are_fine_too() {
    let emulator = emulator();
    let mut command = with(&emulator);
    command.env("ALIYUN_MQTT_AUTH", "token");
    examine(command, &["--protocol", "5"]).healthy("token applied for", &["tls", "token"]);
}

#[test]
fn nothing_is_published_where_that_is_not_wanted() {
    let emulator = emulator();
    examine(with(&emulator), &["--no-publish"]).healthy("--no-publish", &["tls", "publish", "p2p", "token"]);
    let published =
        |entry: &aliyun_mqtt_emulator::LogEntry| matches!(entry.what, aliyun_mqtt_emulator::What::Published { .. });
    assert!(!emulator.log().iter().any(published));
}

#[test]
fn a_secret_from_standard_input_serves_login_and_api() {
    let emulator = emulator();
    let mut command = with(&emulator);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    let arguments = ["doctor", "--access-key-secret-file", "-"];
    let output = support::run_with_input(command, arguments, emulator.access_key_secret()).expect(0);
    assert!(output.text().contains("ok    api"), "{}", output.text());
}

#[test]
fn people_get_a_line_for_each_step_and_the_cause_with_its_cure_last() {
    let emulator = emulator();
    let failing = || {
        let mut command = with(&emulator);
        command.env("ALIYUN_MQTT_GROUP_ID", "GID_other");
        command
    };
    let output = run(failing(), ["doctor"]).expect(4);
    let text = output.text();
    let cause = "cause: the Group ID does not exist in the instance [group-not-created]";
    let cure = "cure:  create it with `aliyun-mqtt group create`, or use the Group ID of the emulator, which its";
    for expected in [
        "ok    settings   mqtt://",
        "skip  tls        the endpoint is a plain one",
        "FAIL  connect    ",
        "not authorized",
        "skip  subscribe  there is no login",
        "the first failure is connect: group-not-created",
        cause,
        cure,
    ] {
        assert_eq!(text.matches(expected).count(), 1, "{expected:?} does not stand once in\n{text}");
    }
    let lines = output.lines();
    let steps = lines.iter().take_while(|line| !line.is_empty()).count();
    assert_eq!(steps, 14, "one line for each step: {text}");
    assert!(lines[lines.len() - 2] == cause && lines[lines.len() - 1].starts_with(cure), "they come last: {text}");
    assert!(!text.contains('\u{1b}'), "no colours outside a terminal: {text}");
    assert!(output.stderr.is_empty(), "{}", output.stderr);

    let output = run(failing(), ["doctor", "-v"]).expect(4);
    let text = output.text();
    for expected in ["connack: CONNACK 5: not authorized", "duration: ", "endpoint: mqtt://", cause, cure] {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    assert_eq!(text.matches(cause).count(), 1, "{text}");
    run(failing(), ["doctor", "-v", "--json"]).expect(2);

    let mut command = with(&emulator);
    command.env("NO_COLOR", "");
    let text = run(command, ["doctor", "--color", "always"]).expect(0).text().to_string();
    assert!(text.contains("\u{1b}["), "{text}");
}

/// Also a cause that two steps have in common, and one of a warning.
#[test]
fn each_cause_is_printed_once_and_failures_come_before_warnings() {
    let emulator = emulator();
    let mut command = with(&emulator);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret&").env("ALIYUN_MQTT_DEVICE_ID", "once");
    let output = run(command, ["doctor"]).expect(4);
    let text = output.text();
    let secret = "[access-key-secret-wrong]";
    assert_eq!(output.lines().iter().filter(|line| line.starts_with("FAIL")).count(), 2, "{text}");
    assert!(text.contains("FAIL  connect") && text.contains("FAIL  api"), "{text}");
    assert_eq!(text.matches(secret).count(), 1, "{text}");
    let marked = text.find("[secret-marked]").expect("the warning's cause");
    assert!(text.find(secret).expect("the failure's cause") < marked, "{text}");
    let steps: Vec<&str> = output.lines().into_iter().filter(|line| line.starts_with("step:  ")).collect();
    assert_eq!(steps, ["step:  connect", "step:  login"], "{text}");
}

#[test]
fn a_reader_that_has_gone_and_a_full_disk_are_told_apart() {
    let emulator = emulator();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = with(&emulator);
    command.stdout(writer);
    run(command, ["doctor", "--offline"]).expect(0);
    #[cfg(target_os = "linux")]
    {
        let mut command = with(&emulator);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").expect("a full disk"));
        let output = run(command, ["doctor", "--offline"]).expect(1);
        assert!(output.stderr.contains("cannot write"), "{}", output.stderr);
    }
}

/// A step may wait for something that cannot be broken off.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_with_a_report_whatever_it_waits_for() {
    use crate::support::doctor::Responder;
    let silent = Responder::silent();
    let emulator = emulator();
    let mut command = with(&emulator);
    command.env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://127.0.0.1:{}", silent.port()));
    // Nothing else could end it before the test gives up.
    command.args(["doctor", "--json", "--timeout", "3600"]);
    let mut running = support::Running::start(command);
    // The line before CONNECT, which is not answered.
    while !running.line().contains("\"step\":\"login\"") {}
    running.signal("INT");
    let output = running.wait().expect(130);
    let summary: serde_json::Value = serde_json::from_str(output.lines().last().expect("a line")).expect("an object");
    assert_eq!((&summary["type"], &summary["result"]), (&"summary".into(), &"interrupted".into()), "{summary}");
}

/// `docs/doctor.md` is what `--list-causes` prints, in each language.
#[test]
fn the_list_of_causes_is_the_page_in_the_documentation() {
    for (lang, name, page) in [
        ("en", "doctor.md", include_str!("../../../docs/doctor.md")),
        ("zh", "doctor.zh-CN.md", include_str!("../../../docs/doctor.zh-CN.md")),
    ] {
        let list = run(program(), ["doctor", "--list-causes", "--lang", lang]).expect(0);
        assert_eq!(list.text(), page, "aliyun-mqtt doctor --list-causes --lang {lang} > docs/{name}");
    }
}

/// Each cause is provoked by the program, but for those that no machine can be brought to; these have unit tests.
#[test]
fn every_cause_has_its_test() {
    const IN_UNIT_TESTS: [&str; 4] = ["dns-vpc-name", "dns-unavailable", "dns-silent", "tcp-unreachable"];
    /// The cause that is left when none of the others fits.
    const REST: &str = "unexplained";
    let tests = [
        include_str!("doctor_setup.rs"),
        include_str!("doctor_line.rs"),
        include_str!("doctor_proxy.rs"),
        include_str!("doctor_service.rs"),
    ];
    let page = run(program(), ["doctor", "--list-causes"]).expect(0);
    let ids: Vec<&str> = page.lines().iter().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(ids.len() > 50, "{ids:?}");
    let untested: Vec<_> = ids
        .into_iter()
        .filter(|id| *id != REST && !IN_UNIT_TESTS.contains(id))
        .filter(|id| !tests.iter().any(|test| test.contains(&format!("\"{id}\""))))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}
