//! The language of help, hints and doctor's report; and what stays English for scripts.

use std::process::Command;

use serde_json::Value;

#[cfg(target_os = "linux")]
use crate::support::terminal::on_terminal;
use crate::support::{Folder, program, run};

/// Returns the program with these variables.
fn with(variables: &[(&str, &str)]) -> Command {
    let mut command = program();
    command.envs(variables.iter().copied());
    command
}

fn chinese() -> Command {
    with(&[("LANG", "zh_CN.UTF-8")])
}

fn has_han(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn the_language_is_that_of_the_flag_or_the_variable_or_the_locale() {
    const ZH: (&str, &str) = ("LANG", "zh_CN.UTF-8");
    for (variables, arguments, expected) in [
        (&[][..], &["pub", "--help"][..], false),
        (&[ZH], &["pub", "--help"], true),
        (&[ZH, ("LC_ALL", "C")], &["pub", "--help"], false),
        (&[ZH, ("LC_ALL", "C")], &["pub", "--help", "--lang", "zh"], true),
        (&[ZH, ("LC_ALL", "C"), ("ALIYUN_MQTT_LANG", "zh")], &["pub", "--help"], true),
        (&[ZH, ("ALIYUN_MQTT_LANG", "en")], &["pub", "--help"], false),
        (&[ZH, ("ALIYUN_MQTT_LANG", "nonsense")], &["--lang=en", "pub", "--help"], false),
    ] {
        let help = run(with(variables), arguments).expect(0);
        assert_eq!(help.text().contains("用法："), expected, "{variables:?} {arguments:?}: {}", help.text());
        assert_eq!(help.text().contains("Usage:"), !expected, "{variables:?} {arguments:?}");
    }
}

#[test]
fn a_wrong_language_of_the_environment_is_a_warning_and_that_of_the_flag_an_error() {
    let output = run(with(&[("ALIYUN_MQTT_LANG", "fr")]), ["config", "path"]).expect(0);
    assert_eq!(output.stderr, "warning: ALIYUN_MQTT_LANG is \"fr\", which is not a language: give en or zh\n");
    let output = run(with(&[("ALIYUN_MQTT_LANG", "zh_CN")]), ["config", "path"]).expect(0);
    assert_eq!(output.stderr, "");
    let output = run(chinese(), ["--lang", "fr", "config", "path"]).expect(2);
    assert!(output.stderr.starts_with("error: invalid value 'fr' for '--lang <LANGUAGE>'"), "{}", output.stderr);
    for name in ["zh_CN", "zh-CN", "ZH"] {
        let help = run(program(), ["--lang", name, "pub", "--help"]).expect(0);
        assert!(help.text().contains("用法："), "{name}: {}", help.text());
    }
}

/// `help` takes no option by itself.
#[test]
fn the_help_command_has_the_language_of_the_flag() {
    for arguments in
        [&["help", "pub", "--lang", "zh"][..], &["help", "--lang=zh", "pub"], &["--lang", "zh", "help", "pub"]]
    {
        let help = run(program(), arguments).expect(0);
        assert!(help.text().contains("用法：aliyun-mqtt pub"), "{arguments:?}: {}", help.text());
    }
}

/// The value of another option that looks like the flag.
#[test]
fn the_flag_is_what_clap_takes_for_it() {
    let output = run(program(), ["pub", "-t", "demo/a", "-m", "--lang=zh"]).expect(2);
    assert!(output.stderr.contains("hint: "), "{}", output.stderr);
}

#[test]
fn an_error_is_english_and_its_hint_is_not() {
    let output = run(chinese(), ["pub", "-t", "demo/a"]).expect(2);
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(lines[0], "error: no payload is specified");
    assert!(lines[1].starts_with("提示：从 -m、"), "{lines:?}");
    // Hints of the library; that about a missing setting names its flag.
    let large = "x".repeat(70_000);
    for (arguments, hint) in [
        (["-m", "x", "--clean-session=false"], "提示：使用 --device-id，设置 ALIYUN_MQTT_DEVICE_ID，"),
        (["-m", &large, "--clean-session=true"], "提示：客户端发送的消息内容更大时，"),
    ] {
        let mut command = chinese();
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "id").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret");
        command.env("ALIYUN_MQTT_INSTANCE_ID", "post-cn-x").env("ALIYUN_MQTT_GROUP_ID", "GID_test");
        let arguments = [&["pub", "-e", "localhost", "-t", "demo/a"], &arguments[..]].concat();
        let output = run(command, arguments).expect(2);
        let lines: Vec<_> = output.stderr.lines().collect();
        assert!(lines[0].starts_with("error: ") && !has_han(lines[0]), "{lines:?}");
        assert!(lines[1].starts_with(hint), "{lines:?}");
    }
}

