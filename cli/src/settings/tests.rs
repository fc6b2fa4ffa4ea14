//! Which value wins, what the file may say, and that no secret is shown.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::environment::PROFILE;
use super::*;
use crate::exit::Exit;

fn load(file: Option<&str>, environment: &[(&str, &str)], flags: &[&str]) -> Result<Settings> {
    let folder = Folder::new();
    let mut environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
    environment.push(("XDG_CONFIG_HOME".to_string(), folder.0.display().to_string()));
    if let Some(text) = file {
        let path = folder.0.join("aliyun-mqtt").join("config.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let cli = Flags::try_parse_from([&["aliyun-mqtt"], flags].concat()).unwrap();
    let lookup = |name: &str| {
        environment.iter().find(|(known, _)| known == name).map(|(_, value)| OsString::from(value.as_str()))
    };
    Settings::read(&cli.global, &Environment::of(&lookup))
}

/// The options of every command, without a command.
#[derive(Debug, clap::Parser)]
struct Flags {
    #[command(flatten)]
    global: GlobalArgs,
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("aliyun-mqtt-settings-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Folder(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "endpoint = 'file'\ngroup_id = 'GID_file'\ninstance_id = 'file'";
    let environment = [("ALIYUN_MQTT_ENDPOINT", "env"), ("ALIYUN_MQTT_GROUP_ID", "GID_env"), ("ALIYUN_MQTT_TOPIC", "")];
    let settings = load(Some(file), &environment, &["--endpoint", "flag"]).unwrap();
    assert_eq!(settings.text(Key::Endpoint), Some("flag"));
    assert_eq!(settings.source(Key::Endpoint), Some(&Source::Flag("--endpoint")));
    assert_eq!(settings.text(Key::GroupId), Some("GID_env"));
    assert_eq!(settings.text(Key::InstanceId), Some("file"));
    assert_eq!(settings.text(Key::Topic), None, "an empty variable is none");
}

#[test]
fn a_profile_wins_over_what_stands_above_it() {
    let file = "default_profile = 'a'\nendpoint = 'all'\ntimeout = 5\n\
                [profile.a]\nendpoint = 'a'\n[profile.b]\nendpoint = 'b'";
    let text = |flags: &[&str], environment: &[(&str, &str)]| {
        load(Some(file), environment, flags).unwrap().text(Key::Endpoint).map(str::to_string)
    };
    assert_eq!(text(&[], &[]).as_deref(), Some("a"));
    assert_eq!(text(&[], &[(PROFILE, "b")]).as_deref(), Some("b"));
    assert_eq!(text(&["--profile", "a"], &[(PROFILE, "b")]).as_deref(), Some("a"));
    let failure = load(Some(file), &[], &["--profile", "c"]).unwrap_err();
    assert!(!failure.message.contains("\"c\"") && failure.message.contains("a, b"), "{failure:?}");
    assert!(failure.hint.unwrap().english().contains("--password-file"));
    let failure = load(Some(file), &[(PROFILE, "d")], &[]).unwrap_err();
    assert!(failure.message.contains("\"d\"") && failure.message.contains(PROFILE), "{failure:?}");
}

#[test]
fn the_names_of_the_php_demo_are_taken() {
    let file = "access_key = 'id'\nsecret_key = 'not-a-secret'\nend_point = 'host'\n\
                instance_id = 'post-cn-x'\ntopic = 'demo'\ngroup_id = 'GID_demo'";
    let settings = load(Some(file), &[], &[]).unwrap();
    assert_eq!(settings.text(Key::AccessKeyId), Some("id"));
    assert_eq!(*settings.secret(Key::AccessKeySecret).unwrap(), "not-a-secret");
    assert_eq!(settings.text(Key::Endpoint), Some("host"));
    settings.builder().unwrap().build().unwrap();
}

#[test]
fn a_bad_file_is_told_by_file_and_line_without_its_text() {
    for (file, word) in [
        ("a = 'x\nsecret_key = 'not-a-secret", "line 1"),
        ("\n\nsecret_key = not-a-secret", "line 3"),
        ("colour = 'red'", "no such setting"),
        ("endpoint = 'a'\nend_point = 'b'", "twice"),
        ("endpoint = ['a']", "must be a string"),
        ("profile = 'a'", "[profile.NAME]"),
        ("access_key_secret_env = 'A'\naccess_key_secret_file = 'B'", "twice"),
    ] {
        let failure = load(Some(file), &[], &[]).unwrap_err();
        assert!(failure.message.contains(word) && failure.message.contains("config.toml"), "{file}: {failure:?}");
        assert!(!format!("{failure:?}").contains("not-a-secret"), "{failure:?}");
    }
}

#[test]
fn a_relative_path_counts_from_the_files_folder() {
    let settings = load(Some("ca_file = 'ca.pem'"), &[], &[]).unwrap();
    assert!(Path::new(settings.path(Key::CaFile).unwrap()).ends_with("aliyun-mqtt/ca.pem"));
    let settings = load(None, &[], &["--ca-file", "ca.pem"]).unwrap();
    assert_eq!(settings.path(Key::CaFile), Some(Path::new("ca.pem")));
}

#[test]
fn what_is_missing_is_named_with_all_ways_to_give_it() {
    let environment = [
        ("ALIYUN_MQTT_ENDPOINT", "h"),
        ("ALIYUN_MQTT_GROUP_ID", "GID_a"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret"),
    ];
    let failure = load(None, &environment, &[]).unwrap().builder().unwrap_err();
    assert_eq!(failure.message, "the instance id is not given");
    let hint = failure.hint.unwrap().english().to_string();
    for word in ["--instance-id", "ALIYUN_MQTT_INSTANCE_ID", "instance_id"] {
        assert!(hint.contains(word), "{hint}");
    }
}

#[test]
fn a_wrong_value_is_told_with_its_source() {
    let good = [
        ("ALIYUN_MQTT_ENDPOINT", "h"),
        ("ALIYUN_MQTT_INSTANCE_ID", "i"),
        ("ALIYUN_MQTT_GROUP_ID", "GID_x"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret"),
    ];
    for (flag, value) in [
        ("--protocol", "4"),
        ("--clean-session", "maybe"),
        ("--auth", "magic"),
        ("--client-id", "no-group"),
        ("--keep-alive", "-1"),
    ] {
        let flag_value = format!("{flag}={value}");
        let failure = load(None, &good, &[&flag_value]).unwrap().builder().unwrap_err();
        assert!(failure.message.contains(flag), "{failure:?}");
    }
    for time in ["soon", "0", "3601"] {
        let environment = [&good[..], &[("ALIYUN_MQTT_TIMEOUT", time)]].concat();
        let failure = load(None, &environment, &[]).unwrap().builder().unwrap_err();
        for words in ["ALIYUN_MQTT_TIMEOUT", "from 1 to 3600"] {
            assert!(failure.message.contains(words), "{failure:?}");
        }
    }
}

#[test]
fn a_proxy_is_taken_but_its_password_not_from_a_flag() {
    let failure = load(None, &[], &["--proxy", "http://user:not-a-secret@proxy:3128"]).unwrap_err();
    assert!(failure.message.contains("--proxy") && !format!("{failure:?}").contains("not-a-secret"), "{failure:?}");
    let proxy = "user:not-a-secret@proxy:3128";
    let good = [
        ("ALIYUN_MQTT_ENDPOINT", "mqtt://broker"),
        ("ALIYUN_MQTT_INSTANCE_ID", "post-cn-x"),
        ("ALIYUN_MQTT_GROUP_ID", "GID_demo"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret"),
        ("ALIYUN_MQTT_PROXY", proxy),
        ("ALIYUN_MQTT_REGION_ID", "cn-hangzhou"),
    ];
    let settings = load(None, &good, &[]).unwrap();
    let config = settings.builder().unwrap().build().unwrap();
    assert_eq!(config.proxy().map(ToString::to_string).as_deref(), Some("http://proxy:3128"));
    settings.api().unwrap();
    let other = load(None, &good, &["--proxy", "http://other:1"]).unwrap().builder().unwrap().build().unwrap();
    assert_eq!(other.proxy().map(ToString::to_string).as_deref(), Some("http://other:1"));
}

#[test]
fn a_file_asked_for_must_be_there() {
    let failure = load(None, &[], &["--config", "no/such/file.toml"]).unwrap_err();
    assert!(failure.message.contains("no/such/file.toml"), "{failure:?}");
    assert!(load(None, &[], &["--profile", "x"]).unwrap_err().message.contains("no configuration file"));
}

/// A value that passes for this setting.
fn good(key: Key) -> &'static str {
    match key {
        Key::Endpoint => "mqtt://localhost",
        Key::GroupId => "GID_demo",
        Key::Token => "RW|not-a-secret",
        Key::Auth => unreachable!("given apart"),
        _ => "demo",
    }
}

#[test]
fn what_is_said_to_be_missing_is_what_a_login_needs() {
    let cases: [(&str, &[(&str, &str)]); 8] = [
        ("signature", &[("ALIBABA_CLOUD_ACCESS_KEY_ID", "demo")]),
        ("device", &[]),
        ("custom-plain", &[]),
        ("custom-signed", &[]),
        ("token", &[("ALIBABA_CLOUD_ACCESS_KEY_ID", "demo")]),
        ("token", &[("ALIYUN_MQTT_TOKEN", "RW|not-a-secret")]),
        (
            "token",
            &[("ALIYUN_MQTT_API_ENDPOINT", "http://localhost"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret")],
        ),
        ("device", &[("ALIYUN_MQTT_CLEAN_SESSION", "false")]),
    ];
    for (auth, given) in cases {
        let load = |keys: &[Key]| {
            let mut environment = [&[("ALIYUN_MQTT_AUTH", auth)], given].concat();
            environment.extend(keys.iter().map(|key| (key.row().variable, good(*key))));
            load(None, &environment, &[]).unwrap()
        };
        let builds = |settings: &Settings| settings.builder().is_ok_and(|builder| builder.build().is_ok());
        let missing = load(&[]).missing_to_log_in().unwrap();
        let whole = load(&missing);
        assert_eq!(whole.missing_to_log_in().unwrap(), [], "{auth} {given:?}");
        assert!(builds(&whole), "{auth} {given:?}: {missing:?}");
        for left_out in &missing {
            let some: Vec<Key> = missing.iter().copied().filter(|key| key != left_out).collect();
            let settings = load(&some);
            assert_eq!(settings.missing_to_log_in().unwrap(), [*left_out], "{auth} {given:?}");
            assert!(!builds(&settings), "{auth} {given:?} without {left_out:?}");
        }
    }
}

#[test]
fn what_is_said_to_be_missing_is_what_the_api_needs() {
    let load = |keys: &[Key]| {
        let mut environment = vec![("ALIBABA_CLOUD_ACCESS_KEY_ID", "demo")];
        environment.extend(keys.iter().map(|key| (key.row().variable, good(*key))));
        load(None, &environment, &[]).unwrap()
    };
    let missing = load(&[]).missing_for_the_api();
    assert!(load(&missing).missing_for_the_api().is_empty() && load(&missing).api().is_ok());
    for left_out in &missing {
        let some: Vec<Key> = missing.iter().copied().filter(|key| key != left_out).collect();
        assert_eq!(load(&some).missing_for_the_api(), [*left_out]);
        assert!(load(&some).api().is_err(), "without {left_out:?}");
    }
}

#[test]
fn a_login_without_network_needs_a_device_that_is_known() {
    let environment = [
        ("ALIYUN_MQTT_INSTANCE_ID", "i"),
        ("ALIYUN_MQTT_GROUP_ID", "GID_demo"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret"),
    ];
    let failure = load(None, &environment, &[]).unwrap().offline().unwrap_err();
    assert!(failure.hint.unwrap().english().contains("--device-id"));
    let (config, _) = load(None, &environment, &["--device-id", "1"]).unwrap().offline().unwrap();
    assert_eq!(config.client_id().as_str(), "GID_demo@@@1");
}

#[test]
fn a_client_id_and_its_halves_are_one_setting() {
    let ids = |settings: &Settings| {
        let config = settings.builder().unwrap().build().unwrap();
        config.client_id().as_str().to_string()
    };
    let rest = "endpoint = 'host'\ninstance_id = 'post-cn-x'\naccess_key = 'id'\nsecret_key = 'not-a-secret'\n";
    let whole = format!("{rest}client_id = 'GID_file@@@1'");
    let halves = format!("{rest}group_id = 'GID_file'\ndevice_id = '1'");
    let device = ("ALIYUN_MQTT_DEVICE_ID", "2");
    for (file, environment, flags, expected) in [
        (&whole, &[][..], &[][..], "GID_file@@@1"),
        (&whole, &[device], &[], "GID_file@@@2"),
        (&whole, &[device], &["--device-id", "3"], "GID_file@@@3"),
        (&whole, &[], &["-g", "GID_flag"], "GID_flag@@@1"),
        (&whole, &[device], &["-i", "GID_flag@@@4"], "GID_flag@@@4"),
        (&halves, &[], &["-i", "GID_flag@@@4"], "GID_flag@@@4"),
        (&halves, &[("ALIYUN_MQTT_CLIENT_ID", "GID_env@@@5")], &["--device-id", "6"], "GID_env@@@6"),
    ] {
        assert_eq!(ids(&load(Some(file), environment, flags).unwrap()), expected, "{environment:?} {flags:?}");
    }
    let profile = format!("default_profile = 'a'\n{whole}\n[profile.a]\ndevice_id = '7'");
    assert_eq!(ids(&load(Some(&profile), &[], &[]).unwrap()), "GID_file@@@7");
    let failure = load(None, &[], &["-i", "GID_a@@@1", "-g", "GID_b"]).unwrap_err();
    assert!(failure.message.contains("--client-id") && failure.message.contains("--group-id"), "{failure:?}");
    load(None, &[], &["-i", "GID_a@@@1", "-g", "GID_a"]).unwrap();
    // One of custom authentication has no halves.
    let custom = load(Some("client_id = 'any'"), &[device], &[]).unwrap();
    assert_eq!(custom.text(Key::ClientId), Some("any"));
}

#[test]
fn a_flag_for_another_way_to_log_in_is_told_and_not_passed_over() {
    let file = "access_key = 'id'\nsecret_key = 'not-a-secret'\ntoken = 'RW|not-a-token'";
    load(Some(file), &[], &[]).unwrap().credentials().unwrap();
    let failure = load(Some(file), &[], &["--token-file", "t"]).unwrap().credentials().unwrap_err();
    assert!(failure.message.contains("--token-file") && failure.message.contains("signature"), "{failure:?}");
    assert!(failure.hint.unwrap().english().contains("--auth token"));
    let failure = load(Some(file), &[], &["--auth", "token", "--user", "u"]).unwrap().credentials().unwrap_err();
    assert!(failure.hint.unwrap().english().contains("--auth custom-plain or --auth custom-signed"));
}

#[test]
fn debug_shows_no_password_of_a_proxy() {
    let settings = load(None, &[("ALIYUN_MQTT_PROXY", "user:not-a-secret@host:80")], &[]).unwrap();
    assert!(!format!("{settings:?}").contains("not-a-secret"));
}

#[test]
fn a_setting_in_a_profile_that_is_not_selected_is_told_where_it_is_missing() {
    let file = "instance_id = 'i'\n[profile.one]\nendpoint = 'a'\n[profile.two]\nendpoint = 'b'\ngroup_id = 'GID_b'";
    let hint =
        |flags: &[&str], key| load(Some(file), &[], flags).unwrap().missing(key).hint.unwrap().english().to_string();
    let none = hint(&[], Key::Endpoint);
    for word in ["config.toml", "one, two", "no profile is selected", "--profile one", "default_profile", PROFILE] {
        assert!(none.contains(word), "{word}: {none}");
    }
    let other = hint(&["--profile", "one"], Key::GroupId);
    assert!(other.contains("the profile two") && other.contains("profile one is selected"), "{other}");
    assert!(!hint(&[], Key::DeviceId).contains("profile one"));
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let key = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")];
    let failure = load(None, &key, &[]).unwrap().builder().map(drop).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert_eq!(failure.message, "the endpoint, the instance id, the group id and the AccessKey secret are not given");
    assert_eq!(failure.missing, ["endpoint", "instance_id", "group_id", "access_key_secret"]);
    let hint = failure.hint.unwrap().english().to_string();
    assert!(hint.starts_with("use --endpoint, --instance-id, --group-id, --access-key-secret-file; or set"), "{hint}");
    let file = "access_key = 'id'\nsecret_key = 'not-a-secret'";
    let of_api = |flags: &[&str]| load(Some(file), &[], flags).unwrap().api().unwrap_err().message;
    assert_eq!(of_api(&[]), "the instance id and the region are not given");
    assert_eq!(of_api(&["--region-id", "cn-hangzhou"]), "the instance id is not given");
    let failure = load(Some(file), &[], &["--parent-topic", "t"]).unwrap().check_api(&[Key::Topic, Key::GroupId]);
    assert_eq!(failure.unwrap_err().message, "the instance id, the group id and the region are not given");
    let failure = load(Some(file), &[], &[]).unwrap().offline().unwrap_err();
    assert_eq!(failure.message, "the instance id, the group id and the device id are not given");
    // A profile that has all of them is named.
    let file = format!("{file}\n[profile.a]\ninstance_id = 'i'\n[profile.b]\ninstance_id = 'i'\nregion_id = 'r'");
    let hint = load(Some(&file), &[], &[]).unwrap().api().unwrap_err().hint.unwrap().english().to_string();
    assert!(hint.contains("has them in the profile b, but no profile is selected; use --profile b"), "{hint}");
}

#[test]
fn all_profiles_are_checked_whichever_is_selected() {
    for (other, word) in [
        ("endpiont = 'x'", "endpiont in [profile.other]"),
        ("endpoint = ['x']", "must be a string"),
        ("endpoint = 'x'\nend_point = 'y'", "twice"),
        ("ca_file = ''", "it is empty"),
        ("group_id = 'GID_x '", "whitespace"),
    ] {
        let file = format!("[profile.mine]\nendpoint = 'h'\n[profile.other]\n{other}");
        for flags in [&[][..], &["--profile", "mine"]] {
            let failure = load(Some(&file), &[], flags).unwrap_err();
            assert!(failure.message.contains(word) && failure.message.contains("config.toml"), "{failure:?}");
        }
    }
}

#[test]
fn without_a_mode_the_keys_decide() {
    let id = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "demo");
    for (given, flags, auth, chain) in [
        (&[][..], &[][..], Auth::Chain, true),
        (&[id], &[], Auth::Signature, false),
        (&[("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret")], &[], Auth::Signature, false),
        (&[id, ("ALIBABA_CLOUD_SECURITY_TOKEN", "not-a-token")], &[], Auth::Token, false),
        (&[("ALIYUN_MQTT_TOKEN", "RW|not-a-secret")], &[], Auth::Signature, true),
        (&[("ALIYUN_MQTT_USER", "demo")], &[], Auth::Signature, true),
        (&[id], &["--auth", "chain"], Auth::Chain, true),
        (&[], &["--auth", "token"], Auth::Token, true),
    ] {
        let settings = load(None, given, flags).unwrap();
        assert_eq!((settings.auth().unwrap(), settings.uses_chain()), (auth, chain), "{given:?} {flags:?}");
    }
    let nothing = load(None, &[], &[]).unwrap();
    let keys = [Key::AccessKeyId, Key::AccessKeySecret];
    assert!(!nothing.missing_to_log_in().unwrap().iter().any(|key| keys.contains(key)));
    assert!(!nothing.missing_for_the_api().iter().any(|key| keys.contains(key)));
}

#[test]
fn a_temporary_key_cannot_sign_a_login_and_the_chain_sees_the_environment_only() {
    let key = "access_key = 'id'\nsecret_key = 'not-a-secret'\n";
    let sts = format!("{key}security_token = 'not-a-token'");
    let failure = load(Some(&sts), &[], &["--auth", "signature"]).unwrap().credentials().unwrap_err();
    assert!(failure.message.contains("cannot sign a login"), "{failure:?}");
    assert!(failure.hint.unwrap().english().contains("--auth token"));
    let failure = load(None, &[], &["--auth", "chain", "--access-key-id", "x"]).unwrap().credentials().unwrap_err();
    assert!(failure.message.contains("--access-key-id is not used for a login by chain"), "{failure:?}");
}

#[test]
fn what_belongs_to_another_login_never_leads_to_the_account_of_the_chain() {
    for (given, way) in [
        (("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", "DC.x"), "--auth device"),
        (("ALIYUN_MQTT_TOKEN", "RW|not-a-secret"), "--auth token"),
        (("ALIYUN_MQTT_USER", "demo"), "--auth custom-plain or --auth custom-signed"),
    ] {
        let failure = load(None, &[given], &[]).unwrap().credentials().unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.ends_with("is given, but neither auth nor an AccessKey"), "{failure:?}");
        assert!(failure.hint.unwrap().english().contains(way));
    }
    let failure = load(None, &[("ALIYUN_MQTT_DEVICE_ID", "1")], &["--auth", "chain"]).unwrap().offline().unwrap_err();
    assert!(failure.message.contains("a login is computed with a key that is given"), "{failure:?}");
}

/// The template as a user makes it work: without the signs before the lines that are settings.
#[test]
fn the_file_that_init_writes_works_when_its_lines_are_filled_in() {
    let mut secret = false;
    let filled: Vec<String> = template()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            // Of the four ways to give the secret only one can be used.
            Some(line) if line.starts_with("access_key_secret") => {
                let plain = line.starts_with("access_key_secret =");
                secret |= plain;
                if plain { line.replace("...", "not-a-secret") } else { String::new() }
            }
            Some(line) if line.contains(" = ") => line.replace("xxxx", "1234").replace("...", "demo-id"),
            _ => line.to_string(),
        })
        .collect();
    assert!(secret);
    let settings = load(Some(&filled.join("\n")), &[], &[]).unwrap();
    assert_eq!(settings.file().unwrap().1, Some("demo"));
    assert_eq!(settings.missing_to_log_in().unwrap(), []);
    assert_eq!(settings.missing_for_the_api(), []);
    let config = settings.builder().unwrap().build().unwrap();
    assert_eq!(config.client_id().as_str(), "GID_demo@@@0001");
}

#[test]
fn a_value_that_nobody_means_is_refused_with_its_source() {
    for (environment, flags, word) in [
        (&[][..], &["--endpoint="][..], "--endpoint: it is empty"),
        (&[], &["--ca-file="], "--ca-file: it is empty"),
        (&[], &["--token-file="], "--token-file: it is empty"),
        (&[], &["--group-id", "GID_a "], "--group-id: it begins or ends with whitespace"),
        (&[("ALIYUN_MQTT_ENDPOINT", "host\r")], &[], "ALIYUN_MQTT_ENDPOINT: it begins or ends"),
        (&[("ALIYUN_MQTT_AUTH", "\u{feff}token")], &[], "ALIYUN_MQTT_AUTH: it contains"),
        (&[("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "\u{feff}\r\n")], &[], "ALIBABA_CLOUD_ACCESS_KEY_SECRET: it is empty"),
    ] {
        let failure = load(None, environment, flags).unwrap_err();
        assert!(failure.message.contains(word), "{word}: {failure:?}");
    }
}

#[test]
fn what_a_file_had_around_a_secret_is_no_part_of_it() {
    let settings = load(None, &[("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "\u{feff}not-a-secret\r")], &[]).unwrap();
    assert_eq!(*settings.secret(Key::AccessKeySecret).unwrap(), "not-a-secret");
}

#[test]
fn a_whole_client_id_of_custom_authentication_needs_no_instance() {
    let file = "endpoint = 'host'\nuser = 'u'\npassword = 'not-a-secret'\nclient_id = 'any'\naccess_key = 'id'\n\
                secret_key = 'not-a-secret'";
    for (auth, missing) in [("custom-plain", &[][..]), ("custom-signed", &[]), ("signature", &[Key::InstanceId])] {
        let settings = load(Some(file), &[("ALIYUN_MQTT_AUTH", auth)], &[]).unwrap();
        let told: Vec<Key> = settings.missing_to_log_in().unwrap();
        let told: Vec<Key> = told.into_iter().filter(|key| *key == Key::InstanceId).collect();
        assert_eq!(told, missing, "{auth}");
        assert_eq!(settings.builder().is_ok(), missing.is_empty(), "{auth}");
    }
    // Made of its halves, it is one of the service's instance.
    let halves = "user = 'u'\npassword = 'not-a-secret'\nendpoint = 'host'\ngroup_id = 'GID_a'";
    let settings = load(Some(halves), &[("ALIYUN_MQTT_AUTH", "custom-plain")], &[]).unwrap();
    assert_eq!(settings.missing_to_log_in().unwrap(), [Key::InstanceId]);
}

#[test]
fn which_flags_had_a_part_is_known() {
    let cli = Flags::try_parse_from(["aliyun-mqtt", "-e", "mqtt://localhost", "--ca-file", "ca.pem"]);
    let cli = cli.unwrap();
    let environment = [
        ("ALIYUN_MQTT_INSTANCE_ID", "i"),
        ("ALIYUN_MQTT_GROUP_ID", "GID_demo"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret"),
    ];
    let lookup = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
    let settings = Settings::read(&cli.global, &Environment::of(&lookup)).unwrap();
    settings.builder().unwrap().build().unwrap();
    let used = cli.global.settings.used();
    // Nothing is encrypted.
    assert!(used.is_loaded() && used.has(Key::Endpoint) && !used.has(Key::CaFile) && !used.has(Key::RegionId));
}
