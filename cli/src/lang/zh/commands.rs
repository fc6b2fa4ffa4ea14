//! The commands and their options.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    (
        "Publish messages: one, a file, standard input, a message per line, or JSON lines",
        "发送消息：一条文本、一个文件、标准输入、每行一条消息，或 JSON Lines",
    ),
    (
        "Options that are settings can also be given by environment variables, such as ALIYUN_MQTT_ENDPOINT for \
         --endpoint, and ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET for the AccessKey, or by a \
         configuration file: `aliyun-mqtt config show` prints what is set and what is missing, each with its names.",
        "配置类选项也可以用环境变量给出，例如 --endpoint 对应 ALIYUN_MQTT_ENDPOINT，AccessKey 对应 \
         ALIBABA_CLOUD_ACCESS_KEY_ID 和 ALIBABA_CLOUD_ACCESS_KEY_SECRET；还可以写在配置文件中。\
         `aliyun-mqtt config show` 列出已有和缺少的配置及其名称。",
    ),
    (
        "The book has a chapter for each subject: /usr/share/doc/aliyun-mqtt/book in packages, docs/book in the \
         repository.",
        "使用手册按主题分章：软件包中位于 /usr/share/doc/aliyun-mqtt/book，仓库中位于 docs/book。",
    ),
    ("Examples:", "示例："),
    (
        "JSON lines: one object per line with topic (default: -t), qos (default: -q), and either payload or \
         payload_b64. A string is sent as its text, any other JSON as it is written, and payload_b64 may hold any \
         bytes. With MQTT 5 also content_type, user_properties (an object, or an array of pairs if keys repeat), \
         message_expiry (seconds), response_topic, correlation_data or correlation_data_b64, and text (true). Lines \
         printed by `sub --json` can be sent as they are: the keys that describe their receipt are ignored. Any other \
         key is an error, and so is a duplicate. Blank lines and a byte order mark at the start are skipped.",
        "JSON Lines：每行一个对象，包含 topic（默认取 -t）、qos（默认取 -q），以及 payload 或 payload_b64。字符串按其文\
         本发送，其他 JSON 值按原样发送，payload_b64 可以是任意字节。使用 MQTT 5 时还可以有 content_type、\
         user_properties（对象；键有重复时用键值对的数组）、message_expiry（秒）、response_topic、correlation_data 或 \
         correlation_data_b64，以及 text（true）。`sub --json` 打印的行可以原样发送：其中描述接收情况的键会被忽略。其\
         他键一律报错，重复的键也报错。空行和开头的字节顺序标记（BOM）会被跳过。",
    ),
    (
        "With -l each line is sent byte for byte: lines of a Windows file keep their carriage return (`tr -d '\\r'` \
         removes it), and a byte order mark is part of the first message.",
        "使用 -l 时每行按字节原样发送：Windows 文件的行会带上回车符（可用 `tr -d '\\r'` 去掉），字节顺序标记（BOM）属\
         于第一条消息。",
    ),
    (
        "Failures: each one is reported with its line number, the first 10 in full. An invalid line is skipped; with \
         --jsonl so is a message that the server refuses. Any other failure, such as a timeout, a refused login, or a \
         refused topic without --jsonl, affects the following lines too: reading stops, messages in flight are \
         completed, and the line to resume from is printed. A broken connection is reestablished and is not a failure \
         by itself.",
        "失败：每次失败都会给出行号，前 10 次给出完整内容。无效的行会被跳过；使用 --jsonl 时，被服务端拒绝的消息也会\
         被跳过。其他失败，例如超时、登录被拒绝，或没有使用 --jsonl 时 Topic 被拒绝，同样会影响后面的行：此时停止读取\
         ，等在途的消息有结果，并打印应当从哪一行继续。连接断开后会自动重连，本身不算失败。",
    ),
    (
        "The exit code is that of the failure that stopped the run, or else of the first failure; 130 after Ctrl-C, \
         which stops reading and waits for the messages in flight.",
        "退出码取自导致运行停止的失败；没有时取第一次失败；按 Ctrl-C 后为 130，此时停止读取，并等待在途的消息。",
    ),
    (
        "With --spool, QoS 1 and 2 messages are written to disk before they are sent, and removed when their outcome \
         is known. Messages that are still unacknowledged after a timeout (no acknowledgement for --timeout) or a \
         crash are sent first, in order, by the next run with the same file; a run without a message does nothing \
         else. Exit codes 3, 5 and 130 may therefore leave messages in the spool (move it together with its .lock \
         file): the summary counts them as spooled, not as failed, and they must not be given again. The first \
         connection has to succeed: if it fails (3, 4, 5), nothing is read or stored.",
        "使用 --spool 时，QoS 1 和 QoS 2 消息先写入磁盘再发送，结果确定后删除。超时（--timeout 内没有确认）或程序崩溃\
         后仍未确认的消息，由下一次使用同一文件的运行首先按顺序发送；不带消息的运行只做这一件事。因此退出码为 3、5 或 \
         130 时，spool 中可能留有消息（移动文件时请连同 .lock 文件一起移动）：统计中它们计为已暂存，而不是失败，不要\
         再次提交。首次连接必须成功：如果失败（3、4、5），则什么都不会读取或保存。",
    ),
    ("Topic; with --jsonl, the topic of lines without one", "Topic；使用 --jsonl 时，未指定 Topic 的行使用此 Topic"),
    ("QoS", "QoS"),
    ("Send this text", "发送这段文本"),
    (
        "Send a file as one message, or read the lines of -l or --jsonl from it; - is stdin",
        "把文件作为一条消息发送，或为 -l、--jsonl 提供各行；- 表示标准输入",
    ),
    ("Send all of stdin as one message", "把标准输入的全部内容作为一条消息发送"),
    ("Send each line of stdin as a message, without its newline", "把标准输入的每一行作为一条消息发送，不含换行符"),
    (
        "Send a message for each line of stdin, which is a JSON object (see --help)",
        "为标准输入的每一行发送一条消息，每行是一个 JSON 对象（见 --help）",
    ),
    ("Send an empty message", "发送一条空消息"),
    ("Send the message COUNT times", "把消息发送 COUNT 次"),
    ("Pause between two repeats, in seconds", "两次重复发送之间的间隔，单位为秒"),
    (
        "Maximum messages per second (the service advises 20 per client) [default: no limit]",
        "每秒最多发送的消息数（服务端建议每个客户端 20 条）[默认：不限]",
    ),
    (
        "Fix the maximum number of unacknowledged messages, 1 to 10000 [default: 100, growing up to --max-window]",
        "固定未确认消息的最大数量，1 到 10000 [默认：100，可增长到 --max-window]",
    ),
    (
        "Let the maximum number of unacknowledged messages grow up to COUNT on a long line, 1 to 10000 [default: 1000]",
        "网络往返时间较长时，未确认消息的最大数量最多增长到 COUNT，1 到 10000 [默认：1000]",
    ),
    (
        "Send ordered messages, for RocketMQ consumers of an ordered parent topic",
        "发送顺序消息，供 RocketMQ 消费顺序消息类型的父级 Topic",
    ),
    (
        "Store messages in this file until they are acknowledged, and send those in it first (see --help)",
        "把消息保存在这个文件中，直到被确认；文件中已有的消息先发送（见 --help）",
    ),
    ("Stop at the first failure of any kind", "遇到任何失败立即停止"),
    (
        "Print failures and the summary as JSON on stdout, one object per line",
        "在标准输出以 JSON 打印失败和统计，每行一个对象",
    ),
    ("Print no summary, progress or notes; errors are still printed", "不打印统计、进度和说明；错误仍会打印"),
    ("Content type of the payload, such as application/json", "消息内容（Payload）的类型，例如 application/json"),
    ("User property; may be repeated", "用户属性；可重复"),
    ("The server discards the message after this many seconds", "消息超过此秒数后，由服务端丢弃"),
    ("Topic for the reply", "接收应答的 Topic"),
    ("Data that the reply has to repeat", "应答中须原样带回的数据"),
    ("Mark the payload as UTF-8 text", "标明消息内容（Payload）是 UTF-8 文本"),
    ("Receive messages and print, store or process them", "接收消息，并打印、保存或处理"),
    (
        "A message is acknowledged when it has been printed and flushed, when its file has its final name, or when \
         its command has exited with 0. The server sends unacknowledged messages again, but only in the same session: \
         keep the session (-c, with a device id) if no message may be missed. After a lost connection or a crash a \
         message may therefore arrive twice. Acknowledgements are sent in the order of receipt.",
        "消息打印并刷新输出后、文件得到最终名称后，或命令以 0 退出后，才会确认。服务端会重发未确认的消息，但仅限于同\
         一个会话：如果一条消息都不能漏，请保留会话（-c，并指定 Device ID）。因此连接断开或程序崩溃后，同一条消息可能\
         到达两次。确认按接收的顺序发送。",
    ),
    (
        "If a command of --exec fails, sub exits with 1 and acknowledges neither the message nor any later one; with \
         --keep-going it skips the message instead. Commands run one at a time, in the order of receipt. Their \
         environment has MQTT_TOPIC, MQTT_QOS, MQTT_RETAIN, MQTT_DUP, MQTT_TIME, MQTT_PAYLOAD_LEN and, if the message \
         has them, MQTT_CONTENT_TYPE, MQTT_RESPONSE_TOPIC and MQTT_USER_PROPERTIES (pairs as JSON); variables that \
         hold secrets are removed unless --pass-secrets is given. Quote \"$MQTT_TOPIC\": the publisher has chosen it. \
         Environment variables cannot hold NUL characters or very long values: a NUL becomes U+FFFD, a value above 64 \
         KB (1 KB if the system rejects their total size) is left out, and MQTT_INEXACT lists the variables \
         concerned.",
        "--exec 的命令失败时，sub 以 1 退出，该消息及之后的消息都不确认；使用 --keep-going 时则跳过该消息。命令按接收\
         的顺序逐个运行。它们的环境变量有 MQTT_TOPIC、MQTT_QOS、MQTT_RETAIN、MQTT_DUP、MQTT_TIME、MQTT_PAYLOAD_LEN，\
         以及消息带有时的 MQTT_CONTENT_TYPE、MQTT_RESPONSE_TOPIC 和 MQTT_USER_PROPERTIES（JSON 形式的键值对）；含有密\
         钥的变量会被去掉，除非指定 --pass-secrets。请给 \"$MQTT_TOPIC\" 加上引号：它由发送方决定。环境变量不能包含 \
         NUL 字符，也不能太长：NUL 会变成 U+FFFD，超过 64 KB 的值（系统拒绝其总长度时为 1 KB）会被省略，MQTT_INEXACT \
         列出受影响的变量。",
    ),
    (
        "Fields of -F: %t topic, %p payload, %x %X payload in hex, %l length, %q QoS, %r retain, %I ISO 8601 time, %U \
         Unix time, %j JSON, %J JSON with the payload as JSON; for MQTT 5 also %C content type, %D correlation data, \
         %E expiry, %F text flag, %P user properties, %R response topic, %S subscription ids. Flags -, 0, width and \
         .precision are those of printf. @ followed by a letter is a part of the time as in strftime, @N the \
         nanoseconds; \\0 \\a \\e \\n \\r \\t \\v \\\\ are characters. Control characters in the topic and in \
         properties are printed as escapes, also with -v, so that only a payload can start a new line; --json prints \
         everything unchanged.",
        "-F 的字段：%t Topic，%p 消息内容，%x %X 十六进制的消息内容，%l 长度，%q QoS，%r retain，%I ISO 8601 时间，%U \
         Unix 时间，%j JSON，%J 消息内容也作为 JSON 的 JSON；MQTT 5 另有 %C 内容类型，%D 关联数据，%E 有效期，%F 文本\
         标志，%P 用户属性，%R 应答 Topic，%S 订阅标识符。标志 -、0、宽度和 .精度 与 printf 相同。@ 后跟一个字母表示\
         时间的一部分，与 strftime 相同，@N 为纳秒；\\0 \\a \\e \\n \\r \\t \\v \\\\ 为字符。Topic 和属性中的控制字符\
         打印为转义形式，使用 -v 时也是如此，因此只有消息内容能另起一行；--json 原样打印全部内容。",
    ),
    ("Topic filter to subscribe to; may be repeated", "要订阅的 Topic 过滤器；可重复"),
    ("Maximum QoS of received messages", "接收消息的最大 QoS"),
    (
        "Keep the session and its messages at the server while offline; needs a device id",
        "离线期间由服务端保留会话及其消息；需要 Device ID",
    ),
    ("Unsubscribe from this filter first; may be repeated", "先取消订阅这个过滤器；可重复"),
    (
        "Do not subscribe: receive P2P messages and those of a kept session",
        "不订阅：只接收点对点（P2P）消息和持久会话中的消息",
    ),
    ("Do not receive messages published by this client (MQTT 5)", "不接收本客户端发送的消息（MQTT 5）"),
    (
        "Subscription id delivered with the messages, 1 to 268435455 (MQTT 5)",
        "随消息一起投递的订阅标识符，1 到 268435455（MQTT 5）",
    ),
    ("Exit as soon as the subscriptions are made", "订阅成功后立即退出"),
    ("Exit after COUNT messages", "收到 COUNT 条消息后退出"),
    (
        "Exit after this many seconds [exit code 0, or 5 if fewer messages than -C have arrived]",
        "运行指定秒数后退出 [退出码为 0；收到的消息少于 -C 时为 5]",
    ),
    (
        "Print the topic before the payload, with control characters as escapes",
        "在消息内容之前打印 Topic，其中的控制字符打印为转义形式",
    ),
    ("Print no newline after each message", "不在每条消息后打印换行符"),
    (
        "Print in this format, as in mosquitto_sub: `%t %p`, `@H:@M`, `\\t`",
        "按此格式打印，与 mosquitto_sub 相同：`%t %p`、`@H:@M`、`\\t`",
    ),
    (
        "Print one JSON object per message; a payload that is not UTF-8 as base64 in payload_b64",
        "每条消息打印一个 JSON 对象；不是 UTF-8 的消息内容以 Base64 放在 payload_b64 中",
    ),
    ("Ignore messages whose topic matches this filter; may be repeated", "忽略 Topic 匹配这个过滤器的消息；可重复"),
    (
        "Write each payload to a file of its own in this directory and print its path",
        "把每条消息的内容写入这个目录下的单独文件，并打印其路径",
    ),
    ("Sync each file to disk before acknowledging its message", "每个文件同步到磁盘之后再确认其消息"),
    (
        "Run this shell command for each message, with the payload on stdin and MQTT_TOPIC etc. in its environment",
        "为每条消息运行这条 shell 命令，消息内容从其标准输入传入，MQTT_TOPIC 等在其环境变量中",
    ),
    (
        "Kill a command that runs longer than this, which counts as failed; 0: no limit",
        "命令运行超过指定秒数时将其结束，并视为失败；0 表示不限",
    ),
    (
        "Continue after a failed command: report and acknowledge the message, and exit with 1 at the end",
        "命令失败后继续：报告并确认该消息，最后以 1 退出",
    ),
    (
        "Send messages to a single client, or receive those sent to this one (P2P)",
        "向单个客户端发送消息，或接收发给本客户端的消息（P2P）",
    ),
    (
        "A P2P message is published to {parent topic}/p2p/{client id}; its receiver needs no subscription. The parent \
         topic is given by --parent-topic or ALIYUN_MQTT_TOPIC. The sender does not learn that the receiver is \
         offline: the message is delivered later only if it has QoS 1 and the sender keeps its session (-c, with a \
         device id).",
        "点对点（P2P）消息发送到 {父级 Topic}/p2p/{Client ID}，接收方不需要订阅。父级 Topic 由 --parent-topic 或 \
         ALIYUN_MQTT_TOPIC 指定。发送方不会得知接收方不在线：只有消息的 QoS 为 1，并且发送方保留会话（-c，并指定 \
         Device ID）时，消息才会在之后投递。",
    ),
    ("Send a message to a single client", "向单个客户端发送一条消息"),
    ("The client, GroupID@@@DeviceID", "目标客户端，GroupID@@@DeviceID"),
    ("Send a file as one message; - is stdin", "把文件作为一条消息发送；- 表示标准输入"),
    (
        "Receive messages sent to this client, with the output of `sub`; needs a device id or client id",
        "接收发给本客户端的消息，输出与 `sub` 相同；需要 Device ID 或 Client ID",
    ),
    (
        "Send a request to a single client and print the reply; exits with 5 if none arrives in time",
        "向单个客户端发送请求并打印应答；超时未收到应答时以 5 退出",
    ),
    (
        "Wait this many seconds for the reply, else exit with 5 [default: --timeout]",
        "等待应答的秒数，超过则以 5 退出 [默认：--timeout]",
    ),
    (
        "Topic of the reply, for servers without P2P; nobody else should read it [default: P2P to this client]",
        "接收应答的 Topic，用于不支持 P2P 的服务端；不应让其他人读取 [默认：以 P2P 发给本客户端]",
    ),
    (
        "Send the request in an envelope that clients of MQTT 3.1.1 can answer (always so with 3.1.1)",
        "把请求放在 MQTT 3.1.1 客户端能够应答的封装（envelope）中（使用 3.1.1 时总是如此）",
    ),
    (
        "Answer requests sent to this client, like `rr reply`; needs a device id or client id",
        "应答发给本客户端的请求，与 `rr reply` 相同；需要 Device ID 或 Client ID",
    ),
    ("Reply with this text", "用这段文本应答"),
    ("Reply with the payload of the request", "用请求的消息内容应答"),
    ("Send a request and wait for the reply, or answer requests", "发送请求并等待应答，或应答请求"),
    (
        "The reply is sent to this client by P2P, so no subscription is needed; --response-topic is for servers \
         without P2P. With MQTT 5, requests and replies carry Response Topic and Correlation Data as the standard \
         defines; with 3.1.1, which has no properties, they use an envelope defined by this library. `rr reply` \
         answers both, each in its own form; an MQTT 5 client uses --envelope for a request to a 3.1.1 client. If no \
         reply arrives in time the exit code is 5.",
        "应答以 P2P 发给本客户端，因此不需要订阅；--response-topic 用于不支持 P2P 的服务端。使用 MQTT 5 时，请求和应\
         答按标准携带 Response Topic 和 Correlation Data；3.1.1 没有这些属性，因此使用本库定义的封装（envelope）。两种请求 \
         `rr reply` 都能以对应的形式应答；MQTT 5 客户端向 3.1.1 客户端发送请求时使用 --envelope。如果超时未收到应答，\
         退出码为 5。",
    ),
    ("Topic of the request", "请求的 Topic"),
    ("Answer requests with the output of a command or a fixed text", "用命令的输出或固定的文本应答请求"),
    (
        "The reply is the output of the command, byte for byte. Its stdin and environment are those of `sub --exec`; \
         MQTT_RESPONSE_TOPIC is the topic of the reply. A request is acknowledged after its reply has been \
         acknowledged. A request that cannot be answered, because the command failed or the reply was refused, is \
         reported and acknowledged, and the exit code at the end is 1. Like any QoS 1 message, a request may arrive \
         twice.",
        "应答是命令的输出，逐字节相同。命令的标准输入和环境变量与 `sub --exec` 相同；MQTT_RESPONSE_TOPIC 是应答的 \
         Topic。应答被确认之后，请求才会确认。因命令失败或应答被拒绝而无法应答的请求会被报告并确认，最后的退出码为 1\
         。与任何 QoS 1 消息一样，请求可能到达两次。",
    ),
    (
        "Anyone who can send requests chooses the topic of the reply, which is published with the permissions of this \
         client.",
        "能够发送请求的任何人都可以指定应答的 Topic，而应答以本客户端的权限发送。",
    ),
    ("Topic filter of the requests; may be repeated", "请求的 Topic 过滤器；可重复"),
    ("Publish one message through the service API (SendMessage)", "通过服务端 API 发送一条消息（SendMessage）"),
    (
        "Prints the id of the message, which `trace publish` and `trace subscribe` take.",
        "打印消息的 ID，可用于 `trace publish` 和 `trace subscribe`。",
    ),
    (
        "The API accepts only UTF-8 text of at most 64 KB, and less if it has other characters than plain letters and \
         digits: the text is sent in a URL of at most 65,534 bytes, in which most other characters take three bytes \
         and a Chinese character nine. Use `pub` for anything else. The message is not forwarded to RocketMQ.",
        "API 只接受 UTF-8 文本，最大 64 KB；含有普通字母和数字以外的字符时更小：文本放在最长 65,534 字节的 URL 中发送\
         ，其中多数其他字符占 3 个字节，一个汉字占 9 个字节。其他情况请用 `pub`。该消息不会转发给 RocketMQ。",
    ),
    ("Topic to publish to", "发送到这个 Topic"),
    ("Print a JSON object instead of the bare id", "打印 JSON 对象，而不只是 ID"),
    ("Apply for, query and revoke tokens", "申请、查询和吊销 Token"),
    ("Apply for a token and print it with its type, as RW|...", "申请一个 Token，连同类型打印，例如 RW|..."),
    (
        "This is the form that --token-file and ALIYUN_MQTT_TOKEN take. Anyone who has the token can use its topics \
         until it expires, so keep it secret: --output writes a file that only its owner can read. A token has one \
         type for all of its topics; to write to some topics and read others, apply for two tokens and join them with \
         |.",
        "--token-file 和 ALIYUN_MQTT_TOKEN 使用的正是这种形式。持有 Token 的任何人在其过期之前都可以使用其中的 Topic\
         ，因此请保密：--output 写入仅所有者可读的文件。一个 Token 对其全部 Topic 只有一种类型；如需向一些 Topic 发送\
         、从另一些 Topic 接收，请申请两个 Token，并用 | 连接。",
    ),
    (
        "Topics, at most 100, with wildcards only below the first level [default: the parent topic and everything \
         below]",
        "Topic，最多 100 个，第一级之后才能用通配符 [默认：父级 Topic 及其下全部 Topic]",
    ),
    (
        "Type of the token: R to subscribe, W to publish, RW for both",
        "Token 的类型：R 用于订阅，W 用于发送，RW 两者皆可",
    ),
    (
        "Lifetime, 60 s to 30 d: seconds, or a number with s, m, h or d",
        "有效期，60 s 到 30 d：秒数，或带 s、m、h、d 的数字",
    ),
    (
        "Write the token to this file, which only its owner can read, instead of printing it",
        "把 Token 写入这个仅所有者可读的文件，不打印",
    ),
    ("Print the bare token, without its type", "只打印 Token，不带类型"),
    ("Print a JSON object", "打印 JSON 对象"),
    (
        "Query whether tokens are valid; exits with 1 if one of them is not",
        "查询 Token 是否有效；其中任何一个无效时以 1 退出",
    ),
    (
        "The tokens are read from --token-file, ALIYUN_MQTT_TOKEN, the configuration file, standard input or a prompt: \
         RW|..., several of these joined, or a bare token.",
        "Token 从 --token-file、ALIYUN_MQTT_TOKEN、配置文件、标准输入或提示输入中读取：RW|...、若干个连接在一起，或不带\
         类型的 Token。",
    ),
    ("Print a JSON object for each token", "为每个 Token 打印一个 JSON 对象"),
    ("Revoke tokens and disconnect the clients that use them", "吊销 Token，并断开使用它的客户端"),
    ("The tokens are read as by `token query`.", "Token 的读取方式与 `token query` 相同。"),
    ("Do not ask for confirmation; without a terminal there is none", "跳过确认（不在终端运行时本来就不询问）"),
    ("Query which clients are online", "查询哪些客户端在线"),
    (
        "The service considers a client that has lost its connection online until 1.5 times its keep-alive interval \
         has passed, or a little longer. It reports a client id that never existed as offline.",
        "客户端的连接断开后，服务端在 1.5 倍心跳间隔（或稍长一些）之内仍认为它在线。从未存在过的 Client ID 会显示为不\
         在线。",
    ),
    (
        "Client ids to query; - reads them from stdin, one per line",
        "要查询的 Client ID；- 表示从标准输入读取，每行一个",
    ),
    ("Exit with 1 unless all of them are online", "除非全部在线，否则以 1 退出"),
    ("Print a JSON object for each client", "为每个客户端打印一个 JSON 对象"),
    ("Manage device credentials", "管理设备凭证（一机一密）"),
    ("Create the credential of a client id, replacing an existing one", "为 Client ID 注册设备凭证，已有的会被替换"),
    ("Client id, GroupID@@@DeviceID", "Client ID，GroupID@@@DeviceID"),
    ("Print the AccessKey secret", "打印 AccessKey Secret"),
    (
        "Write the settings of the device, including the secret, to a file that only its owner can read",
        "把设备的各项设置连同密钥写入仅所有者可读的文件",
    ),
    (
        "A name that ends in .toml makes it a configuration file for --config, any other name a file of environment \
         variables. It has everything a device needs to log in: endpoint (if configured), instance id, client id and \
         key.",
        "以 .toml 结尾的文件名表示写成供 --config 使用的配置文件，其他文件名表示写成环境变量文件。其中有设备登录所需\
         的一切：接入点（已配置时）、实例 ID、Client ID 和密钥。",
    ),
    ("Show the credential of a client id", "查看 Client ID 的设备凭证"),
    ("Replace the key of a client id; the old one becomes invalid", "更换 Client ID 的密钥；旧的密钥随即失效"),
    ("Delete the credential of a client id", "删除 Client ID 的设备凭证"),
    (
        "List the client ids of the group (--group-id) that have a credential",
        "列出 Group（--group-id）中有设备凭证的 Client ID",
    ),
    ("Print a JSON object for each client id", "为每个 Client ID 打印一个 JSON 对象"),
    ("Manage groups", "管理 Group"),
    ("List the groups and when they were created", "列出各个 Group 及其创建时间"),
    ("Print a JSON object for each group", "为每个 Group 打印一个 JSON 对象"),
    ("Create a group; it cannot be renamed", "创建 Group；之后不能改名"),
    (
        "GID_ or GID-, then letters, digits, - or _; 7 to 64 characters",
        "以 GID_ 或 GID- 开头，后跟字母、数字、- 或 _；共 7 到 64 个字符",
    ),
    ("Delete a group; its clients can no longer log in", "删除 Group；其中的客户端将无法再登录"),
    ("Group id", "Group ID"),
    ("Look up the traces of devices and messages", "查询设备轨迹和消息轨迹"),
    (
        "Times are RFC 3339 with a zone (2026-01-31T08:00:00+08:00) or an age (30m, 12h, 1d). The service's console \
         allows a span of one day. The texts and times of the entries are printed as the service returns them; the \
         zone of its times is not documented. The API needs the region of the instance here, even if its URL is \
         given.",
        "时间写成带时区的 RFC 3339 形式（2026-01-31T08:00:00+08:00），或距今多久（30m、12h、1d）。服务端的控制台允许\
         的时间跨度为一天。条目的文字和时间按服务端返回的原样打印；其时间的时区没有文档说明。这里即使给出了 API 的 \
         URL，也需要实例所在的地域。",
    ),
    ("Show when a client connected and disconnected, and why", "查看客户端何时上线和下线，以及原因"),
    ("Number of the page, from 1", "页码，从 1 开始"),
    ("Entries per page, 1 to 100", "每页的条目数，1 到 100"),
    ("Print all pages", "打印全部页"),
    ("Print the newest entry first", "最新的条目排在最前"),
    ("Start of the span: a time or an age", "时间跨度的开始：时间点，或距今多久"),
    ("End of the span: a time or an age", "时间跨度的结束：时间点，或距今多久"),
    ("Print a JSON object for each entry", "为每个条目打印一个 JSON 对象"),
    ("Show which messages a client sent and received", "查看客户端发送和接收了哪些消息"),
    ("Show where a message came from", "查看一条消息来自哪里"),
    ("Message id, as `send` prints it or a trace shows it", "消息 ID，由 `send` 打印或在轨迹中显示"),
    ("Show where a message went: to all clients, or to one of them", "查看一条消息到了哪里：全部客户端，或其中一个"),
    ("Only this client", "只看这个客户端"),
    ("Compute or check the credentials of a client id, offline", "离线计算或检查 Client ID 的登录凭证"),
    (
        "Computes the login from the settings: --auth, --instance-id, --client-id (or --group-id and --device-id), \
         and the AccessKey or token. Sends nothing. The password of the signing modes is base64(HMAC-SHA1(secret, \
         client id)).",
        "根据各项设置计算登录信息：--auth、--instance-id、--client-id（或 --group-id 和 --device-id），以及 AccessKey \
         或 Token。不发送任何内容。签名类方式的密码是 base64(HMAC-SHA1(secret, client id))。",
    ),
    (
        "--for also needs the endpoint, and the parent topic for mosquitto and paho. It prints two commands for a \
         POSIX shell, a file for MQTTX to import, or a program in Python.",
        "--for 还需要接入点，用于 mosquitto 和 paho 时还需要父级 Topic。它打印两条 POSIX shell 命令、一个供 MQTTX 导\
         入的文件，或一段 Python 程序。",
    ),
    (
        "With a --check option, the exit code is 0 if the login is right. Otherwise the probable mistake is printed, \
         and the exit code is 1.",
        "使用 --check 类选项时，登录信息正确则退出码为 0；否则打印可能的错误，退出码为 1。",
    ),
    ("Show the password", "显示密码"),
    ("Print the login in the form that another client takes", "以其他客户端所用的形式打印登录信息"),
    ("Prompt for a password and check it", "提示输入密码并检查"),
    (
        "Check the password in a file; - is stdin, fd:N an open file",
        "检查文件中的密码；- 表示标准输入，fd:N 表示已打开的文件",
    ),
    ("Check this user name", "检查这个用户名"),
    (
        "Another client id that may have been signed by mistake; may be repeated",
        "可能被误用来计算签名的另一个 Client ID；可重复",
    ),
    ("Print one JSON object", "打印一个 JSON 对象"),
    ("Diagnose why a connection, a permission or a token does not work", "诊断连接、权限和 Token 问题"),
    ("with the configured settings", "使用已配置的设置"),
    ("with everything that each step saw", "显示每一步看到的全部内容"),
    ("asks the API, too", "同时查询 API"),
    (
        "Prints one line for each step, which ends as ok, warn, FAIL or skip, and at the end each probable cause with \
         its cure. The exit code is that of the first failure, and 0 if there are only warnings. Publishes a marked \
         message to the topic and one to itself, unless --no-publish is given. If a permission seems to be missing \
         and the API is configured, applies for a token for the topic and revokes it at once.",
        "每一步打印一行，结果为正常、警告、失败或跳过，最后给出每个可能的原因及处理办法。退出码取自第一次失败，只有警\
         告时为 0。除非指定 --no-publish，否则会向该 Topic 发送一条带标记的消息，并向自己发送一条。如果看起来缺少权限\
         ，并且配置了 API，会为该 Topic 申请一个 Token，随即吊销。",
    ),
    (
        "Topic to check the rights of [default: {parent topic}/aliyun-mqtt-doctor]",
        "检查对这个 Topic 的权限 [默认：{父级 Topic}/aliyun-mqtt-doctor]",
    ),
    ("Publish nothing", "不发送任何消息"),
    (
        "Log in even if a client with this id is online, which closes its connection",
        "即使使用这个 Client ID 的客户端在线也登录，这会断开它的连接",
    ),
    ("Run only the steps that need no network", "只运行不需要网络的步骤"),
    ("Print everything that each step saw", "打印每一步看到的全部内容"),
    ("Print one JSON object for each step, and one as the summary", "每一步打印一个 JSON 对象，最后打印一个统计对象"),
    ("Print all causes with their cures as Markdown", "以 Markdown 打印全部原因及处理办法"),
    ("Measure the speed of publishing, receiving and connecting", "测量发送、接收和建立连接的速度"),
    (
        "The service advises at most 20 messages per second and client, and bills messages: use --rate to limit them.",
        "服务端建议每个客户端每秒最多 20 条消息，并按消息计费：请用 --rate 限制。",
    ),
    ("Publish, and measure the time to each acknowledgement", "发送消息，并测量每次确认所需的时间"),
    ("Topic", "Topic"),
    ("Size of each payload in bytes, 16 to 65536", "每条消息内容的字节数，16 到 65536"),
    ("Maximum number of unacknowledged messages per client, 1 to 1000", "每个客户端未确认消息的最大数量，1 到 1000"),
    ("Maximum messages per second and client [default: no limit]", "每个客户端每秒最多发送的消息数 [默认：不限]"),
    (
        "Number of messages or connects in total [default: 1000, or as many as --for allows]",
        "消息或连接的总数 [默认：1000，或 --for 所允许的数量]",
    ),
    ("Duration in seconds", "持续时间，单位为秒"),
    ("Number of clients that run at the same time", "同时运行的客户端数量"),
    ("Print a JSON object instead of text", "打印 JSON 对象，而不是文本"),
    (
        "Publish and receive, and measure the time of each message from one to the other",
        "发送并接收，测量每条消息从一端到另一端的时间",
    ),
    ("Connect and disconnect, and measure the time of each connect", "建立并断开连接，测量每次建立连接的时间"),
    ("Print the completion script for a shell", "打印 shell 的补全脚本"),
    ("Shell to print the script for", "为哪种 shell 打印脚本"),
    ("Print or write the man pages", "打印或生成手册页"),
    (
        "Command whose page to print, such as `pub` or `token apply` [default: the program itself]",
        "要打印哪个命令的手册页，例如 `pub` 或 `token apply` [默认：程序本身]",
    ),
    ("Write all pages to this directory instead", "改为把全部手册页写入这个目录"),
    (
        "Show the settings and where each comes from, or write a configuration file",
        "查看各项设置及其来源，或写出配置文件",
    ),
    ("Print the path of the configuration file", "打印配置文件的路径"),
    (
        "Print every setting that has a value, where it comes from, and what is missing; secrets are masked",
        "打印每项有值的设置、其来源，以及缺少什么；密钥脱敏显示",
    ),
    (
        "Secrets are not read and the commands that print them are not run, so a secret may still turn out to be \
         missing. Without an AccessKey, the places that Alibaba Cloud's SDKs look at are asked for one, some of them \
         by the network, and its id is printed with the place it comes from and the time when it ends.",
        "不读取密钥，也不运行打印密钥的命令，因此仍可能发现缺少某个密钥。没有给出 AccessKey 时，会到阿里云 SDK 查找的各个位置获取（其中一些通过网络），\
         并打印其 ID、来源和到期时间。",
    ),
    ("Print a JSON object, with lists of the settings that are missing", "打印 JSON 对象，其中列出缺少的设置"),
    (
        "Print the names of the profiles in the configuration file, one per line",
        "打印配置文件中各个 profile 的名称，每行一个",
    ),
    ("Write a commented configuration file as a starting point", "生成带注释的配置文件，供修改使用"),
    ("Overwrite an existing file", "覆盖已有的文件"),
];