#[test]
fn an_error_of_the_command_line_keeps_its_first_line() {
    let english = run(program(), ["pub", "--tpic", "x"]).expect(2);
    let chinese = run(chinese(), ["pub", "--tpic", "x"]).expect(2);
    assert_eq!(english.stderr.lines().next(), chinese.stderr.lines().next());
    for word in ["提示：有相近的选项：'--topic'", "用法：aliyun-mqtt pub", "更多信息请见 '--help'。"]
    {
        assert!(chinese.stderr.contains(word), "{word}: {}", chinese.stderr);
    }
    let output = run(with(&[("ALIYUN_MQTT_LANG", "zh")]), ["pub", "-h", "host", "-t", "x"]).expect(2);
    assert!(output.stderr.starts_with("error: -h prints help here"), "{}", output.stderr);
    assert!(output.stderr.contains("提示：mosquitto_pub 的 -h HOST"), "{}", output.stderr);
}

/// Below the line that scripts match, the text that clap adds to an error has no English, quoted words and options
/// aside.
#[test]
fn what_follows_an_error_is_chinese() {
    for arguments in [
        &["man", "--bad"][..],
        &["man", "x", "--bar"],
        &["completions", "--foo"],
        &["completions", "bsh"],
        &["emulator", "--foo"],
        &["emulator", "start"],
        &["trace", "publish", "--start"],
        &["trace", "--mesage"],
        &["token", "--kind", "R"],
        &["pub", "--strict-names"],
        &["pub", "hello"],
        &["sub", "demo/#"],
        &["sub", "-q", "7"],
        &["pbu"],
        &["--pub"],
        &["--log", "x", "pub"],
        &["p2p", "send"],
        &["p2p", "--send"],
    ] {
        let output = run(chinese(), arguments).expect(2);
        for line in output.stderr.lines().skip(1).filter(|line| !line.starts_with("用法：") && !line.contains(" <"))
        {
            assert!(!line.contains(".。"), "{arguments:?}: {line}");
            let bare: String = line.split('\'').step_by(2).collect();
            let mut words = bare.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
            let is_english = |word: &&str| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
            let is_list = bare.contains("[可选值：") || bare.contains("[子命令：") || bare.contains("aliyun-mqtt");
            assert!(is_list || words.find(is_english).is_none(), "{arguments:?}: {line}");
        }
        assert!(!output.stderr.contains("[OPTIONS]"), "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn a_word_in_the_wrong_place_gets_the_right_form_as_a_tip() {
    for (arguments, tip) in [
        (&["pub", "hello"][..], "tip: topic and text follow options: aliyun-mqtt pub -t TOPIC -m TEXT"),
        (&["pub", "demo/hello", "Hi"], "aliyun-mqtt pub -t TOPIC -m TEXT"),
        (&["sub", "demo/#"], "tip: the topic follows an option: aliyun-mqtt sub -t TOPIC"),
        (&["pbu"], "tip: a similar subcommand exists: 'pub'"),
        (&["token", "aply"], "tip: a similar subcommand exists: 'apply'"),
    ] {
        let output = run(program(), arguments).expect(2);
        assert!(output.stderr.contains(tip), "{arguments:?}: {}", output.stderr);
    }
}

/// Each command's help, long and short, has nothing of the English around the options, and no line beyond the width.
#[test]
fn no_help_is_half_translated() {
    let folder = Folder::new();
    run(program(), ["man", "--output-dir", &folder.path("").display().to_string()]).expect(0);
    let pages = std::fs::read_dir(folder.as_path()).unwrap().map(|entry| entry.unwrap().file_name());
    let pages: Vec<_> = pages.map(|name| name.into_string().unwrap().replace(".1", "")).collect();
    assert!(pages.len() > 30, "{pages:?}");
    for command in &pages {
        for flag in ["-h", "--help"] {
            // The first two words are the name of the program.
            let words = command.split('-').skip(2).chain([flag]);
            let output = run(chinese(), words).expect(0);
            for line in output.lines() {
                let columns: usize = line.chars().map(|c| 1 + usize::from(c > '\u{2e80}')).sum();
                let is_code = !has_han(line);
                assert!(columns <= 100 || is_code, "{command} {flag}: {columns}: {line}");
                for word in ["Options:", "Usage:", "Commands:", "Examples:", "[default:", "[possible values", "alias:"]
                {
                    assert!(!line.contains(word), "{command} {flag}: {line}");
                }
            }
        }
    }
}

/// Returns the objects that doctor prints, without the times.
fn objects(command: Command) -> Vec<Value> {
    let arguments = ["doctor", "--json", "-e", "mqtt://127.0.0.1:1", "--instance-id", "post-cn-x"];
    let output = run(command, arguments);
    let mut objects: Vec<Value> = output.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for object in &mut objects {
        object["duration_ms"] = Value::Null;
        object["saw"] = Value::Null;
    }
    objects
}

#[test]
fn json_and_data_are_the_same_in_each_language() {
    let english = objects(program());
    assert!(english.len() > 10);
    assert_eq!(english, objects(chinese()));
    for arguments in [
        &["config", "show", "--json"][..],
        &["completions", "bash"],
        &["completions", "fish"],
        &["pub", "-t", "demo/a", "--jsonl", "--json", "-e", "localhost"],
        &["--version"],
    ] {
        let (english, chinese) = (run(program(), arguments), run(chinese(), arguments));
        assert_eq!((english.code, english.stdout), (chinese.code, chinese.stdout), "{arguments:?}");
    }
}

/// The settings are the same, and only what is said about them is not.
#[test]
fn the_comments_of_config_are_in_the_language() {
    let folder = Folder::new();
    let of = |mut command: Command, arguments: &[&str]| {
        command.env("XDG_CONFIG_HOME", folder.as_path()).env("ALIYUN_MQTT_ENDPOINT", "localhost");
        run(command, [&["config"], arguments].concat()).expect(0)
    };
    let (english, han) = (of(program(), &["show"]), of(chinese(), &["show"]));
    let settings = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split_once("    # ").unwrap().0.to_string()).collect()
    };
    assert_eq!(settings(english.text()), ["endpoint = localhost"]);
    assert_eq!(settings(han.text()), ["endpoint = localhost"]);
    assert!(!has_han(english.text()) && english.text().contains("    # environment variable ALIYUN_MQTT_ENDPOINT"));
    for line in han.lines() {
        assert!(has_han(line) || line.starts_with("#   ~/.a"), "{line}");
    }
    for line in ["# 没有找到 AccessKey", "#   环境变量：没有设置 ALIBABA_CLOUD_ACCESS_KEY_ID", "# 登录缺少（auth："]
    {
        assert!(han.text().contains(line), "{line}: {}", han.text());
    }

    let template = |command: Command| {
        let note = of(command, &["init", "--force"]).stderr;
        let text = std::fs::read_to_string(folder.path("aliyun-mqtt/config.toml")).unwrap();
        let names: Vec<String> = text.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_string())).collect();
        (note, text, names)
    };
    let ((english_note, english, names), (note, text, same)) = (template(program()), template(chinese()));
    assert!(english_note.ends_with("config.toml; fill it in, then run `aliyun-mqtt doctor`\n"), "{english_note}");
    assert_eq!(note, english_note, "a note that nobody reads at a terminal");
    assert_eq!(names, same);
    assert!(!has_han(&english));
    for line in text.lines().filter(|line| line.starts_with("# ") && !line.contains(" = ")) {
        assert!(has_han(line) || line == "# Instance id", "{line}");
    }
    assert!(text.contains("# 接入点：host、host:port"), "{text}");
}

