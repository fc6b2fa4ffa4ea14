//! The hints of the library, by key. A hint with variants has a row for each.

/// Key, English and Chinese. `{hint}` stands for another hint.
pub(in crate::lang) const LIBRARY: &[(&str, &str, &str)] = &[
    ("set", "set {name}", "设置 {name}"),
    (
        "set-credentials",
        "set credentials, or read them from the environment with from_env",
        "设置凭证，或用 from_env 从环境变量读取",
    ),
    ("use-mqtt-5", "set protocol to 5", "把 protocol 设为 5"),
    (
        "use-mqtt-5-again",
        "set protocol to 5, as it was when the message was accepted",
        "把 protocol 设为 5，与接受该消息时相同",
    ),
    ("keep-session", "set clean_session to false", "把 clean_session 设为 false"),
    ("use-host-name", "set endpoint to its host name", "把 endpoint 设为其域名"),
    (
        "group-and-device",
        "set group_id and device_id instead; together they make GroupID@@@DeviceID",
        "请改为设置 group_id 和 device_id；两者合成 GroupID@@@DeviceID",
    ),
    ("shorter-device-id", "set a device_id that is short enough", "设置更短的 device_id"),
    (
        "bare-access-key-id",
        "set the bare id; the library makes the user name from it",
        "只设置 ID 本身；用户名由本库据此生成",
    ),
    ("bare-token", "give the bare token; the library puts its kind in front", "只给出 Token 本身；类型由本库加在前面"),
    ("copied-with-more", "was it copied with surrounding characters?", "复制时是否带上了前后的字符？"),
    (
        "no-nested-provider",
        "the provider must return the credentials themselves",
        "凭证提供方（provider）必须直接返回凭证",
    ),
    (
        "token-or-apply",
        "token mode needs a token in ALIYUN_MQTT_TOKEN, as RW|..., R|... or W|...; or the variables to apply for one: \
         ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIYUN_MQTT_TOPIC and either ALIYUN_MQTT_REGION_ID or \
         ALIYUN_MQTT_API_ENDPOINT",
        "Token 鉴权需要 ALIYUN_MQTT_TOKEN 中有 Token（RW|...、R|... 或 W|...），或者用于申请 Token 的变量：\
         ALIBABA_CLOUD_ACCESS_KEY_SECRET、ALIYUN_MQTT_TOPIC，以及 ALIYUN_MQTT_REGION_ID 或 ALIYUN_MQTT_API_ENDPOINT",
    ),
    (
        "token-needed",
        "token mode needs a token, as RW|..., R|... or W|...; with the cargo feature `openapi` the client can apply \
         for one",
        "Token 鉴权需要 Token（RW|...、R|... 或 W|...）；启用 cargo feature `openapi` 后，客户端可以自行申请",
    ),
    ("client-certificate-needs-tls", "client certificates need TLS: mqtts://", "客户端证书需要 TLS：mqtts://"),
    ("create-in-child", "create one in the child", "请在子进程中创建"),
    ("receiver-limit", "a receiver with the same packet_len would not receive it", "packet_len 相同的接收方收不到它"),
    (
        "payload-limit",
        "the service cuts the connection of a client that sends more; if your instance allows more, raise payload_len \
         (ALIYUN_MQTT_MAX_PAYLOAD)",
        "客户端发送的消息内容更大时，服务端会断开连接；如果实例允许更大，请增大 payload_len（ALIYUN_MQTT_MAX_PAYLOAD）",
    ),
    (
        "payload-limit-again",
        "raise payload_len (ALIYUN_MQTT_MAX_PAYLOAD) to its value when the message was accepted",
        "把 payload_len（ALIYUN_MQTT_MAX_PAYLOAD）增大到接受该消息时的值",
    ),
    (
        "raise-payload-len",
        "raise payload_len (ALIYUN_MQTT_MAX_PAYLOAD), which raises packet_len with it, to at least {size}",
        "把 payload_len（ALIYUN_MQTT_MAX_PAYLOAD）至少增大到 {size}，packet_len 会随之增大",
    ),
    (
        "redelivered-packet",
        "raise payload_len (ALIYUN_MQTT_MAX_PAYLOAD), which raises packet_len with it, to at least {size}; until then \
         a QoS 1 or 2 message comes again on every connection, and nothing behind it arrives; connecting once with \
         clean_session true discards all that waits",
        "把 payload_len（ALIYUN_MQTT_MAX_PAYLOAD）至少增大到 {size}，packet_len 会随之增大；在此之前，QoS 1 或 QoS 2 \
         消息会在每次连接后再次到达，而后面的消息都收不到；以 clean_session 为 true 连接一次，可丢弃全部等待的消息",
    ),
    (
        "filter-limit",
        "use a wildcard filter, or raise filters in limits if your instance allows more",
        "使用带通配符的过滤器；如果实例允许更多，请增大 limits 中的 filters",
    ),
    ("one-identifier", "give only one of them an identifier", "只给其中一个设置订阅标识符"),
    ("split-subscribe", "subscribe to them in several calls", "请分几次调用订阅"),
    (
        "share-work",
        "to share work between consumers, consume the parent topic with RocketMQ or the server SDK",
        "要在多个消费者之间分担，请用 RocketMQ 或云端 SDK 消费父级 Topic",
    ),
    ("p2p-parts", "give the first topic level and the receiver's client id", "给出 Topic 的第一级和接收方的 Client ID"),
    (
        "no-reply",
        "the replier must be online, and speak MQTT 5, or be asked with envelope",
        "应答方必须在线，并使用 MQTT 5，或者请求使用 envelope",
    ),
    (
        "no-reply",
        "the replier must be online, and speak MQTT 5, or be asked with envelope; a broker without P2P topics needs \
         response_topic",
        "应答方必须在线，并使用 MQTT 5，或者请求使用 envelope；不支持 P2P Topic 的 broker 需要设置 response_topic",
    ),
    (
        "no-reply",
        "the replier must be online, and read the envelope",
        "应答方必须在线，并能识别请求的封装格式（envelope）",
    ),
    (
        "no-reply",
        "the replier must be online, and read the envelope; a broker without P2P topics needs response_topic",
        "应答方必须在线，并能识别请求的封装格式（envelope）；不支持 P2P Topic 的 broker 需要设置 response_topic",
    ),
    (
        "publish-rights",
        "check that the parent topic exists and that this client may publish to it",
        "检查父级 Topic 是否存在，以及本客户端是否有发送权限",
    ),
    (
        "read-rights",
        "check that the parent topic exists and that this client may read it",
        "检查父级 Topic 是否存在，以及本客户端是否有读取权限",
    ),
    (
        "publish-cut",
        "the service cuts the connection when a topic's parent does not exist, when the AccessKey, token or device \
         has no right to it, or when a message is too large",
        "父级 Topic 不存在，AccessKey、Token 或设备没有权限，或消息太大时，服务端会断开连接",
    ),
    (
        "read-cut",
        "the service cuts the connection when a topic's parent does not exist, or when the AccessKey, token or device \
         has no right to it",
        "父级 Topic 不存在，或 AccessKey、Token 或设备没有权限时，服务端会断开连接",
    ),
    (
        "topic-refused",
        "the service cuts the connection when a topic's parent does not exist, when the AccessKey, token or device \
         has no right to it, or when a message is too large; other credentials or a new token end the refusal, and \
         refused_topic_pause sets its length",
        "父级 Topic 不存在，AccessKey、Token 或设备没有权限，或消息太大时，服务端会断开连接；换用其他凭证或新的 \
         Token 会解除这一拒绝，refused_topic_pause 设置其时长",
    ),
    (
        "taken-over",
        "two programs use one client id: give each its own",
        "两个程序使用了同一个 Client ID：请为每个程序分配各自的 Client ID",
    ),
    (
        "shared-client-id",
        "the server has closed several connections in a row soon after the login, so another program probably uses the \
         same client id: give each program its own device_id, or none",
        "服务端在登录后不久连续断开了多个连接，很可能有其他程序使用同一个 Client ID：请为每个程序设置各自的 device_id，\
         或都不设置",
    ),
    (
        "fewer-in-flight",
        "let fewer messages be unacknowledged at a time: lower window",
        "减少同时未确认的消息数：减小 window",
    ),
    (
        "smaller-message",
        "make the message smaller, or have the instance's limit raised (64 KB by default)",
        "减小消息，或申请提高实例的上限（默认 64 KB）",
    ),
    ("send-more-slowly", "send more slowly: lower max_publish_rate", "降低发送速率：减小 max_publish_rate"),
    (
        "quota",
        "the console's monitoring shows the instance's quotas and what is used of them; a lower max_publish_rate \
         sends more slowly",
        "控制台的监控显示实例的配额及用量；减小 max_publish_rate 可降低发送速率",
    ),
    (
        "not-utf-8",
        "a payload that is marked as text (payload_format_utf8) must be UTF-8",
        "标明为文本（payload_format_utf8）的消息内容必须是 UTF-8",
    ),
    ("lower-qos", "use a lower QoS", "使用更低的 QoS"),
    (
        "no-shared-subscriptions",
        "use a filter without $share: the service has no shared subscriptions",
        "使用不带 $share 的过滤器：服务端不支持共享订阅",
    ),
    ("no-identifiers", "subscribe without an identifier", "订阅时不使用订阅标识符"),
    ("no-wildcards", "subscribe to the topics by their full names", "按完整的名称订阅各个 Topic"),
    (
        "token-rights",
        "log in with a token whose resources cover this topic, and that gives this permission",
        "使用 Resources 包含该 Topic、并具有这项权限的 Token 登录",
    ),
    (
        "token-notice",
        "tokenInvalidNotice {code}: the token is forged or cannot be parsed",
        "tokenInvalidNotice {code}：Token 是伪造的或无法解析",
    ),
    ("token-notice", "tokenInvalidNotice {code}: the token has expired", "tokenInvalidNotice {code}：Token 已过期"),
    ("token-notice", "tokenInvalidNotice {code}: the token was revoked", "tokenInvalidNotice {code}：Token 已被吊销"),
    (
        "token-notice",
        "tokenInvalidNotice {code}: the token does not cover this topic",
        "tokenInvalidNotice {code}：Token 不包含该 Topic",
    ),
    (
        "token-notice",
        "tokenInvalidNotice {code}: the token does not give this permission (R, W or RW)",
        "tokenInvalidNotice {code}：Token 没有这项权限（R、W 或 RW）",
    ),
    ("token-notice", "tokenInvalidNotice {code}: the signature is invalid", "tokenInvalidNotice {code}：签名无效"),
    (
        "token-notice",
        "tokenInvalidNotice {code}: the account is not permitted",
        "tokenInvalidNotice {code}：账号没有权限",
    ),
    (
        "token-notice",
        "tokenInvalidNotice {code}: a reason that the documentation does not list",
        "tokenInvalidNotice {code}：文档没有列出的原因",
    ),
    (
        "new-token-refused",
        "is it alive, of this kind, and applied for with the AccessKey of the login?",
        "它是否有效、类型是否相符，并且是用登录所用的 AccessKey 申请的？",
    ),
    (
        "new-token",
        "log in with a new token; upload_token replaces a token before it ends, and token_provider does so by itself",
        "用新的 Token 登录；upload_token 在 Token 过期之前更换它，token_provider 会自动更换",
    ),
    (
        "no-mqtt-5",
        "MQTT 5 is for Professional, Enterprise Platinum and Serverless instances, and older ones need a ticket (help \
         page \"MQTT 5.0 overview\"); set protocol to 3.1.1",
        "MQTT 5 适用于专业版、企业铂金版和 Serverless 版实例，较早的实例需要提交工单（见帮助文档“MQTT 5.0 概述”）；把 \
         protocol 设为 3.1.1",
    ),
    (
        "no-mqtt-3.1.1",
        "this library speaks MQTT 3.1.1 here; does the instance support it?",
        "本库此处使用 MQTT 3.1.1；实例是否支持？",
    ),
    (
        "client-id-refused",
        "the client id must be GroupID@@@DeviceID, at most 64 letters, digits, '-' and '_', and the group must exist",
        "Client ID 必须是 GroupID@@@DeviceID，最多 64 个字符，只能有字母、数字、“-”和“_”，并且 Group 必须存在",
    ),
    (
        "try-later",
        "the service may be restarting or over its connection quota; try again later",
        "服务端可能正在重启，或连接数超过配额；请稍后重试",
    ),
    (
        "wrong-secret",
        "check the AccessKey secret, or whether the token has expired, was revoked or belongs to another key",
        "检查 AccessKey Secret；使用 Token 时，检查它是否已过期、已吊销，或属于另一个 AccessKey",
    ),
    (
        "not-authorized",
        "check that the instance id is the one this endpoint belongs to, that the group id exists there, and that the \
         AccessKey may use it; a token may have expired or been revoked",
        "检查实例 ID 是否与接入点一致，Group ID 是否已在该实例中创建，以及 AccessKey 是否有权使用；Token 可能已过期或\
         已吊销",
    ),
    (
        "other-code",
        "MQTT 5 has this code for more than a wrong login; see its meaning",
        "MQTT 5 的这个返回码不只表示登录有误；请看其含义",
    ),
    ("undefined-code", "the code is outside MQTT 3.1.1", "MQTT 3.1.1 没有定义这个返回码"),
    (
        "thread-limit",
        "raise the limit on processes and threads (ulimit -u; pids.max of the container or service)",
        "提高进程和线程数量的限制（ulimit -u；容器或服务的 pids.max）",
    ),
    (
        "stack-limit",
        "raise the limits on processes and threads (ulimit -u; pids.max) and on address space (ulimit -v): the stack \
         is reserved, and hardly used",
        "提高进程和线程数量的限制（ulimit -u；pids.max）以及地址空间的限制（ulimit -v）：栈只是预留的，几乎不占用内存",
    ),
    (
        "open-files",
        "this process has used up its limit of open files (ulimit -n); each connection takes three or four",
        "本进程打开的文件数已达上限（ulimit -n）；每个连接需要三到四个",
    ),
    ("dns", "check this machine's DNS", "检查本机的 DNS"),
    (
        "host-name",
        "check the spelling of the endpoint and this machine's DNS; VPC endpoints resolve only inside their VPC",
        "检查接入点的拼写和本机的 DNS；VPC 接入点只能在其 VPC 内解析",
    ),
    (
        "nothing-listens",
        "nothing listens on that port: check host and port (1883 plain, 8883 TLS; WebSocket 80, 443 with TLS)",
        "该端口没有程序在监听：检查主机和端口（明文 1883，TLS 8883；WebSocket 80，使用 TLS 时 443）",
    ),
    (
        "check-endpoint",
        "check the endpoint, the network and any firewall in between",
        "检查接入点、网络以及中间的防火墙",
    ),
    (
        "check-host",
        "check host, port and firewall; a VPC endpoint is reachable only inside its VPC",
        "检查主机、端口和防火墙；VPC 接入点只能在其 VPC 内访问",
    ),
    ("check-network", "check the network, and what stands between here and there", "检查网络，以及到服务端之间的设备"),
    (
        "overloaded",
        "the server, or something on the way, takes nothing more: is it overloaded?",
        "服务端或网络路径上的设备不再接收数据：是否过载？",
    ),
    (
        "provider-time",
        "it runs at every connect and must finish within timeout",
        "它在每次连接时运行，必须在 timeout 之内完成",
    ),
    ("ordered-messages", "does this instance support ordered messages?", "该实例是否支持顺序消息？"),
    (
        "plain-port",
        "is this a plain port (1883, or 80 for WebSocket)? Then the endpoint is mqtt://host:1883 or ws://host; TLS is \
         on 8883, or on 443 for WebSocket",
        "这是否是明文端口（1883，WebSocket 为 80）？如果是，接入点应为 mqtt://host:1883 或 ws://host；TLS 端口为 8883\
         ，WebSocket 为 443",
    ),
    ("tls-port", "is this really a TLS port (8883)? 1883 is plain", "这是否确实是 TLS 端口（8883）？1883 是明文端口"),
    ("tls-scheme", "a port with TLS needs mqtts://host:port", "TLS 端口需要 mqtts://host:port"),
    (
        "mqtt-port",
        "is this really an MQTT port (1883, or 8883 for TLS)?",
        "这是否确实是 MQTT 端口（1883，TLS 为 8883）？",
    ),
    ("mqtt-ports", "MQTT is on port 1883, or 8883 with TLS", "MQTT 的端口为 1883，TLS 为 8883"),
    (
        "mqtt-scheme",
        "is it an MQTT port, and the right kind? TLS needs mqtts://host:port, and a WebSocket ws:// or wss://; \
         without a scheme only port 8883 means TLS",
        "这是否是 MQTT 端口，类型是否正确？TLS 需要 mqtts://host:port，WebSocket 需要 ws:// 或 wss://；不写协议时，只\
         有端口 8883 表示 TLS",
    ),
    (
        "mqtt-scheme-or-version",
        "is it an MQTT port, and the right kind? TLS needs mqtts://host:port, and a WebSocket ws:// or wss://; \
         without a scheme only port 8883 means TLS. An instance without MQTT 5 may answer so, too: set protocol to \
         3.1.1",
        "这是否是 MQTT 端口，类型是否正确？TLS 需要 mqtts://host:port，WebSocket 需要 ws:// 或 wss://；不写协议时，只\
         有端口 8883 表示 TLS。不支持 MQTT 5 的实例也可能这样应答：把 protocol 设为 3.1.1",
    ),
    (
        "websocket-port",
        "is this really a WebSocket port (80, or 443 for TLS)?",
        "这是否确实是 WebSocket 端口（80，TLS 为 443）？",
    ),
    (
        "websocket-ports",
        "is it a WebSocket port? WebSocket is on 80 (ws://), or 443 with TLS (wss://); 1883 and 8883 are for mqtt:// \
         and mqtts://",
        "这是否是 WebSocket 端口？WebSocket 的端口为 80（ws://），TLS 为 443（wss://）；1883 和 8883 用于 mqtt:// 和 \
         mqtts://",
    ),
    ("websocket-path", "is the path right? The default is /mqtt", "路径是否正确？默认为 /mqtt"),
    (
        "websocket-port-and-path",
        "is this the MQTT server's WebSocket port, and is the path right? The default is /mqtt",
        "这是否是 MQTT 服务端的 WebSocket 端口，路径是否正确？默认为 /mqtt",
    ),
    (
        "websocket-redirect",
        "redirects are not followed: give the address it points to as the endpoint",
        "不跟随重定向：请用它指向的地址作为接入点",
    ),
    (
        "websocket-barred",
        "something in front of the MQTT server wants a login, or bars the way",
        "MQTT 服务端前面的设备要求登录，或禁止访问",
    ),
    (
        "websocket-gateway",
        "a gateway may have no MQTT server to pass this on to; try again later",
        "网关后面可能没有可转发的 MQTT 服务端；请稍后重试",
    ),
    (
        "websocket-upgrade",
        "a list with that word in it, such as \"keep-alive, Upgrade\", is right (RFC 6455, section 4.1), but the \
         WebSocket library in use refuses it: have the gateway in front of the server send \"Connection: Upgrade\"",
        "值为包含该词的列表（例如 \"keep-alive, Upgrade\"）本来是正确的（RFC 6455 第 4.1 节），但所用的 WebSocket 库\
         会拒绝：请让服务端前面的网关发送 \"Connection: Upgrade\"",
    ),
    (
        "proxy-other-2xx",
        "this means success (RFC 9110, section 9.3.6), but the underlying proxy library accepts 200 only: configure \
         the proxy to answer 200",
        "这表示成功（RFC 9110 第 9.3.6 节），但所用的代理库只接受 200：请把代理配置为应答 200",
    ),
    (
        "proxy-login",
        "check user name and password: set proxy_credentials, or write them in the URL of proxy \
         (http://user:password@host:port); the only supported scheme is Basic",
        "检查用户名和密码：设置 proxy_credentials，或写在 proxy 的 URL 中（http://user:password@host:port）；只支持 \
         Basic 方式",
    ),
    (
        "proxy-port-barred",
        "many proxies allow port 443 only; have the proxy allow the host and port of the endpoint",
        "许多代理只允许端口 443；请让代理允许接入点的主机和端口",
    ),
    ("proxy-busy", "the proxy says that there are too many requests; try again later", "代理表示请求过多；请稍后重试"),
    (
        "proxy-upstream",
        "the proxy could not find or reach the server: check the endpoint; VPC endpoints resolve only inside their VPC",
        "代理找不到或无法访问服务端：请检查接入点；VPC 接入点只能在其 VPC 内解析",
    ),
    ("proxy-connect", "is it an HTTP proxy that allows CONNECT?", "这是否是允许 CONNECT 的 HTTP 代理？"),
    ("not-a-proxy", "is it the host and port of an HTTP proxy?", "这是否是 HTTP 代理的主机和端口？"),
    (
        "proxy-closed",
        "is it the host and port of an HTTP proxy, and does it allow this machine?",
        "这是否是 HTTP 代理的主机和端口，它是否允许本机使用？",
    ),
    (
        "proxy-silent",
        "is it an HTTP proxy? It may be trying in vain to reach the server: check the endpoint, too",
        "这是否是 HTTP 代理？它可能连不上服务端：请同时检查接入点",
    ),
    ("proxy-host-name", "check the spelling of the proxy and this machine's DNS", "检查代理的拼写和本机的 DNS"),
    (
        "proxy-nothing-listens",
        "nothing listens on that port: check host and port of the proxy",
        "该端口没有程序在监听：检查代理的主机和端口",
    ),
    ("proxy-network", "check the proxy, the network and any firewall in between", "检查代理、网络以及中间的防火墙"),
    ("proxy-firewall", "check host and port of the proxy, and any firewall", "检查代理的主机和端口，以及防火墙"),
    ("tls-versions", "this library speaks TLS 1.2 and 1.3", "本库支持 TLS 1.2 和 1.3"),
    ("check-clock", "check this machine's date and time first", "先检查本机的日期和时间"),
    (
        "certificate-name",
        "connect by the domain name that the console shows, not by an IP address or an alias of your own",
        "用控制台显示的域名连接，不要用 IP 地址或自己的别名",
    ),
    (
        "certificate-without-name",
        "have it issued with subjectAltName; a common name (CN) alone is no longer accepted",
        "重新签发含有 subjectAltName 的证书；只有通用名称（CN）已不被接受",
    ),
    (
        "unknown-issuer",
        "does the server send its whole chain, with the intermediate certificate, and is nothing in between \
         intercepting TLS? For a private CA, set ca_file to its certificate",
        "服务端是否发送了包括中间证书在内的完整证书链，中间是否有设备拦截 TLS？使用私有 CA 时，把 ca_file 设为其证书",
    ),
    (
        "self-signed",
        "trust it by name: set ca_file to it, or have the server use a certificate that a trusted CA has signed",
        "指定信任它：把 ca_file 设为该证书；或让服务端使用由受信任的 CA 签发的证书",
    ),
    (
        "no-intermediate",
        "most often the server is set up without its intermediate certificate: have it send the whole chain, its own \
         certificate first (fullchain.pem). For a private CA, set ca_file to its certificate",
        "最常见的原因是服务端没有配置中间证书：请让它发送完整的证书链，自己的证书在最前（fullchain.pem）。使用私有 CA \
         时，把 ca_file 设为其证书",
    ),
    (
        "untrusted-root",
        "is something between here and the server intercepting TLS? For a private CA, set ca_file to its certificate",
        "到服务端之间是否有设备拦截 TLS？使用私有 CA 时，把 ca_file 设为其证书",
    ),
    (
        "weak-issuer",
        "make a new CA with an RSA key of 2,048 bits or more, or an ECDSA key",
        "用至少 2,048 位的 RSA 密钥或 ECDSA 密钥重新生成 CA",
    ),
    (
        "weak-key",
        "make a new certificate for the server, with an RSA key of 2,048 bits or more, or an ECDSA key",
        "用至少 2,048 位的 RSA 密钥或 ECDSA 密钥为服务端重新生成证书",
    ),
    (
        "bad-signature",
        "if a CA certificate was given, is it the right one of several with the same name?",
        "如果指定了 CA 证书，它是否是几个同名证书中正确的那一个？",
    ),
    (
        "certificate-purpose",
        "have it issued with the extended key usage serverAuth",
        "重新签发扩展密钥用法为 serverAuth 的证书",
    ),
    ("old-signature", "have it signed with SHA-256 or better", "改用 SHA-256 或更好的算法签名"),
    (
        "unknown-signature",
        "have it signed with RSA (2,048 bits or more) or ECDSA, and SHA-256 or better",
        "改用 RSA（至少 2,048 位）或 ECDSA，并使用 SHA-256 或更好的算法签名",
    ),
    (
        "unknown-extension",
        "have it issued without that extension, or without calling it critical",
        "重新签发不含该扩展的证书，或不把它标为关键扩展",
    ),
    ("ca-as-server", "make a server certificate that is signed by this CA", "生成由该 CA 签发的服务端证书"),
    (
        "certificate-version",
        "have it issued with version 3: with openssl x509 -req, by an -extfile that has subjectAltName",
        "重新签发第 3 版证书：使用 openssl x509 -req 时，用 -extfile 指定 subjectAltName",
    ),
    (
        "issuer-not-ca",
        "have the issuer's certificate made with the basic constraint CA:TRUE",
        "让签发者的证书带有基本约束 CA:TRUE",
    ),
    (
        "name-constraint",
        "connect by a name within the CA's name constraints, or have another CA issue the certificate",
        "用 CA 名称约束之内的域名连接，或由另一个 CA 签发证书",
    ),
    (
        "path-length",
        "have the certificate issued closer to that CA, or a path length of the CA that allows for it",
        "由更接近该 CA 的上级签发证书，或放宽该 CA 的路径长度",
    ),
    (
        "client-certificate",
        "the instance has mutual TLS switched on: set client_certificate_files to the device's certificate and key",
        "该实例启用了双向 TLS：把 client_certificate_files 设为设备的证书和私钥",
    ),
    (
        "handshake-broken",
        "it may require a client certificate (client_certificate_files), or have no cipher in common",
        "它可能要求客户端证书（client_certificate_files），或没有共同的加密套件",
    ),
    (
        "client-certificate-ca",
        "its CA must be registered and activated in the console, and the key must belong to it",
        "其 CA 必须在控制台注册并激活，并且私钥必须与证书匹配",
    ),
    ("renew-client-certificate", "renew the client certificate", "更新客户端证书"),
    (
        "domain-bound",
        "is the domain bound to the instance, with its own certificate?",
        "该域名是否已绑定到实例，并配有自己的证书？",
    ),
    ("nothing-trusted", "set ca_file or ca_pem", "设置 ca_file 或 ca_pem"),
    ("save-as-pem", "save it as UTF-8, or as PEM (Base64)", "另存为 UTF-8，或 PEM（Base64）格式"),
    (
        "pem-certificate",
        "a PEM file has lines like -----BEGIN CERTIFICATE-----",
        "PEM 文件中有 -----BEGIN CERTIFICATE----- 这样的行",
    ),
    (
        "pem-certificate-line",
        "each begins with a line that is -----BEGIN CERTIFICATE----- and nothing else",
        "每个证书的第一行是 -----BEGIN CERTIFICATE-----，不含其他内容",
    ),
    (
        "pem-key",
        "a PEM file has a line like -----BEGIN PRIVATE KEY-----",
        "PEM 文件中有 -----BEGIN PRIVATE KEY----- 这样的行",
    ),
    (
        "decrypt-key",
        "decrypt it first, for example with: openssl pkey -in FILE -out NEW_FILE",
        "请先解密，例如：openssl pkey -in FILE -out NEW_FILE",
    ),
    ("pem-damaged", "is the file complete and unchanged?", "文件是否完整、未被改动？"),
    ("disk-slow", "the disk does not respond, or is slow", "磁盘没有响应，或速度很慢"),
    ("disk-full", "the disk is full: free some space", "磁盘已满：请释放一些空间"),
    ("no-directory", "its directory must exist", "其所在目录必须存在"),
    (
        "no-write-right",
        "this user needs write permission for the file and its directory",
        "当前用户需要该文件及其目录的写权限",
    ),
    ("disk-errors", "check the system's log for errors of the disk", "检查系统日志中的磁盘错误"),
    (
        "spool-in-use",
        "one client at a time can use a spool: end the other one, or set another path; a child forked from the other \
         process holds the lock, too",
        "同一时间只能有一个客户端使用 spool：请结束另一个客户端，或设置另一个路径；由另一个进程 fork 出的子进程也持有\
         该锁",
    ),
    (
        "spool-damaged",
        "nothing was changed and nothing is sent; move the file away to start with an empty spool, or set \
         set_aside_damaged; the messages in it are not sent then",
        "没有做任何改动，也没有发送任何消息；请移走该文件以使用空的 spool，或设置 set_aside_damaged；此时其中的消息不\
         会发送",
    ),
    (
        "spool-of-another",
        "use a separate spool for each instance and endpoint; the messages in this one are sent by a client with its \
         instance and endpoint",
        "为每个实例和接入点使用单独的 spool；这个 spool 中的消息由使用其实例和接入点的客户端发送",
    ),
    (
        "spool-newer",
        "it was written by a newer version: use that one, at least until it has sent these messages",
        "它由更新的版本写入：使用该版本，至少到它把这些消息发送完为止",
    ),
    ("api-region", "set region, such as cn-hangzhou", "设置 region，例如 cn-hangzhou"),
    (
        "api-vpc",
        "vpc chooses between the addresses of a region: set region or endpoint, not both",
        "vpc 用于选择一个地域的不同地址：设置 region 或 endpoint，不要同时设置",
    ),
    ("api-lifetime", "set lifetime instead", "请改为设置 lifetime"),
    (
        "api-one-of-each-kind",
        "a client holds one of each kind; join their topics",
        "一个客户端每种类型只持有一个 Token；请把它们的 Topic 合并",
    ),
    (
        "api-url-length",
        "the API takes parameters in the URL, where a letter of Chinese takes 9 bytes; send large messages by MQTT \
         instead",
        "API 的参数放在 URL 中，一个汉字占 9 个字节；大的消息请通过 MQTT 发送",
    ),
    ("api-url", "is the URL that of the API?", "该 URL 是否是 API 的？"),
    (
        "api-url-or-proxy",
        "is the URL the one of the API, and is there a proxy in between?",
        "该 URL 是否是 API 的，中间是否有代理？",
    ),
    (
        "api-url-or-login",
        "the URL is not that of the API, or a proxy requires a login",
        "该 URL 不是 API 的，或代理要求登录",
    ),
    (
        "api-not-json",
        "this is not the API; is the URL right, and is there a proxy or a login page in between?",
        "这不是 API；URL 是否正确，中间是否有代理或登录页面？",
    ),
    (
        "api-lost",
        "if it is lost each time: is the URL the one of the API, with the right scheme and port?",
        "如果每次都断开：该 URL 是否是 API 的，协议和端口是否正确？",
    ),
    (
        "api-host-name",
        "check the region or URL and this machine's DNS; VPC endpoints resolve only inside their VPC",
        "检查地域或 URL，以及本机的 DNS；VPC 接入点只能在其 VPC 内解析",
    ),
    (
        "api-nothing-listens",
        "nothing listens on that port: check host and port",
        "该端口没有程序在监听：检查主机和端口",
    ),
    ("api-network", "check the URL, the network and any firewall in between", "检查 URL、网络以及中间的防火墙"),
    ("api-https-port", "is this really an HTTPS port (443)?", "这是否确实是 HTTPS 端口（443）？"),
    ("api-plain-port", "is it a plain port? https is on 443", "这是否是明文端口？https 的端口为 443"),
    (
        "api-proxy-silent",
        "is it an HTTP proxy? It may be trying in vain to reach the server",
        "这是否是 HTTP 代理？它可能连不上服务端",
    ),
    (
        "api-token-rate",
        "an account may apply for 100 tokens a second; keep a token until it expires instead of applying at each \
         connect",
        "每个账号每秒最多申请 100 个 Token；请在 Token 过期之前一直使用，不要每次连接都申请",
    ),
    (
        "api-rate",
        "there are too many calls of this account (RevokeToken: 5 a second, most others 100 to 500)",
        "该账号的调用过多（RevokeToken 每秒 5 次，其他大多为每秒 100 到 500 次）",
    ),
    (
        "api-not-supported",
        "this region or kind of instance does not offer the operation",
        "该地域或该类型的实例不提供这项操作",
    ),
    (
        "api-temporary-key",
        "the account of the temporary key (STS) was not found; do key and security token belong together?",
        "找不到临时 AccessKey（STS）所属的账号；AccessKey 与安全令牌是否匹配？",
    ),
    (
        "api-instance-rights",
        "the instance must exist in this region and belong to the account, and a RAM user needs the permissions \
         mq:MqttInstanceAccess and mq:{action}",
        "该地域必须有这个实例，并且实例属于该账号；RAM 用户需要 mq:MqttInstanceAccess 和 mq:{action} 权限",
    ),
    (
        "api-rights",
        "instance, topic and group must exist and belong to the account, and a RAM user needs the permissions \
         mq:MqttInstanceAccess and mq:{action}",
        "实例、Topic 和 Group 必须存在，并且属于该账号；RAM 用户需要 mq:MqttInstanceAccess 和 mq:{action} 权限",
    ),
    ("api-parameter", "a parameter is missing or wrong", "缺少参数，或参数不正确"),
    (
        "api-parameter-or-name",
        "a parameter is missing or wrong; do the instance, topic and group exist in this region?",
        "缺少参数，或参数不正确；该地域是否有这个实例、Topic 和 Group？",
    ),
    (
        "api-access-key-id",
        "the service does not know this AccessKey id: it is misspelled, deleted, or a temporary one (STS) that has \
         expired",
        "服务端不认识这个 AccessKey ID：它拼写有误、已被删除，或是已过期的临时 AccessKey（STS）",
    ),
    (
        "api-clock",
        "requests are valid for minutes only; is this machine's clock right?",
        "请求只在几分钟内有效；本机的时钟是否准确？",
    ),
    (
        "api-clock-skew",
        "this machine's clock is {amount} ahead of the server's, and requests carry the time; set the clock",
        "本机的时钟比服务端快 {amount}，而请求中带有时间；请校准时钟",
    ),
    (
        "api-clock-skew",
        "this machine's clock is {amount} behind the server's, and requests carry the time; set the clock",
        "本机的时钟比服务端慢 {amount}，而请求中带有时间；请校准时钟",
    ),
    (
        "api-clock-skew",
        "this machine's clock is {amount} ahead of the server's, and requests carry the time; set the clock; {hint}",
        "本机的时钟比服务端快 {amount}，而请求中带有时间；请校准时钟；{hint}",
    ),
    (
        "api-clock-skew",
        "this machine's clock is {amount} behind the server's, and requests carry the time; set the clock; {hint}",
        "本机的时钟比服务端慢 {amount}，而请求中带有时间；请校准时钟；{hint}",
    ),
    (
        "api-repeated",
        "something repeats requests on their way; is there a proxy?",
        "请求在途中被重复发送；中间是否有代理？",
    ),
    ("api-fault", "the service itself failed; try again later", "服务端自身出错；请稍后重试"),
    (
        "api-wrong-secret",
        "both sides signed the same text, so the AccessKey secret is wrong",
        "双方签名的文本相同，因此是 AccessKey Secret 不正确",
    ),
    (
        "api-changed-request",
        "the server signed another text than this side, so something changes requests on their way; is there a proxy?",
        "服务端签名的文本与本机不同，因此请求在途中被改动；中间是否有代理？",
    ),
    ("api-secret-of-key", "is this the secret of this AccessKey id?", "这是否是该 AccessKey ID 的 Secret？"),
    (
        "key-chain",
        "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, run `aliyun configure`, or give the \
         machine a RAM role",
        "设置 ALIBABA_CLOUD_ACCESS_KEY_ID 和 ALIBABA_CLOUD_ACCESS_KEY_SECRET、运行 `aliyun configure`，或为 ECS 实例授予 RAM 角色",
    ),
    (
        "permanent-key-only",
        "the user name of a login has no field for its security token; set auth to token: the client then applies \
         for tokens with this key, and renews them",
        "登录用户名中没有存放安全令牌的字段；请把 auth 设为 token：客户端会用该 AccessKey 申请 Token 并自动更新",
    ),
];
