//! The program, its exit codes, and the options of all commands.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    (
        "ApsaraMQ for MQTT (云消息队列 MQTT 版) from the command line",
        "云消息队列 MQTT 版（ApsaraMQ for MQTT）命令行工具",
    ),
    ("Exit codes:", "退出码："),
    ("success; also if the reader of the output has exited", "成功；输出的读取方已退出时也是 0"),
    ("any other failure", "其他失败"),
    ("invalid usage, configuration or input; nothing was sent", "用法、配置或输入有误；什么都没有发送"),
    ("no connection, or the connection was lost", "无法建立连接，或连接断开"),
    ("login, token or API request refused", "登录、Token 或 API 请求被拒绝"),
    ("timeout", "超时"),
    ("a message or subscription was rejected by the server", "消息或订阅被服务端拒绝"),
    ("interrupted (Ctrl-C, SIGTERM)", "被中断（Ctrl-C、SIGTERM）"),
    (
        "Configuration file [default: aliyun-mqtt/config.toml in $XDG_CONFIG_HOME or ~/.config]",
        "配置文件 [默认：$XDG_CONFIG_HOME 或 ~/.config 下的 aliyun-mqtt/config.toml]",
    ),
    ("Profile of the configuration file", "使用配置文件中的这个 profile"),
    (
        "Language of help, hints and doctor's report [default: by ALIYUN_MQTT_LANG, or else by the locale]",
        "帮助、提示和 doctor 报告的语言 [默认：由 ALIYUN_MQTT_LANG 决定，未设置时由系统的区域设置决定]",
    ),
    ("When to use colors [NO_COLOR is respected]", "何时使用颜色 [遵循 NO_COLOR]"),
    ("The lowest level of log messages to print on stderr", "打印到标准错误的日志的最低级别"),
    (
        "Pass the environment variables that hold secrets on to commands (--exec, *_command)",
        "把含有密钥的环境变量也传给所执行的命令（--exec、*_command）",
    ),
    (
        "Endpoint: host, host:port, or a URL with mqtt://, mqtts://, ws:// or wss://",
        "接入点：host、host:port，或以 mqtt://、mqtts://、ws://、wss:// 开头的 URL",
    ),
    ("Instance id", "实例 ID"),
    ("Group id, the first part of the client id", "Group ID，即 Client ID 的前半部分"),
    (
        "Device id, the second part of the client id [default: a random one]",
        "Device ID，即 Client ID 的后半部分 [默认：随机生成]",
    ),
    (
        "Complete client id, GroupID@@@DeviceID; any id with custom authentication",
        "完整的 Client ID，即 GroupID@@@DeviceID；自定义认证时可以是任意 ID",
    ),
    (
        "Parent topic, for commands that do not name a topic: p2p, token, doctor",
        "父级 Topic，供不指定 Topic 的命令使用：p2p、token、doctor",
    ),
    (
        "How to log in [default: signature, token with a temporary AccessKey, chain without one]",
        "登录方式 [默认：signature；使用临时 AccessKey 时为 token，没有 AccessKey 时为 chain]",
    ),
    (
        "How to log in [default: signature, token with a temporary AccessKey]",
        "登录方式 [默认：signature；使用临时 AccessKey 时为 token]",
    ),
    (
        "AccessKey id [default: the first key that Alibaba Cloud's SDKs would find]",
        "AccessKey ID [默认：按阿里云 SDK 的默认凭据链找到的第一个 AccessKey 的 ID]",
    ),
    (
        "File that holds the AccessKey secret; - is stdin, fd:N an open file descriptor",
        "存放 AccessKey Secret 的文件；- 表示标准输入，fd:N 表示已打开的文件描述符",
    ),
    (
        "File that holds the security token of a temporary AccessKey (STS; API only)",
        "存放临时 AccessKey（STS）的安全令牌的文件，仅用于 API",
    ),
    (
        "File that holds the token (RW|...), read at each connect [default: apply for a token]",
        "存放 Token（RW|...）的文件，每次连接时读取 [默认：自动申请 Token]",
    ),
    ("AccessKey id of the device credential", "设备凭证（一机一密）的 AccessKey ID"),
    (
        "File that holds the AccessKey secret of the device credential",
        "存放设备凭证（一机一密）的 AccessKey Secret 的文件",
    ),
    ("User name for custom authentication", "自定义认证的用户名"),
    ("File that holds the secret for custom authentication", "存放自定义认证密钥的文件"),
    (
        "PEM file of CA certificates to trust in addition to the system's",
        "在系统信任的 CA 之外还信任的 CA 证书，PEM 文件",
    ),
    ("PEM file of the client certificate", "客户端证书，PEM 文件"),
    ("PEM file of the client certificate's private key", "客户端证书的私钥，PEM 文件"),
    (
        "HTTP proxy, http://host:port; \"env\" follows https_proxy and no_proxy",
        "HTTP 代理，http://host:port；“env”表示遵循 https_proxy 和 no_proxy",
    ),
    ("MQTT version [default: 3.1.1]", "MQTT 版本 [默认：3.1.1]"),
    (
        "Start with a clean session; \"false\" keeps it on the server and needs a device id [default: true]",
        "连接时清除会话；“false”表示由服务端保留会话，需要指定 Device ID [默认：true]",
    ),
    ("How long the server keeps the session, in seconds (MQTT 5)", "服务端保留会话的秒数（MQTT 5）"),
    ("Keep-alive interval in seconds, 5 to 480 [default: 60]", "心跳间隔（Keep Alive），5 到 480 秒 [默认：60]"),
    ("Timeout of each request in seconds, 1 to 3600 [default: 30]", "每个请求的超时时间，1 到 3600 秒 [默认：30]"),
    (
        "Largest payload in bytes; raises the largest that can be received above some 255 KB [default: 65536]",
        "消息内容（Payload）的最大字节数；超过约 255 KB 时也提高可接收的上限 [默认：65536]",
    ),
    ("URL of the service API [default: by region]", "服务端 API 的 URL [默认：由地域决定]"),
    ("Region of the instance, such as cn-hangzhou", "实例所在的地域，例如 cn-hangzhou"),
];