/// Scripts match what was done, and a person at a terminal reads it.
#[test]
fn what_was_done_is_english_unless_it_is_said_at_a_terminal() {
    let folder = Folder::new();
    let pages = folder.path("man").display().to_string();
    let written = run(chinese(), ["man", "--output-dir", &pages]).expect(0);
    assert_eq!(written.stderr, format!("wrote the pages to {pages}\n"));
    #[cfg(target_os = "linux")]
    {
        let line = format!("$PROGRAM man --output-dir '{pages}'");
        let output = on_terminal(&with(&[("LANG", "zh_CN.UTF-8")]), &line).wait().expect(0);
        assert!(output.text().contains(&format!("手册页已写入 {pages}")), "{}", output.text());
    }
}

#[test]
fn the_report_of_doctor_has_titles_causes_and_cures_in_chinese() {
    let output = run(chinese(), ["doctor", "-e", "mqtt://127.0.0.1:1", "--instance-id", "post-cn-x"]).expect(3);
    let text = output.text();
    for line in [
        "失败  TCP        127.0.0.1:1: ",
        "步骤：名称 [names]",
        "原因：本机的该端口没有程序在监听 [nothing-here]",
        "处理：如果原来是模拟器，它已经结束：",
        "没有给出 group_id；使用 --group-id",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}
