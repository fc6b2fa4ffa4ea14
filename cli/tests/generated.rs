//! Completions and manual pages, checked with the programs that read them, where those are installed.

mod support;

use std::process::{Command, Stdio};

use support::{Folder, Running, program, run};

fn completions(shell: &str) -> Vec<u8> {
    run(program(), ["completions", shell]).expect(0).stdout
}

/// Runs a shell or checker; `None` where it is not installed.
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
            "source '{}'; set -- $(complete -p aliyun-mqtt); while [ \"$1\" != -F ]; do shift; done; COMP_WORDS=({words}); \
             COMP_CWORD={index}; \"$2\" aliyun-mqtt \"${{COMP_WORDS[{index}]}}\" ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        checked("bash", &["-c", &line]).map(|output| output.expect(0).text().to_string())
    };
    let Some(commands) = ask("aliyun-mqtt pu", 1) else { return };
    assert_eq!(commands.trim(), "pub");
    assert!(ask("aliyun-mqtt config s", 2).unwrap().contains("show"));
    assert!(ask("aliyun-mqtt pub --end", 2).unwrap().contains("--endpoint"));
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
    run(program(), ["man", "--output-dir", &pages.display().to_string()]).expect(0);
    let names: Vec<_> =
        std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["aliyun-mqtt.1", "aliyun-mqtt-pub.1", "aliyun-mqtt-config-show.1", "aliyun-mqtt-doctor.1"] {
        assert!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
    }
    for name in &names {
        let path = pages.join(name).display().to_string();
        if let Some(output) = checked("mandoc", &["-T", "lint", "-W", "error", &path]) {
            assert!(output.code == Some(0), "{name}: {}", output.text());
        }
    }
    let page = run(program(), ["man", "config", "show"]).expect(0);
    assert!(page.text().contains("aliyun\\-mqtt config show"), "{}", page.text());
    assert!(page.text().contains("Configuration file"), "an option without its text: {}", page.text());
    run(program(), ["man", "nonsense"]).expect(2);
}
