//! Commands that find no AccessKey, or say where it comes from: what people read about it.

use std::process::Command;

use aliyun_mqtt_emulator::Emulator;

use crate::support::{Folder, run, with};

/// The program without a key in its environment, and with the files of this home directory.
fn without_key(emulator: &Emulator, home: &Folder) -> Command {
    let mut command = with(emulator);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    command.env("HOME", home.as_path());
    command
}

#[test]
fn a_search_without_success_is_two_short_lines_and_a_hint() {
    let (emulator, home) = (Emulator::start().unwrap(), Folder::new());
    let failed = run(without_key(&emulator, &home), ["pub", "-t", "emulator/x", "-m", "x"]).expect(2);
    let lines: Vec<_> = failed.stderr.lines().collect();
    let [error, cause, hint] = lines[..] else { panic!("{failed:?}") };
    assert_eq!(error, "error: no AccessKey was found");
    assert_eq!(
        cause,
        "cause: nothing in: the environment, the OIDC role, ~/.aliyun/config.json, ~/.alibabacloud/credentials, the \
         RAM role of the ECS instance, the credentials URI"
    );
    for part in ["--access-key-id", "ALIBABA_CLOUD_ACCESS_KEY_ID", "aliyun configure"] {
        assert_eq!(hint.matches(part).count(), 1, "{part}: {hint}");
    }
}

#[test]
fn a_place_that_is_broken_comes_first_with_its_reason() {
    let (emulator, home) = (Emulator::start().unwrap(), Folder::new());
    home.write(".aliyun/config.json", "{");
    let without = || without_key(&emulator, &home);
    let failed = run(without(), ["group", "list"]).expect(2);
    let causes: Vec<_> = failed.stderr.lines().filter(|line| line.starts_with("cause: ")).collect();
    let [broken, empty] = causes[..] else { panic!("{failed:?}") };
    assert!(
        broken.starts_with("cause: ~/.aliyun/config.json: ") && broken.ends_with("is not a JSON object"),
        "{broken}"
    );
    assert!(empty.starts_with("cause: nothing in: the environment, the OIDC role, ~/.alibabacloud"), "{empty}");
    // Named besides what else is missing.
    let mut command = without();
    command.env_remove("ALIYUN_MQTT_ENDPOINT");
    let failed = run(command, ["pub", "-t", "emulator/x", "-m", "x"]).expect(2);
    assert!(
        failed.stderr.contains(
            "error: the endpoint, the AccessKey id and the AccessKey secret are not given\n\
                                cause: ~/.aliyun/config.json: "
        ),
        "{failed:?}"
    );
    assert!(failed.stderr.contains("hint: without an account, eval"), "{failed:?}");

    let shown = run(without(), ["config", "show"]).expect(0);
    let lines: Vec<_> = shown.lines().into_iter().filter(|line| line.starts_with('#')).collect();
    assert!(lines[0] == "# no AccessKey was found" && lines[1].starts_with("#   ~/.aliyun/config.json: "), "{lines:?}");
    assert_eq!(lines[2], "#   the environment: ALIBABA_CLOUD_ACCESS_KEY_ID is not set");

    // Doctor says it once.
    let shown = run(without(), ["doctor"]).expect(2);
    let text = shown.text();
    assert_eq!(text.matches("ALIBABA_CLOUD_ACCESS_KEY_ID is not set").count(), 1, "{text}");
    assert!(text.contains("FAIL  login      no AccessKey was found\n      ~/.aliyun/config.json: "), "{text}");
    assert!(text.contains("\n      the environment: ALIBABA_CLOUD_ACCESS_KEY_ID is not set\n"), "{text}");
    let see = "there is no AccessKey: see the step login";
    assert!(text.contains(&format!("skip  clock      the clock of the API is unknown: {see}")), "{text}");
    assert!(text.contains(&format!("skip  api        {see}")), "{text}");
    let mut command = without();
    command.env("LANG", "zh_CN.UTF-8");
    let shown = run(command, ["doctor"]).expect(2);
    assert!(shown.text().contains("没有找到 AccessKey\n      ~/.aliyun/config.json："), "{shown:?}");
    assert!(shown.text().contains("\n      环境变量：没有设置 ALIBABA_CLOUD_ACCESS_KEY_ID\n"), "{shown:?}");
}

#[test]
fn doctor_says_where_the_key_is_from_without_being_asked() {
    let (emulator, home) = (Emulator::builder().ram_role("test-role").start().unwrap(), Folder::new());
    let on_machine = || {
        let mut command = without_key(&emulator, &home);
        command.env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
        command.env("ALIYUN_MQTT_METADATA_ENDPOINT", emulator.api_endpoint());
        command
    };
    let shown = run(on_machine(), ["doctor"]).expect(0);
    let login = shown.lines().into_iter().find(|line| line.starts_with("ok    login")).unwrap().to_string();
    assert!(login.contains("; AccessKey of the RAM role of the ECS instance (until 20"), "{login}");
    assert!(shown.text().contains("skip  token      no token is given; one is applied for"), "{shown:?}");
    let mut command = on_machine();
    command.env("LANG", "zh_CN.UTF-8");
    let shown = run(command, ["doctor"]).expect(0);
    assert!(shown.text().contains("；AccessKey 来源：ECS 实例的 RAM 角色（有效期至 20"), "{shown:?}");
}
