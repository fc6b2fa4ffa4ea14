//! Texts of clap itself, and the headings.

use super::row::Row;

/// The help of the options and of the command that clap adds.
pub(in crate::lang) const ROWS: &[Row] = &[
    ("Print help (see more with '--help')", "显示帮助（完整帮助请用 --help）"),
    ("Print help (see a summary with '-h')", "显示帮助（简要帮助请用 -h）"),
    ("Print version", "显示版本"),
    ("Print this message or the help of the given subcommand(s)", "显示本帮助，或某个子命令的帮助"),
];

/// The headings of clap and clap_mangen.
pub(in crate::lang) const CLAPS_HEADINGS: &[Row] = &[
    ("Commands", "命令"),
    ("Arguments", "参数"),
    ("Options", "选项"),
    ("Name", "名称"),
    ("Synopsis", "概要"),
    ("Description", "描述"),
    ("Subcommands", "子命令"),
    ("Notes", "说明"),
];

/// Our own headings.
pub(in crate::lang) const HEADINGS: &[Row] = &[
    ("Connection", "连接"),
    ("Connection details", "连接细节"),
    ("HTTP", "HTTP"),
    ("Login", "登录"),
    ("Message", "消息"),
    ("Message properties (MQTT 5: --protocol 5)", "消息属性（MQTT 5：--protocol 5）"),
    ("Output", "输出"),
    ("Ports [default: 0, a free one]", "端口 [默认：0，即空闲端口]"),
    ("Processing", "处理"),
    ("Receiving", "接收"),
    ("Reply", "应答"),
    ("Sending", "发送"),
    ("Service API (OpenAPI)", "服务端 API（OpenAPI）"),
];

/// The help of values, which is a part of the line.
pub(in crate::lang) const VALUES: &[Row] = &[
    ("The commands mosquitto_pub and mosquitto_sub", "mosquitto_pub 和 mosquitto_sub 命令"),
    ("A connection that MQTTX imports, as JSON", "供 MQTTX 导入的连接，JSON 格式"),
    ("A program in Python with paho-mqtt 2", "使用 paho-mqtt 2 的 Python 程序"),
];

/// Parts of the lines of help and man pages.
pub(in crate::lang) const WORDS: &[Row] = &[
    ("Usage: ", "用法："),
    ("Usage:", "用法："),
    ("[OPTIONS]", "[选项]"),
    ("[default: ", "[默认："),
    ("[possible values: ", "[可选值："),
    ("Possible values:", "可选值："),
    ("[alias: ", "[别名："),
    ("[aliases: ", "[别名："),
];

/// Parts of the lines that follow an error.
pub(in crate::lang) const ERRORS: &[Row] = &[
    ("Usage: ", "用法："),
    ("Usage:", "用法："),
    ("[OPTIONS]", "[选项]"),
    ("[possible values: ", "[可选值："),
    ("[subcommands: ", "[子命令："),
    ("tip: ", "提示："),
    ("tip:", "提示："),
    ("For more information, try ", "更多信息请见 "),
    ("For help: ", "帮助："),
];

/// Parts of the lines that say what to type instead.
pub(in crate::lang) const TIPS: &[Row] = &[
    ("a similar argument exists: ", "有相近的选项："),
    ("a similar subcommand exists: ", "有相近的命令："),
    ("a similar value exists: ", "有相近的值："),
    ("some similar arguments exist: ", "有相近的选项："),
    ("some similar subcommands exist: ", "有相近的命令："),
    ("some similar values exist: ", "有相近的值："),
    ("to pass '", "要把 '"),
    ("' as a value, use '", "' 作为值，使用 '"),
    ("subcommand '", "子命令 '"),
    ("' exists; to use it, remove the '", "' 存在；要使用它，请去掉它前面的 '"),
    ("' before it", "'"),
    ("' exists", "' 可用"),
];

/// The name of a subcommand in usage lines.
pub(in crate::lang) const COMMAND: &str = "命令";
