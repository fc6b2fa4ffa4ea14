//! `relay`.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    (
        "Keep one connection for programs that cannot, and serve them over HTTP",
        "为无法自行保持连接的程序维持一个连接，并通过 HTTP 提供服务",
    ),
    (
        "Programs that cannot keep a connection send and receive through the relay, by plain HTTP:",
        "无法自行保持连接的程序通过 relay，以普通 HTTP 收发消息：",
    ),
    (
        "the body is the payload; answered when the fate of the message is known",
        "请求体即消息内容；消息的发送结果确定后才返回",
    ),
    ("the same for a single client (--parent-topic)", "同上，发给单个客户端（--parent-topic）"),
    (
        "/v1/requests?topic=T&timeout=5 sends a request and answers with the reply",
        "/v1/requests?topic=T&timeout=5 发送请求，并返回收到的应答",
    ),
    ("/v1/messages?filter=F&max=100&wait=30", "/v1/messages?filter=F&max=100&wait=30"),
    ("acknowledges a received message", "确认一条收到的消息"),
    (
        "received messages that nobody could process; POST and DELETE /v1/dead/ID",
        "无人能处理的消息（死信）；另有 POST 和 DELETE /v1/dead/ID",
    ),
    ("connection events and notices, as a stream (SSE)", "连接事件和通知，以流的形式（SSE）"),
    ("/metrics, /healthz, /readyz", "/metrics, /healthz, /readyz"),
    (
        "With `Prefer: respond-async` a message is answered with 202 once it is on disk, and so is one that is not \
         acknowledged within its wait (wait=30). A repeated Idempotency-Key gets the answer of the first call for 24 \
         h, also after a restart. The chapter \"The relay\" of the book has all of it, with examples for curl, \
         Perl, Python, PHP and COBOL.",
        "带有 `Prefer: respond-async` 时，消息写入磁盘后即返回 202；在等待时间（wait=30）内未被确认的消息也是如此\
         。24 小时之内，重复的 Idempotency-Key 得到第一次调用的应答，重启之后也是如此。全部说明见使用手册的“relay”一章，其中\
         有 curl、Perl、Python、PHP 和 COBOL 的示例。",
    ),
    (
        "On a Unix socket, the permissions of the socket decide who may call (mode 0660, --group). On a loopback \
         address every call needs the token of --bearer-token-file (`Authorization: Bearer ...`), except for \
         /healthz. Other addresses are refused, and so are calls of web pages.",
        "使用 Unix socket 时，由 socket 的权限决定谁可以调用（模式 0660，--group）。使用回环地址时，除 /healthz 外，每次\
         调用都需要 --bearer-token-file 中的令牌（`Authorization: Bearer ...`）。其他地址一律拒绝，来自网页的调用也一\
         律拒绝。",
    ),
    (
        "The first signal (Ctrl-C, SIGTERM) ends the relay in order: it accepts nothing more, settles what it has or \
         leaves it in the store for the next run, and exits with 0. A second one ends it at once.",
        "收到第一个信号（Ctrl-C、SIGTERM）时，relay 有序退出：不再接受新的请求，把已有的处理完，或留在存储中供下次运\
         行，然后以 0 退出。收到第二个信号时立即退出。",
    ),
    (
        "Listen here: unix:PATH or a loopback address such as 127.0.0.1:8125; may be repeated, and is not needed if \
         systemd passes sockets on",
        "监听地址：unix:PATH，或回环地址，例如 127.0.0.1:8125；可重复，由 systemd 传入 socket 时不需要",
    ),
    ("Let this group use the Unix sockets", "允许这个用户组使用 Unix socket"),
    (
        "File with the bearer token that calls over a loopback address need; - is stdin",
        "存放 Bearer 令牌的文件，通过回环地址的调用需要它；- 表示标准输入",
    ),
    (
        "Accept up to COUNT connections, as far as the limit on open files allows (ulimit -n)",
        "最多接受 COUNT 个连接，受打开文件数的限制（ulimit -n）",
    ),
    ("Let up to COUNT calls wait", "最多让 COUNT 个调用等待"),
    ("How long the relay drains before it exits, in seconds", "relay 退出前处理剩余工作的最长时间，单位为秒"),
    (
        "Directory for the messages on disk, for one relay [default: the first of $STATE_DIRECTORY]",
        "在磁盘上保存消息的目录，只供一个 relay 使用 [默认：$STATE_DIRECTORY 中的第一个]",
    ),
    (
        "Hold up to COUNT messages to send, as many received messages, and as many dead letters",
        "最多保存 COUNT 条待发送的消息，已收到的消息和死信也各最多 COUNT 条",
    ),
    (
        "Hold up to BYTES of messages to send, as many of received messages, and as many of dead letters",
        "最多保存 BYTES 字节的待发送消息，已收到的消息和死信也各最多 BYTES 字节",
    ),
    (
        "Allow messages to topics that this filter matches only; may be repeated",
        "只允许向匹配这个过滤器的 Topic 发送消息；可重复",
    ),
    ("Remember up to COUNT idempotency keys", "最多记住 COUNT 个幂等 key"),
    (
        "Receive what matches this filter; needs a device id; may be repeated",
        "接收匹配这个过滤器的消息；需要 Device ID；可重复",
    ),
    ("Receive P2P messages; needs a device id", "接收点对点（P2P）消息；需要 Device ID"),
    (
        "How long a caller has for a received message before it is given to another, in seconds",
        "调用方处理一条已收消息的期限，超过后交给其他调用方，单位为秒",
    ),
    (
        "After COUNT leases, a received message goes to the dead letters",
        "一条已收消息被取走 COUNT 次仍未确认，就转入死信",
    ),
    (
        "How long a caller may take to send the head of a call, and its body, or read nothing of its answer, in \
         seconds; connections that are idle for as long are closed",
        "调用方发送请求头、发送请求体各自的期限，以及可以不读取应答的最长时间，单位为秒；空闲达到这一时间的连接会被关闭",
    ),
    (
        "Allow callers to receive topics that this filter matches only; may be repeated",
        "只允许调用方接收匹配这个过滤器的 Topic；可重复",
    ),
];
