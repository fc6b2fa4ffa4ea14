//! `emulator`.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    ("Run a local emulator of the service", "运行本地模拟器"),
    ("runs one command with it, and ends with that command", "为一条命令运行，并随该命令结束"),
    ("runs in this terminal until Ctrl-C", "在当前终端运行，按 Ctrl-C 结束"),
    ("the same, with a page to watch it in the browser", "同上，另有可在浏览器中观察的页面"),
    ("First message, without an account:", "收发第一条消息（不需要账号）："),
    (
        "Another terminal uses the same emulator after `. ./emulator.env`; a second eval would start a second one.",
        "在另一个终端执行 `. ./emulator.env` 即可使用同一个模拟器；再次执行 eval 会启动另一个模拟器。",
    ),
    (
        "--config FILE names a settings file of the emulator (TOML), with accounts, tokens and limits; \
         the chapter \"The emulator\" of the book lists its keys.",
        "--config FILE 指定模拟器的配置文件（TOML），其中有账号、Token 和限制；使用手册的“模拟器”一章列出了全部键。",
    ),
    (
        "Prints the settings as variables that programs built on aliyun-mqtt read; the values work for other MQTT \
         clients, too. The documentation of the package aliyun-mqtt-emulator lists what the emulator leaves out and \
         where it had to choose.",
        "以环境变量的形式打印各项设置，供基于 aliyun-mqtt 的程序读取；其中的值也可用于其他 MQTT 客户端。\
         aliyun-mqtt-emulator 的文档列出了模拟器省略了什么，以及哪些行为由它自行选择。",
    ),
    (
        "With a COMMAND, sets the variables for that command instead of printing them. The command does not inherit \
         other secrets, unless --pass-secrets is given. The emulator then writes to stderr only, and passes SIGINT \
         and SIGTERM on to the command. The exit code is that of the command, 128 plus the number of the signal that \
         killed it, 127 if it was not found, or 126 if it could not be run.",
        "指定 COMMAND 时，为该命令设置这些环境变量，而不打印它们。除非指定 --pass-secrets，否则该命令不会继承其他密钥\
         。此时模拟器只写标准错误，并把 SIGINT 和 SIGTERM 转发给该命令。退出码为该命令的退出码；被信号结束时为 128 加\
         信号编号，找不到时为 127，无法运行时为 126。",
    ),
    (
        "Start the emulator in the background, print its variables for `eval` in this format, and return (Unix)",
        "在后台启动模拟器，以这种格式打印供 `eval` 使用的环境变量，然后返回（Unix）",
    ),
    ("Print the settings as one JSON object", "以一个 JSON 对象打印各项设置"),
    ("Print to stderr what clients do", "在标准错误打印客户端的活动"),
    ("End after this many seconds", "运行指定秒数后结束"),
    (
        "Transport of the printed endpoint: tcp, tls, ws or wss; tls and wss need --write-ca",
        "所打印的接入点的传输方式：tcp、tls、ws 或 wss；tls 和 wss 需要 --write-ca",
    ),
    (
        "Write the certificate of the emulator's CA to this file, in PEM form",
        "把模拟器的 CA 证书以 PEM 格式写入这个文件",
    ),
    ("Write the variables to this file, which only its owner can read", "把环境变量写入这个仅所有者可读的文件"),
    (
        "How to write the variables: shell, powershell, or plain for NAME=VALUE",
        "环境变量的写法：shell、powershell，或表示 NAME=VALUE 的 plain",
    ),
    (
        "Refuse this topic filter as the service does if a permission is missing; may be repeated",
        "像服务端在缺少权限时那样拒绝这个 Topic 过滤器；可重复",
    ),
    ("Enforce all limits that the service documents", "启用服务端文档所列的全部限制"),
    (
        "Set a limit to a number, on or off, such as rate=20; may be repeated",
        "把一项限制设为数字、on 或 off，例如 rate=20；可重复",
    ),
    (
        "Let tokens age this many times faster, at least 1; with 20, a minute takes 3 s",
        "按此倍数加快 Token 过期，至少为 1；为 20 时一分钟只需 3 秒",
    ),
    (
        "Keep at most COUNT log entries, which --watch and the API's traces show [default: 1000000]",
        "最多保留 COUNT 条日志，供 --watch 和 API 的轨迹显示 [默认：1000000]",
    ),
    (
        "Keep at most this many bytes of log entries, including payloads [default: 134217728]",
        "最多保留这么多字节的日志，包括消息内容 [默认：134217728]",
    ),
    (
        "Listen on this address; with any other than 127.0.0.1, others can use the emulator [default: 127.0.0.1]",
        "监听这个地址；不是 127.0.0.1 时，其他人也能使用该模拟器 [默认：127.0.0.1]",
    ),
    (
        "Add this host name or address to the server's certificate; may be repeated",
        "在服务端证书中增加这个主机名或地址；可重复",
    ),
    (
        "Demand device certificates for MQTT over TLS, issued by a CA in this PEM file",
        "基于 TLS 的 MQTT 要求设备证书，由这个 PEM 文件中的 CA 签发",
    ),
    (
        "Serve the control API on this port, for tests in any language; 0 chooses a free one",
        "在这个端口提供控制接口，供任何语言的测试使用；0 表示选取空闲端口",
    ),
    (
        "Serve a page for the browser on the port of the control API, and print the link to it on stderr",
        "在控制接口的端口上提供浏览器页面，并在标准错误打印其链接",
    ),
    ("Serve the control API on this address [default: 127.0.0.1]", "在这个地址提供控制接口[默认：127.0.0.1]"),
    (
        "Accept this name in the Host header of the control API, with any port; may be repeated",
        "控制接口接受 Host 头中的这个名称，端口不限；可重复",
    ),
    ("Port of mqtt://", "mqtt:// 的端口"),
    ("Port of mqtts://", "mqtts:// 的端口"),
    ("Port of ws://", "ws:// 的端口"),
    ("Port of wss://", "wss:// 的端口"),
    ("Port of the API over http://", "以 http:// 访问的 API 的端口"),
    ("Port of the API over https://", "以 https:// 访问的 API 的端口"),
    (
        "Run this command with the emulator's environment, and end with it and its exit code",
        "以模拟器的环境变量运行这条命令，并随其结束，退出码与其相同",
    ),
    (
        "Hand out temporary keys of this RAM role, as the metadata service and STS do, on the ports of the API",
        "在 API 的端口上像元数据服务和 STS 那样发放该 RAM 角色的临时 AccessKey",
    ),
];
