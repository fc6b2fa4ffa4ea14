//! Completions and manual pages, checked with the programs that read them, if they are installed.

use std::process::{Command, Stdio};

use crate::support;
use crate::support::{Folder, Running, program, run};

fn completions(shell: &str) -> Vec<u8> {
    run(program(), ["completions", shell]).expect(0).stdout
}

/// Runs a shell or checker; `None` if it is not installed.
fn checked(command: &str, arguments: &[&str]) -> Option<support::Output> {
    let mut checker = Command::new(command);
    checker.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(Running::new(checker.spawn().ok()?).wait())
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = Folder::new();
    let script = folder.write("completions.bash", completions("bash"));
    let ask = |words: &str, index: u8| {
        let line = format!(
            "source '{}'; set -- $(complete -p aliyun-mqtt); while [ \"$1\" != -F ]; do shift; done; \
             COMP_WORDS=({words}); COMP_CWORD={index}; \
             \"$2\" aliyun-mqtt \"${{COMP_WORDS[{index}]}}\" ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        checked("bash", &["-c", &line]).map(|output| output.expect(0).text().to_string())
    };
    let Some(commands) = ask("aliyun-mqtt pu", 1) else { return };
    assert_eq!(commands.lines().collect::<Vec<_>>(), ["pub", "publish"]);
    assert!(ask("aliyun-mqtt config s", 2).unwrap().contains("show"));
    assert!(ask("aliyun-mqtt pub --end", 2).unwrap().contains("--endpoint"));
}

/// Sets `function` to the completion function of a sourced script for bash.
const FUNCTION: &str = "function=$(complete -p aliyun-mqtt); function=${function#*-F }; function=${function%% *}";

/// Flags with a list of values: the command, the flag, and the values.
const LISTS: [(&str, &str, &[&str]); 8] = [
    ("sub", "--protocol", &["3.1.1", "5"]),
    ("publish", "--auth", &["signature", "token", "device", "chain", "custom-plain", "custom-signed"]),
    ("pub", "-q", &["0", "1", "2"]),
    ("bench publish", "-q", &["0", "1", "2"]),
    ("token apply", "--kind", &["R", "W", "RW"]),
    ("emulator", "--transport", &["tcp", "tls", "ws", "wss"]),
    ("sub", "-P", &["mine", "theirs"]),
    ("config show", "--profile", &["mine", "theirs"]),
];

/// Returns a directory with a configuration file of two profiles, and the path of a file in it with this text.
fn surroundings(name: &str, text: Vec<u8>) -> (Folder, std::path::PathBuf) {
    let folder = Folder::new();
    folder.write("aliyun-mqtt/config.toml", "default_profile = 'mine'\n[profile.theirs]\n[profile.mine]\n");
    let script = folder.write(name, text);
    (folder, script)
}

/// Runs a line in a shell that finds the program in its path and the configuration in the directory.
fn ask_shell(shell: &str, folder: &Folder, line: &str) -> Option<support::Output> {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_aliyun-mqtt")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(shell);
    command.args(["-c", line]).env("PATH", path).env("XDG_CONFIG_HOME", folder.as_path());
    command.env("HOME", folder.as_path()).env_remove("ALIYUN_MQTT_PROFILE").env_remove("ALIYUN_MQTT_CONFIG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(Running::new(command.spawn().ok()?).wait())
}

#[test]
fn bash_and_fish_complete_values_and_zsh_has_them() {
    let (folder, script) = surroundings("completions.bash", completions("bash"));
    for (command, flag, values) in LISTS {
        let index = command.split(' ').count() + 2;
        let line = format!(
            "source '{}'; {FUNCTION}; COMP_WORDS=(aliyun-mqtt {command} {flag} ''); COMP_CWORD={index}; \
             \"$function\" aliyun-mqtt '' {flag}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let Some(output) = ask_shell("bash", &folder, &line) else { break };
        assert_eq!(output.expect(0).lines(), values, "bash: {command} {flag}");
    }
    let (folder, script) = surroundings("completions.fish", completions("fish"));
    for (command, flag, values) in LISTS {
        let line = format!("source '{}'; complete --do-complete 'aliyun-mqtt {command} {flag} '", script.display());
        let Some(output) = ask_shell("fish", &folder, &line) else { break };
        let output = output.expect(0);
        let mut found: Vec<_> = output.lines().iter().map(|line| line.split('\t').next().unwrap()).collect();
        let mut values = values.to_vec();
        found.sort_unstable();
        values.sort_unstable();
        assert_eq!(found, values, "fish: {command} {flag}");
    }
    let script = String::from_utf8(completions("zsh")).unwrap();
    for (_, flag, values) in LISTS {
        let named = |line: &&str| line.contains(&format!("'{flag}+[")) || line.contains(&format!("'{flag}=["));
        let listed = format!(":({})", values.join(" "));
        let asked = "{compadd -- ${(f)\"$(aliyun-mqtt config profiles 2>/dev/null)\"}}";
        let mut lines = script.lines().filter(named).peekable();
        assert!(lines.peek().is_some(), "zsh: {flag}");
        let profile = values.contains(&"mine");
        // That of `sign` is shorter.
        let without_chain = listed.replace(" chain", "");
        let is_listed = |line: &str| line.contains(&listed) || flag == "--auth" && line.contains(&without_chain);
        assert!(lines.all(|line| if profile { line.contains(asked) } else { is_listed(line) }), "zsh: {flag}");
    }
}

#[test]
fn completions_offer_no_setting_where_none_is_taken() {
    let (folder, script) = surroundings("completions.bash", completions("bash"));
    for (command, endpoint, group) in
        [("pub", true, true), ("man", false, false), ("config show", false, false), ("emulator", false, true)]
    {
        let index = command.split(' ').count() + 1;
        let line = format!(
            "source '{}'; {FUNCTION}; COMP_WORDS=(aliyun-mqtt {command} '--'); COMP_CWORD={index}; \
             \"$function\" aliyun-mqtt '--' {command}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let Some(output) = ask_shell("bash", &folder, &line) else { return };
        let output = output.expect(0);
        assert_eq!(output.lines().contains(&"--endpoint"), endpoint, "{command}: {}", output.text());
        assert_eq!(output.lines().contains(&"--group-id"), group, "{command}: {}", output.text());
        assert!(output.lines().contains(&"--profile"), "{command}: {}", output.text());
    }
}

#[test]
fn zsh_and_fish_take_their_completions() {
    let folder = Folder::new();
    for shell in ["zsh", "fish"] {
        let script = folder.write(shell, completions(shell));
        assert!(std::fs::metadata(&script).unwrap().len() > 1000);
        if let Some(output) = checked(shell, &["-n", &script.display().to_string()]) {
            assert!(output.expect(0).stderr.is_empty(), "{shell}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page_without_faults() {
    let folder = Folder::new();
    let pages = folder.path("man");
    let chinese = pages.join("zh_CN");
    for (lang, folder) in [("en", &pages), ("zh", &chinese)] {
        run(program(), ["man", "--lang", lang, "--output-dir", &folder.display().to_string()]).expect(0);
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.filter(|path| path.is_file()).collect();
        for name in ["aliyun-mqtt.1", "aliyun-mqtt-pub.1", "aliyun-mqtt-config-show.1", "aliyun-mqtt-doctor.1"] {
            assert!(files.iter().any(|path| path.ends_with(name)), "{name} is not among {files:?}");
        }
        for path in &files {
            let path = path.display().to_string();
            if let Some(output) = checked("mandoc", &["-T", "lint", "-W", "error", &path]) {
                assert!(output.code == Some(0), "{path}: {}", output.text());
            }
            // Without this, man would not find the page by what it is about.
            if let Some(output) = checked("lexgrog", &[&path]) {
                assert!(output.code == Some(0), "{path}: {}", output.stderr);
            }
        }
    }
    let page = std::fs::read_to_string(chinese.join("aliyun-mqtt-pub.1")).unwrap();
    for word in [".SH \"名称\"", ".SH \"选项\"", ".SH 示例", "QoS", "可选值：", "退出码取自"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let page = std::fs::read_to_string(pages.join("aliyun-mqtt-pub.1")).unwrap();
    let (_, examples) = page.split_once("\n.SH EXAMPLES\n.nf\n").expect("a section of its own for the examples");
    assert!(examples.starts_with("  aliyun\\-mqtt pub "), "{examples}");
    let (_, notes) = page.split_once("\n.SH NOTES\n").unwrap();
    let (notes, _) = notes.split_once("\n.SH ").unwrap();
    assert!(!notes.contains(".nf"), "text that is not filled: {notes}");
    let page = run(program(), ["man", "config", "show"]).expect(0);
    assert!(page.text().contains("aliyun\\-mqtt config show"), "{}", page.text());
    assert!(page.text().contains("Configuration file"), "an option without its text: {}", page.text());
    run(program(), ["man", "nonsense"]).expect(2);
}
