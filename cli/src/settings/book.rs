//! The tables of the book's chapter about settings, generated from the settings' names, flags and these texts.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use aliyun_mqtt::{AuthMode, ConfigBuilder};
use clap::{Args as _, Command};

use super::environment::{CONFIG, EMULATOR_PID, METADATA_ENDPOINT, OTHERS, PROFILE, STS_ENDPOINT};
use super::flags::{GlobalArgs, SettingArgs};
use super::{Auth, Key, Kind};
use crate::lang;

/// The marks around the tables in the chapter.
const BEGIN: &str = "<!-- settings: generated -->\n";
const END: &str = "<!-- settings: end -->\n";

/// Set, the test writes the tables instead of comparing them.
const WRITE: &str = "BOOK_WRITE";

/// The mark behind the names of a secret.
const SECRET: &str = " †";

/// A language of the book.
struct Language {
    folder: &'static str,
    /// The text of this language among those of all.
    choose: fn(Texts) -> String,
    columns: [&'static str; 3],
    yes: &'static str,
    sections: [&'static str; 4],
    /// The title of the table of variables that are no settings, and its first column.
    others: [&'static str; 2],
}

/// A text in English and Chinese.
type Texts = [String; 2];

const LANGUAGES: [Language; 2] = [
    Language {
        folder: "en",
        choose: |[english, _]| english,
        columns: ["variable, key in the file, flag", "library", "meaning"],
        yes: "yes",
        sections: ["Where to", "Who logs in", "Details of the connection", "The service's API"],
        others: ["Variables that are no settings", "variable, flag"],
    },
    Language {
        folder: "zh",
        choose: |[_, chinese]| chinese,
        columns: ["环境变量、配置文件中的名字、命令行选项", "库", "含义"],
        yes: "是",
        sections: ["连接到哪里", "如何登录", "连接细节", "服务端的 API"],
        others: ["配置项之外的变量", "环境变量、命令行选项"],
    },
];

/// Returns the section of a setting.
fn section(key: Key) -> usize {
    match key {
        Key::Endpoint | Key::InstanceId | Key::GroupId | Key::DeviceId | Key::ClientId | Key::Topic => 0,
        Key::Auth
        | Key::AccessKeyId
        | Key::AccessKeySecret
        | Key::SecurityToken
        | Key::Token
        | Key::DeviceAccessKeyId
        | Key::DeviceAccessKeySecret
        | Key::User
        | Key::Password => 1,
        Key::ApiEndpoint | Key::RegionId => 3,
        _ => 2,
    }
}

/// Returns the meaning of a setting.
fn meaning(key: Key) -> Texts {
    let texts = match key {
        Key::Endpoint => [
            "a host, which means TLS on 8883; `host:port`; or a URL with `mqtt://` (plain, 1883), `mqtts://` (TLS, \
             8883), `ws://` or `wss://`",
            "域名（即 8883 端口的 TLS 连接）、`host:port`，或 URL：`mqtt://`（不加密，1883）、`mqtts://`（TLS，8883）、`ws://`、\
             `wss://`",
        ],
        Key::InstanceId => ["the instance id, as in the console", "实例 ID，见控制台"],
        Key::GroupId => ["the group id, as in the console: `GID_…`", "Group ID，见控制台：`GID_…`"],
        Key::DeviceId => [
            "the device id; without it, a unique one is generated. Needed for a kept session and for device \
             credentials",
            "Device ID；不设置时自动生成一个唯一的。持久会话和一机一密必须设置",
        ],
        Key::ClientId => [
            "the whole client id, `GID_demo@@@0001`, in place of group id and device id",
            "完整的 Client ID，如 `GID_demo@@@0001`，代替 Group ID 和 Device ID",
        ],
        Key::Topic => [
            "the parent topic, for examples and for commands that name no topic",
            "父级 Topic，用于示例程序和不指定 Topic 的命令",
        ],
        Key::Auth => return ways(),
        Key::AccessKeyId => {
            ["the id of the AccessKey; modes `signature` and `token`", "AccessKey ID；`signature` 和 `token` 模式"]
        }
        Key::AccessKeySecret => [
            "its secret; mode `signature`, the API, and mode `token` to apply for a token",
            "AccessKey Secret；用于 `signature` 模式、API，以及 `token` 模式下申请 Token",
        ],
        Key::SecurityToken => [
            "belongs to a temporary AccessKey (STS), which calls the API and applies for tokens, but cannot sign a \
                 login",
            "临时 AccessKey（STS）的安全令牌；临时 AccessKey 可以调用 API、申请 Token，但不能签名登录",
        ],
        Key::Token => [
            "mode `token`: `RW|…`, or several joined: `R|…|W|…`. Without it, a token for the parent topic is applied \
             for and renewed",
            "`token` 模式：`RW|…`，或多个相连：`R|…|W|…`。不设置时为父级 Topic 申请 Token 并自动更新",
        ],
        Key::DeviceAccessKeyId => {
            ["mode `device`: the id of the device credential", "`device` 模式：一机一密的 AccessKey ID"]
        }
        Key::DeviceAccessKeySecret => ["mode `device`: its secret", "`device` 模式：一机一密的 AccessKey Secret"],
        Key::User => ["custom authentication: the user name", "自定义认证：用户名"],
        Key::Password => ["custom authentication: the secret", "自定义认证：密钥"],
        Key::CaFile => {
            ["a PEM file of CA certificates, tried before the system's", "CA 证书的 PEM 文件，优先于系统证书"]
        }
        Key::ClientCertFile => ["a PEM file with the client's certificate", "客户端证书的 PEM 文件"],
        Key::ClientKeyFile => ["a PEM file with its private key", "客户端证书私钥的 PEM 文件"],
        Key::Proxy => [
            "an HTTP proxy, `http://host:port` or `http://user:password@host:port`; `env` follows `https_proxy` and \
             `no_proxy`. For MQTT (library: cargo feature `proxy`) and the API",
            "HTTP 代理，`http://host:port` 或 `http://user:password@host:port`；`env` 表示采用 `https_proxy` 和 `no_proxy`。\
             用于 MQTT（库需要 cargo feature `proxy`）和 API",
        ],
        Key::Protocol => ["the MQTT version: `3.1.1` (default) or `5`", "MQTT 版本：`3.1.1`（默认）或 `5`"],
        Key::CleanSession => {
            ["`true` (default), or `false`: the server keeps the session", "`true`（默认）或 `false`：服务端保留会话"]
        }
        Key::SessionExpiry => {
            ["MQTT 5: for how many seconds the server keeps the session", "MQTT 5：服务端保留会话的时长，单位秒"]
        }
        Key::KeepAlive => ["the keep-alive period in seconds, 5 to 480 (60)", "心跳间隔，单位秒，5 到 480（60）"],
        Key::Timeout => {
            ["the timeout of each call in seconds, 1 to 3600 (30)", "每次调用的超时时间，单位秒，1 到 3600（30）"]
        }
        Key::MaxPayload => [
            "the largest payload to send, in bytes (65536). A received payload may be as large, and a received packet \
             256 KB in any case",
            "发送的消息内容（Payload）上限，单位字节（65536）。接收的内容同样以此为限，而接收的报文至少可达 256 KB",
        ],
        Key::ApiEndpoint => [
            "the URL of the API; without it, that of the region. Plain `http://` for loopback only",
            "API 的 URL；不设置时由地域决定。`http://` 只能用于本机回环地址",
        ],
        Key::RegionId => ["the region of the instance, such as `cn-hangzhou`", "实例所在地域，例如 `cn-hangzhou`"],
    };
    texts.map(str::to_string)
}

/// Returns the meaning of `auth`, with the names of all ways to log in.
fn ways() -> Texts {
    let names = |ours: bool| {
        let of_library = |auth: &&Auth| auth.name().parse::<AuthMode>().is_ok();
        let named = Auth::ALL.iter().filter(|auth| of_library(auth) == ours).map(|auth| format!("`{}`", auth.name()));
        named.collect::<Vec<_>>()
    };
    let (both, only_here) = (names(true), names(false));
    [
        format!(
            "the way to log in: {}; command line only: {}. By default `chain` without a key, `token` with a temporary \
             one, otherwise `signature`",
            both.join(", "),
            only_here.join(", ")
        ),
        format!(
            "登录方式：{}；仅命令行：{}。默认：没有 AccessKey 时为 `chain`，临时 AccessKey 时为 `token`，否则为 `signature`",
            both.join("、"),
            only_here.join("、")
        ),
    ]
}

/// Returns the flag and the meaning of a variable that is no setting.
fn other(variable: &str) -> (Option<&'static str>, Texts) {
    let (flag, texts) = match variable {
        CONFIG => (Some("config"), ["the path of the configuration file", "配置文件的路径"]),
        PROFILE => (Some("profile"), ["the profile of the configuration file", "配置文件中的 profile"]),
        lang::VARIABLE => (
            Some("lang"),
            [
                "the language of help, hints and the doctor's report, `en` or `zh`; by default that of the \
                 locale",
                "帮助、提示和 doctor 报告的语言，`en` 或 `zh`；默认由系统的区域设置决定",
            ],
        ),
        STS_ENDPOINT => {
            (None, ["the URL of STS for the [chain of AccessKeys](keys.md)", "[凭据链](keys.md)使用的 STS 的 URL"])
        }
        METADATA_ENDPOINT => (
            None,
            [
                "the URL of the metadata service for the [chain of AccessKeys](keys.md)",
                "[凭据链](keys.md)使用的元数据服务的 URL",
            ],
        ),
        EMULATOR_PID => (
            None,
            [
                "set by `aliyun-mqtt emulator --env`, for `kill`; other variables that begin with \
                 `ALIYUN_MQTT_EMULATOR_` are for [tests](emulator.md#the-control-api)",
                "由 `aliyun-mqtt emulator --env` 设置，供 `kill` 使用；其他以 `ALIYUN_MQTT_EMULATOR_` 开头的变量\
                 供[测试](emulator.md#控制接口)使用",
            ],
        ),
        _ => panic!("{variable} has no text"),
    };
    (flag, texts.map(str::to_string))
}

/// Returns the variables that the library reads.
fn read_by_library() -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    drop(ConfigBuilder::from_vars(|name| {
        names.borrow_mut().insert(name.to_string());
        None::<String>
    }));
    names.into_inner()
}

fn tables(language: &Language) -> String {
    let flags = SettingArgs::augment_args(Command::new("settings"));
    let read = read_by_library();
    let mut text = String::new();
    for (number, title) in language.sections.iter().enumerate() {
        write!(text, "\n### {title}\n\n| {} |\n|---|---|---|\n", language.columns.join(" | ")).unwrap();
        for row in Key::table().iter().filter(|row| section(row.key) == number) {
            let keys = [Some(row.name), row.old_name].into_iter().flatten().map(|name| format!("`{name}`"));
            let flag = flags.get_arguments().find(|flag| flag.get_long() == Some(&row.flag[2..])).unwrap();
            let flags =
                flag.get_short().map(|short| format!("`-{short}`")).into_iter().chain([format!("`{}`", row.flag)]);
            let variable = format!("`{}`", row.variable);
            let names = [variable, keys.collect::<Vec<_>>().join(", "), flags.collect::<Vec<_>>().join(", ")];
            let library = if read.contains(row.variable) { language.yes } else { "-" };
            let meaning = (language.choose)(meaning(row.key)).replace('|', "\\|");
            let secret = if row.kind == Kind::Secret { SECRET } else { "" };
            writeln!(text, "| {} | {library} | {meaning} |", names.join("<br>") + secret).unwrap();
        }
    }
    others(language, &read, &mut text);
    text.push('\n');
    text
}

fn others(language: &Language, read: &BTreeSet<String>, text: &mut String) {
    let [title, column] = language.others;
    let [_, library, meaning] = language.columns;
    write!(text, "\n### {title}\n\n| {column} | {library} | {meaning} |\n|---|---|---|\n").unwrap();
    let globals = GlobalArgs::augment_args(Command::new("globals"));
    for variable in OTHERS {
        let (flag, texts) = other(variable);
        let mut names = format!("`{variable}`");
        if let Some(flag) = flag {
            assert!(globals.get_arguments().any(|known| known.get_long() == Some(flag)), "--{flag}");
            write!(names, "<br>`--{flag}`").unwrap();
        }
        let library = if read.contains(variable) { language.yes } else { "-" };
        writeln!(text, "| {names} | {library} | {} |", (language.choose)(texts)).unwrap();
    }
}

/// Each variable of the library is in one of the tables.
#[test]
fn no_variable_of_the_library_is_missing_in_the_book() {
    for name in read_by_library().into_iter().filter(|name| name.starts_with("ALIYUN_MQTT_")) {
        let known = OTHERS.contains(&&*name) || Key::table().iter().any(|row| row.variable == name);
        assert!(known, "{name}");
    }
}

/// The tables in both languages are those of the settings that there are.
#[test]
fn the_book_has_every_setting() {
    for language in &LANGUAGES {
        let file = format!("../docs/book/{}/src/settings.md", language.folder);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
        let page = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once(BEGIN).expect(BEGIN);
        let (found, after) = rest.split_once(END).expect(END);
        let tables = tables(language);
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, [before, BEGIN, &tables, END, after].concat()).unwrap();
        } else {
            assert_eq!(found, tables, "{file}: {WRITE}=1 cargo test -p aliyun-mqtt-cli the_book_has_every_setting");
        }
    }
}
