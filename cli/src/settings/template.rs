//! The file that `config init` writes: the settings with the help of their flags, in the language of this run.

use std::fmt::Write as _;

use clap::{Args as _, Command};

use super::Key;
use super::flags::SettingArgs;
use crate::lang::{self, Text};

/// The first lines of the file.
const HEAD: [Text; 3] = [
    Text::of("Settings of aliyun-mqtt"),
    Text::of("Flags have precedence over environment variables, and these over this file."),
    Text::of("Settings above the first [profile.NAME] apply to all profiles."),
];
const DEFAULT: Text = Text::of("The profile to use if neither --profile nor ALIYUN_MQTT_PROFILE selects one");

/// The settings of the profile, each with an example.
const SETTINGS: [(Key, &str); 9] = [
    (Key::Endpoint, "post-cn-xxxx.mqtt.aliyuncs.com"),
    (Key::InstanceId, "post-cn-xxxx"),
    (Key::GroupId, "GID_demo"),
    (Key::Topic, "demo"),
    (Key::DeviceId, "0001"),
    (Key::Protocol, "3.1.1"),
    (Key::RegionId, "cn-hangzhou"),
    (Key::Auth, "signature"),
    (Key::AccessKeyId, "..."),
];

const SECRET: Text = Text::of("The secret of the AccessKey is best kept elsewhere. One of:");
/// The forms of a secret, each with its note.
const FORMS: [(&str, &str, Text); 4] = [
    ("_command", "pass show aliyun/mqtt", Text::of("the output of this command")),
    ("_file", "secret", Text::of("a path, relative to the directory of this file")),
    ("_env", "MY_VARIABLE", Text::of("the name of an environment variable")),
    ("", "...", Text::of("here; then only you may read this file: chmod 600")),
];

/// Returns the text of the file.
pub(crate) fn template() -> String {
    let mut text = String::new();
    let comment = |text: &mut String, comment: &str| writeln!(text, "# {comment}").expect("a string takes all");
    for line in HEAD {
        comment(&mut text, line.shown());
    }
    text.push('\n');
    comment(&mut text, DEFAULT.shown());
    text.push_str("default_profile = \"demo\"\n\n[profile.demo]\n");
    let flags = SettingArgs::augment_args(Command::new("settings"));
    for (key, example) in SETTINGS {
        let flag = flags.get_arguments().find(|flag| flag.get_long() == Some(&key.row().flag[2..]));
        if let Some(help) = flag.and_then(|flag| flag.get_help()) {
            comment(&mut text, &lang::of_help(&help.to_string()));
        }
        comment(&mut text, &format!("{} = \"{example}\"", key.row().name));
        text.push('\n');
    }
    comment(&mut text, SECRET.shown());
    for (form, example, note) in FORMS {
        let setting = format!("{}{form} = \"{example}\"", Key::AccessKeySecret.row().name);
        comment(&mut text, &format!("{setting}    # {}", note.shown()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_help_above_it() {
        let text = template();
        for (key, _) in SETTINGS {
            let line = format!("# {} = ", key.row().name);
            let before = text.lines().take_while(|other| !other.starts_with(&line)).last().unwrap();
            assert!(before.len() > 5 && before.starts_with("# "), "{line}: {before}");
        }
    }
}
