//! Options in place of those of other clients.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    (
        "-h HOST of {program} is --endpoint here: -e HOST, or a URL such as mqtts://HOST:PORT",
        "{program} 的 -h HOST 在这里是 --endpoint：-e HOST，或 mqtts://HOST:PORT 这样的 URL",
    ),
    (
        "{name} goes before the command: aliyun-mqtt {name} ... config show",
        "{name} 要写在命令之前：aliyun-mqtt {name} ... config show",
    ),
    ("{name} is a setting, and `{path}` does not depend on it", "{name} 是一项设置，而 `{path}` 用不到它"),
    (
        "-V VERSION of other clients is --protocol 3.1.1 or 5 here",
        "其他客户端的 -V VERSION 在这里是 --protocol 3.1.1 或 5",
    ),
    (
        "a password is never an option here, unlike -P PASSWORD of other clients; -P is a profile",
        "这里从不把密码作为选项，不同于其他客户端的 -P PASSWORD；-P 表示 profile",
    ),
    ("host and port are one: -e mqtts://HOST:PORT", "主机和端口写在一起：-e mqtts://HOST:PORT"),
    (
        "user name and password are computed from the AccessKey; custom authentication has --user and --password-file",
        "用户名和密码由 AccessKey 计算得出；自定义认证使用 --user 和 --password-file",
    ),
    (
        "no option takes a secret, which others could read in the list of processes: name a file \
         (--access-key-secret-file, --device-access-key-secret-file, --token-file) or set its variable, such as \
         ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "密钥不能写在命令行中，否则其他人可以在进程列表中看到：用文件给出（--access-key-secret-file、\
         --device-access-key-secret-file、--token-file），或设置环境变量，例如 ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    ),
    (
        "the client id is -i GroupID@@@DeviceID, or -g and --device-id",
        "Client ID 为 -i GroupID@@@DeviceID，或 -g 和 --device-id",
    ),
    ("--ca-file FILE; the system's certificates are trusted anyway", "--ca-file FILE；系统信任的证书总是受信任"),
    (
        "--client-cert-file and --client-key-file, both PEM and not encrypted",
        "--client-cert-file 和 --client-key-file，都是未加密的 PEM 文件",
    ),
    (
        "certificates are always verified; add a private CA with --ca-file",
        "证书总是要验证；私有 CA 请用 --ca-file 添加",
    ),
    ("TLS 1.2 or 1.3 is chosen automatically", "自动选择 TLS 1.2 或 1.3"),
    ("the service has no pre-shared keys", "服务端不支持预共享密钥"),
    ("--protocol 3.1.1 or 5", "--protocol 3.1.1 或 5"),
    (
        "each property has an option of its own, such as --user-property K=V; see --help",
        "每个属性有各自的选项，例如 --user-property K=V；见 --help",
    ),
    ("--keep-alive SECONDS", "--keep-alive SECONDS"),
    ("--session-expiry SECONDS", "--session-expiry SECONDS"),
    (
        "--clean-session false, with --device-id; the receiving commands also have -c",
        "--clean-session false，并指定 --device-id；接收类命令也可用 -c",
    ),
    ("-C COUNT, and --clients NUMBER of connections", "-C COUNT；连接数为 --clients NUMBER"),
    ("--clean-session true", "--clean-session true"),
    ("--log debug", "--log debug"),
    ("use -e HOST, or a URL", "使用 -e HOST，或 URL"),
    ("TCP_NODELAY is always set", "总是设置 TCP_NODELAY"),
    ("the service has no retained messages", "服务端不支持保留消息"),
    ("--window COUNT; lines of stdin as messages are -l", "--window COUNT；把标准输入的各行作为消息用 -l"),
    ("-l", "-l"),
    ("--no-local", "--no-local"),
    (
        "--config FILE, in this program's own format: `aliyun-mqtt config init`",
        "--config FILE，使用本程序自己的格式：`aliyun-mqtt config init`",
    ),
    ("--json, or -F FORMAT", "--json，或 -F FORMAT"),
    ("-F FORMAT, or --json; payloads are sent as they are", "-F FORMAT，或 --json；消息内容按原样发送"),
    ("-f FILE", "-f FILE"),
    ("--output-dir DIR", "--output-dir DIR"),
    ("-N prints no line end; -F FORMAT any other", "-N 不打印行尾；其他行尾用 -F FORMAT"),
    ("there is no random filter; -T FILTER ignores topics", "没有随机过滤；-T FILTER 忽略匹配的 Topic"),
    (
        "WebSocket is chosen by the endpoint: -e wss://HOST:PORT/PATH",
        "由接入点决定是否使用 WebSocket：-e wss://HOST:PORT/PATH",
    ),
    ("--user-property K=V of messages", "消息的用户属性为 --user-property K=V"),
    ("--text", "--text"),
    ("--message-expiry SECONDS", "--message-expiry SECONDS"),
    ("--response-topic TOPIC", "--response-topic TOPIC"),
    ("--correlation-data TEXT", "--correlation-data TEXT"),
    ("--content-type TYPE", "--content-type TYPE"),
    ("--subscription-id NUMBER", "--subscription-id NUMBER"),
    ("topic aliases are not used", "不使用 Topic 别名"),
    ("the client sets the duplicate flag itself", "重发标志由客户端自动设置"),
    ("lost connections are reestablished automatically, until --timeout", "连接断开后自动重连，直到 --timeout"),
    ("the program chooses these itself", "由程序自动选择"),
    ("--max-payload BYTES", "--max-payload BYTES"),
    ("payloads are sent and printed as they are", "消息内容按原样发送和打印"),
    ("--rate NUMBER, messages per second", "--rate NUMBER，每秒的消息数"),
    ("only `pub` has --quiet; 2>/dev/null hides all messages", "只有 `pub` 有 --quiet；2>/dev/null 可隐藏全部提示信息"),
    ("this command has no choice of QoS", "这个命令不能选择 QoS"),
    ("-f - reads standard input, and -l its lines", "-f - 读取标准输入，-l 读取其各行"),
    ("the service has no wills", "服务端不支持遗嘱消息"),
    (
        "-e SECONDS of mqttx is --message-expiry here, and -se is --session-expiry; -e is the endpoint",
        "mqttx 的 -e SECONDS 在这里是 --message-expiry，-se 是 --session-expiry；-e 表示接入点",
    ),
    (
        "-l PROTOCOL of mqttx is a part of the endpoint here: -e wss://HOST:PORT; -l sends a message per line",
        "mqttx 的 -l PROTOCOL 在这里是接入点的一部分：-e wss://HOST:PORT；-l 表示每行一条消息",
    ),
    (
        "-f FORMAT of mqttx has no counterpart: payloads are sent as they are; -f is a file to send",
        "mqttx 的 -f FORMAT 在这里没有对应选项：消息内容按原样发送；-f 表示要发送的文件",
    ),
    (
        "--format of mqttx is --json here, or %x in a format; -F is one of mosquitto_sub, such as '%t %p'",
        "mqttx 的 --format 在这里是 --json，或格式中的 %x；-F 与 mosquitto_sub 相同，例如 '%t %p'",
    ),
    (
        "-c URL of paho_c_sub is -e URL here; -c keeps the session",
        "paho_c_sub 的 -c URL 在这里是 -e URL；-c 表示保留会话",
    ),
    (
        "-e TOPIC of mosquitto_rr is --response-topic TOPIC here; -e is the endpoint",
        "mosquitto_rr 的 -e TOPIC 在这里是 --response-topic TOPIC；-e 表示接入点",
    ),
    (
        "-i MILLISECONDS of mqttx is --rate NUMBER here, messages per second; -i is the client id",
        "mqttx 的 -i MILLISECONDS 在这里是 --rate NUMBER，即每秒的消息数；-i 表示 Client ID",
    ),
    (
        "--protocol of mqttx is part of the endpoint here: -e mqtts://HOST:PORT; --protocol is MQTT's version",
        "mqttx 的 --protocol 在这里是接入点的一部分：-e mqtts://HOST:PORT；--protocol 表示 MQTT 的版本",
    ),
    (
        "topic and text follow options: aliyun-mqtt pub -t TOPIC -m TEXT",
        "Topic 和文本用选项给出：aliyun-mqtt pub -t TOPIC -m TEXT",
    ),
    ("the topic follows an option: aliyun-mqtt sub -t TOPIC", "Topic 用选项给出：aliyun-mqtt sub -t TOPIC"),
    (
        "the emulator starts without a word, and in the background with --env; a command to run with it follows --",
        "启动模拟器不需要其他词，在后台启动用 --env；要随它运行的命令写在 -- 之后",
    ),
];
