//! The tables of the book's chapter about settings, generated from the settings' names, flags and these texts.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use aliyun_mqtt::{AuthMode, ConfigBuilder};
use clap::{Args as _, Command};

use super::flags::SettingArgs;
use super::{Auth, Key, Kind};

/// What stands around the tables in the chapter.
const BEGIN: &str = "<!-- settings: generated -->\n";
const END: &str = "<!-- settings: end -->\n";

/// Set, the test writes the tables instead of comparing them.
const WRITE: &str = "BOOK_WRITE";

/// What stands behind the names of a secret.
const SECRET: &str = " †";

/// A language of the book.
struct Language {
    folder: &'static str,
    /// The text of this language among those of all.
    choose: fn(Texts) -> String,
    columns: [&'static str; 3],
    yes: &'static str,
    sections: [&'static str; 4],
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
    },
    Language {
        folder: "zh",
        choose: |[_, chinese]| chinese,
        columns: ["环境变量、配置文件中的名字、命令行选项", "库", "含义"],
        yes: "是",
        sections: ["连接到哪里", "如何登录", "连接细节", "服务的 API"],
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
        Key::SecurityToken => {
            ["belongs to a temporary AccessKey (STS); for the API only", "临时 AccessKey（STS）的安全令牌；仅用于 API"]
        }
        Key::Token => [
            "mode `token`: `RW|…`, or several joined: `R|…|W|…`. Without it, a token for the parent topic is applied \
             for and renewed",
            "`token` 模式：`RW|…`，或多个相连：`R|…|W|…`。不设置时为父级 Topic 申请 Token 并自动续期",
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
        format!("the way to log in: {} (default first); command line only: {}", both.join(", "), only_here.join(", ")),
        format!("登录方式：{}（第一个为默认）；仅命令行：{}", both.join("、"), only_here.join("、")),
    ]
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
    text.push('\n');
    text
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
