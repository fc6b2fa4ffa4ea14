//! The causes and cures of `doctor`, in the order of its causes.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    ("a required setting is missing", "缺少一项必需的设置"),
    (
        "provide it as the message says; `aliyun-mqtt config show` tells what is set, where it comes from, and what \
         is missing",
        "按错误信息补上该设置；`aliyun-mqtt config show` 显示已有的设置、各自的来源，以及还缺什么",
    ),
    ("a setting has an invalid value", "一项设置的值无效"),
    ("correct the value where the message says it comes from", "到错误信息指出的来源处改正该值"),
    ("the endpoint is not a host, host:port or URL", "接入点不是 host、host:port 或 URL"),
    (
        "copy the endpoint (接入点) from the instance's page in the console: mqtts://{endpoint}:8883, \
         mqtt://{endpoint}:1883 or wss://{endpoint}:443",
        "从控制台的实例页面复制接入点：mqtts://{接入点}:8883、mqtt://{接入点}:1883 或 wss://{接入点}:443",
    ),
    ("this is the address of the service's API, not of an instance", "这是服务端 API 的地址，不是实例的接入点"),
    (
        "use the instance's endpoint (接入点), {instance id}.mqtt.aliyuncs.com; the API's address belongs in \
         --api-endpoint",
        "使用实例的接入点 {实例 ID}.mqtt.aliyuncs.com；API 的地址应填在 --api-endpoint 中",
    ),
    (
        "this endpoint is for the cloud SDK, which speaks AMQP on port 5672, not MQTT",
        "这是云端 SDK 的接入点，它在端口 5672 上使用 AMQP，而不是 MQTT",
    ),
    (
        "use the instance's MQTT endpoint (接入点), {instance id}.mqtt.aliyuncs.com, or {instance \
         id}-internal-vpc.mqtt.aliyuncs.com inside its VPC",
        "使用实例的 MQTT 接入点 {实例 ID}.mqtt.aliyuncs.com；在实例的 VPC 内可用 {实例 \
         ID}-internal-vpc.mqtt.aliyuncs.com",
    ),
    (
        "the endpoint is an IP address; the service supports only its domain names and changes addresses without \
         notice",
        "接入点是 IP 地址；服务端只支持域名，地址变更时不另行通知",
    ),
    (
        "use the endpoint (接入点) that the console shows; a TLS certificate is valid for that name only",
        "使用控制台显示的接入点；TLS 证书只对该域名有效",
    ),
    (
        "the connection is not encrypted; anyone on the network path can read messages and tokens",
        "连接没有加密；网络路径上的任何人都能读取消息和 Token",
    ),
    (
        "use mqtts:// (8883) or wss:// (443); every kind of instance supports TLS",
        "使用 mqtts://（8883）或 wss://（443）；所有类型的实例都支持 TLS",
    ),
    ("the endpoint belongs to a different instance than the instance id", "接入点所属的实例与实例 ID 不一致"),
    (
        "copy the instance id (实例 ID) and the endpoint (接入点) from the same instance's page in the console",
        "从控制台的同一个实例页面复制实例 ID 和接入点",
    ),
    (
        "the group id breaks a rule: 7 to 64 letters, digits, - and _, starting with GID_ or GID-",
        "Group ID 不符合规则：7 到 64 个字符，只能有字母、数字、- 和 _，并以 GID_ 或 GID- 开头",
    ),
    ("copy the Group ID from the console's group management (Group 管理)", "从控制台的 Group 管理页面复制 Group ID"),
    (
        "the device id breaks a rule: only letters, digits, - and _ are allowed",
        "Device ID 不符合规则：只能有字母、数字、- 和 _",
    ),
    ("choose another device id (Device ID)", "换一个 Device ID"),
    ("the client id, GroupID@@@DeviceID, has more than 64 characters", "Client ID（GroupID@@@DeviceID）超过 64 个字符"),
    ("choose a shorter device id (Device ID) or a shorter Group ID", "换一个更短的 Device ID 或 Group ID"),
    (
        "a device credential is valid for one client id, and no device id is given",
        "设备凭证只对一个 Client ID 有效，而没有给出 Device ID",
    ),
    (
        "give the --device-id for which the device credential (一机一密) was registered",
        "用 --device-id 给出注册设备凭证（一机一密）时的 Device ID",
    ),
    (
        "the topic breaks a rule: levels of letters, digits, - and _, separated by /, at least 3 characters in all, \
         no wildcards",
        "Topic 不符合规则：各级由字母、数字、- 和 _ 组成，以 / 分隔，总长至少 3 个字符，不能有通配符",
    ),
    (
        "correct the topic; its first level is the parent topic (父级 Topic) as created in the console",
        "改正 Topic；第一级是在控制台创建的父级 Topic",
    ),
    (
        "the topic has more than 128 characters; the service would close the connection",
        "Topic 超过 128 个字符；服务端会断开连接",
    ),
    ("shorten the parent topic or the levels below it", "缩短父级 Topic 或其下的各级"),
    (
        "the topic has more than 64 characters, the limit in the help pages; the demos say 128",
        "Topic 超过帮助文档规定的 64 个字符；官方示例中为 128",
    ),
    ("shorten the topic if messages do not arrive", "如果消息收不到，请缩短 Topic"),
    ("a secret cannot be read from the place where it is configured", "无法从所配置的位置读取密钥"),
    (
        "make the file, variable or command in the message provide the secret",
        "检查错误信息中的文件、环境变量或命令能否读出密钥",
    ),
    (
        "the secret ends with a space or &, probably copied by mistake (the & belongs to old API signatures only)",
        "密钥以空格或 & 结尾，可能是复制时带上的（& 只用于旧版 API 签名）",
    ),
    ("copy the secret again, without anything added", "重新复制密钥，不要带上其他字符"),
    (
        "the AccessKey id starts with DC., as the ids of device credentials do, but the login does not use a device \
         credential",
        "AccessKey ID 以 DC. 开头，这是设备凭证的 ID，但登录方式不是设备凭证",
    ),
    (
        "use --auth device with --device-access-key-id and --device-access-key-secret-file",
        "使用 --auth device，并给出 --device-access-key-id 和 --device-access-key-secret-file",
    ),
    (
        "the device's AccessKey id does not start with DC., as the documented ids do; it is probably the AccessKey of \
         an account",
        "设备的 AccessKey ID 不像文档所说的那样以 DC. 开头；可能是账号的 AccessKey",
    ),
    (
        "use the credential of this device (一机一密); `aliyun-mqtt credential` shows or creates it",
        "使用该设备的凭证（一机一密）；用 `aliyun-mqtt credential` 查看或注册",
    ),
    (
        "the AccessKey is temporary (STS), and a login has no field for its security token; signature mode probably \
         rejects it",
        "这是临时 AccessKey（STS），而登录信息中没有安全令牌的位置；签名鉴权很可能会拒绝它",
    ),
    (
        "use --auth token; a temporary AccessKey can apply for tokens",
        "使用 --auth token；临时 AccessKey 可以申请 Token",
    ),
    (
        "the token text is not RW|..., R|... or W|..., nor several of these joined by |",
        "Token 的文本不是 RW|...、R|... 或 W|...，也不是用 | 连接的若干个",
    ),
    ("put the kind before the token: RW|{token}", "在 Token 前面加上类型：RW|{Token}"),
    ("this machine's DNS does not know the endpoint's host name", "本机的 DNS 查不到接入点的域名"),
    (
        "compare its spelling with the endpoint (接入点) in the console, and check that the instance still exists",
        "与控制台中的接入点核对拼写，并确认实例仍然存在",
    ),
    (
        "this is a VPC endpoint, and this machine is probably not in that VPC",
        "这是 VPC 接入点，而本机可能不在该 VPC 内",
    ),
    (
        "run inside the instance's VPC, or use the public endpoint (公网接入点), {instance id}.mqtt.aliyuncs.com",
        "在实例的 VPC 内运行，或使用公网接入点 {实例 ID}.mqtt.aliyuncs.com",
    ),
    ("this machine's DNS cannot be reached, or has no answer at the moment", "无法访问本机的 DNS，或 DNS 暂时没有结果"),
    ("check this machine's network and its name servers", "检查本机的网络和 DNS 服务器"),
    ("this machine's DNS did not answer in time", "本机的 DNS 没有及时应答"),
    (
        "check this machine's name servers; a firewall may drop the queries",
        "检查本机的 DNS 服务器；防火墙可能丢弃了查询",
    ),
    ("the host is reachable, but nothing listens on that port", "主机可达，但该端口没有程序在监听"),
    (
        "check the port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://; a firewall may also refuse the connection",
        "检查端口：1883 mqtt://、8883 mqtts://、80 ws://、443 wss://；也可能是防火墙拒绝了连接",
    ),
    (
        "no answer: a firewall probably drops the packets, or a VPC endpoint is used from outside its VPC",
        "没有应答：可能是防火墙丢弃了数据包，也可能是在 VPC 之外使用了 VPC 接入点",
    ),
    (
        "allow outgoing connections to 1883, 8883, 80 or 443 by host name, not by IP address; outside the VPC use the \
         public endpoint (公网接入点)",
        "按域名而不是按 IP 地址放行到 1883、8883、80 或 443 的出方向连接；在 VPC 之外使用公网接入点",
    ),
    ("this machine has no route to the host", "本机没有到达该主机的路由"),
    ("check this machine's network, routes and firewall", "检查本机的网络、路由和防火墙"),
    (
        "this machine does not trust the issuer of the server's certificate: something intercepts TLS, or the CA is \
         private",
        "本机不信任服务端证书的签发者：TLS 被中间设备拦截，或该 CA 是私有的",
    ),
    (
        "find the issuer with `aliyun-mqtt doctor -v`; if it is your company's proxy or your own CA, give its \
         certificate with --ca-file; if it is a public CA, configure the server to send its intermediate certificate, \
         too; if you do not know the issuer, do not connect",
        "用 `aliyun-mqtt doctor -v` 查看签发者；如果是公司的代理或自己的 CA，用 --ca-file 指定其证书；如果是公共 CA，\
         让服务端同时发送中间证书；如果不认识该签发者，请不要连接",
    ),
    (
        "the server sends its own certificate without the intermediate certificate of its issuer, so no CA that this \
         machine trusts can be found",
        "服务端只发送了自己的证书，没有发送签发者的中间证书，因此找不到本机信任的 CA",
    ),
    (
        "configure the server to send the whole chain, its own certificate first (fullchain.pem); if the issuer is \
         your own CA, give its certificate with --ca-file",
        "让服务端发送完整的证书链，自己的证书在最前（fullchain.pem）；如果签发者是自己的 CA，用 --ca-file 指定其证书",
    ),
    ("the server's certificate is self-signed", "服务端的证书是自签名的"),
    (
        "if the server is yours, give this certificate with --ca-file or use one that a CA has signed; otherwise do \
         not connect",
        "如果服务端是自己的，用 --ca-file 指定该证书，或改用由 CA 签发的证书；否则请不要连接",
    ),
    (
        "the server's certificate has X.509 version 1, which has no names and no purpose",
        "服务端的证书是 X.509 第 1 版，没有域名和用途",
    ),
    (
        "create a version 3 certificate; with openssl x509 -req, pass an -extfile that contains subjectAltName",
        "重新生成第 3 版证书；使用 openssl x509 -req 时，加上含有 subjectAltName 的 -extfile",
    ),
    (
        "the server's certificate is valid for no name: it has no subject alternative name (SAN), and the common name \
         is no longer used",
        "服务端的证书对任何域名都无效：它没有使用者可选名称（SAN），而通用名称（CN）已不再使用",
    ),
    ("create the certificate with subjectAltName", "生成含有 subjectAltName 的证书"),
    (
        "an RSA key in the server's certificate chain, or the key of its CA, has fewer than 2,048 bits",
        "服务端证书链中的 RSA 密钥或其 CA 的密钥不足 2,048 位",
    ),
    (
        "recreate the certificate or the CA with an RSA key of at least 2,048 bits, or an ECDSA key",
        "用至少 2,048 位的 RSA 密钥或 ECDSA 密钥重新生成证书或 CA",
    ),
    (
        "one of the server's certificates is signed with a method that is not accepted, such as SHA-1",
        "服务端的某个证书使用了不被接受的签名方法，例如 SHA-1",
    ),
    ("sign it with RSA or ECDSA and SHA-256 or better", "改用 RSA 或 ECDSA，并使用 SHA-256 或更好的算法签名"),
    (
        "the extended key usage of the server's certificate does not allow servers",
        "服务端证书的扩展密钥用法不允许用于服务端",
    ),
    ("create the certificate with the extended key usage serverAuth", "生成扩展密钥用法为 serverAuth 的证书"),
    (
        "the certificate above the server's may not issue it: it is not a CA, or the CA's constraints exclude the \
         name or the chain length",
        "服务端证书的上级证书无权签发它：它不是 CA，或 CA 的约束排除了该域名或证书链长度",
    ),
    (
        "have the certificate issued by a CA that may issue it (CA:TRUE, name constraints, path length)",
        "由有权签发的 CA 签发证书（CA:TRUE、名称约束、路径长度）",
    ),
    ("the server's certificate has expired, or this machine's clock is wrong", "服务端的证书已过期，或本机时钟不准"),
    (
        "check this machine's date first; then renew the certificate of your domain in the console's certificate \
         management",
        "先检查本机的日期；然后在控制台的证书管理中更新自有域名的证书",
    ),
    (
        "the server's certificate is not valid yet; this machine's clock is probably behind",
        "服务端的证书尚未生效；本机的时钟可能慢了",
    ),
    ("set this machine's date and time", "校准本机的日期和时间"),
    ("the server's certificate is for another name", "服务端的证书属于另一个域名"),
    (
        "connect to the endpoint (接入点) that the console shows, not to an IP address or an alias; a domain of your \
         own needs a certificate bound to the instance",
        "连接到控制台显示的接入点，而不是 IP 地址或别名；自有域名需要在实例上绑定证书",
    ),
    (
        "the server's certificate is rejected for another reason, which the message names",
        "服务端的证书因其他原因被拒绝，见错误信息",
    ),
    (
        "create a valid server certificate, signed by a CA that this machine trusts",
        "生成有效的服务端证书，由本机信任的 CA 签发",
    ),
    ("the server's certificate expires within days", "服务端的证书将在几天内过期"),
    (
        "if the domain is yours, renew its certificate in the console's certificate management",
        "如果是自有域名，请在控制台的证书管理中更新证书",
    ),
    ("the endpoint uses TLS, but the port does not speak it", "接入点使用 TLS，但该端口不支持"),
    (
        "use mqtt:// or ws:// for this port, or the TLS port: 8883 for mqtts://, 443 for wss://",
        "对该端口使用 mqtt:// 或 ws://，或改用 TLS 端口：mqtts:// 为 8883，wss:// 为 443",
    ),
    ("the connection was closed during the TLS handshake", "TLS 握手期间连接被断开"),
    (
        "check the port (TLS: 8883, 443); a firewall or proxy may block TLS to this name",
        "检查端口（TLS 为 8883、443）；防火墙或代理可能阻止到该域名的 TLS 连接",
    ),
    ("the TLS handshake got no answer", "TLS 握手没有得到应答"),
    (
        "check that it is a TLS port (8883, or 443 for wss://); something on the network path may drop the packets",
        "检查是否为 TLS 端口（8883，wss:// 为 443）；网络路径上可能有设备丢弃了数据包",
    ),
    ("client and server share no TLS version or cipher", "客户端与服务端没有共同的 TLS 版本或加密套件"),
    (
        "enable TLS 1.2 or 1.3 on the server, or on the older device between; this program speaks no other version",
        "在服务端或中间的旧设备上启用 TLS 1.2 或 1.3；本程序不支持其他版本",
    ),
    (
        "the server requires a client certificate, or rejects the given one: mutual TLS is on",
        "服务端要求客户端证书，或拒绝了给出的证书：已启用双向 TLS",
    ),
    (
        "give --client-cert-file and --client-key-file, signed by a CA that is registered and active in the console",
        "给出 --client-cert-file 和 --client-key-file，证书须由在控制台注册并激活的 CA 签发",
    ),
    ("a certificate or key file cannot be used", "证书或密钥文件无法使用"),
    (
        "give a readable PEM file that contains -----BEGIN CERTIFICATE-----",
        "给出可读的 PEM 文件，其中含有 -----BEGIN CERTIFICATE-----",
    ),
    (
        "this machine's clock is wrong by more than 15 minutes, so the API rejects signed requests",
        "本机时钟的误差超过 15 分钟，因此 API 会拒绝签名请求",
    ),
    ("set the clock and synchronize it with NTP", "校准时钟，并用 NTP 保持同步"),
    (
        "this machine's clock is off, so tokens expire too early or too late; beyond 15 minutes the API rejects \
         requests",
        "本机时钟有误差，因此 Token 会过早或过晚过期；超过 15 分钟时 API 会拒绝请求",
    ),
    ("the port speaks TLS, but the endpoint uses a plain connection", "该端口使用 TLS，但接入点使用明文连接"),
    ("use mqtts:// (8883) or wss:// (443)", "使用 mqtts://（8883）或 wss://（443）"),
    (
        "the port speaks WebSocket, but the endpoint uses MQTT without it",
        "该端口使用 WebSocket，但接入点使用不带 WebSocket 的 MQTT",
    ),
    (
        "use ws:// (80) or wss:// (443), or the MQTT port: 1883, or 8883 with TLS",
        "使用 ws://（80）或 wss://（443），或改用 MQTT 端口：1883，TLS 为 8883",
    ),
    (
        "the port speaks MQTT without WebSocket, but the endpoint uses WebSocket",
        "该端口使用不带 WebSocket 的 MQTT，但接入点使用 WebSocket",
    ),
    (
        "use mqtt:// (1883) or mqtts:// (8883), or the WebSocket port: 80, or 443 with TLS",
        "使用 mqtt://（1883）或 mqtts://（8883），或改用 WebSocket 端口：80，TLS 为 443",
    ),
    (
        "the HTTP server requires its own login for the WebSocket, or forbids it (401, 403)",
        "HTTP 服务器要求 WebSocket 另行登录，或禁止访问（401、403）",
    ),
    (
        "check the gateway in front of the service, or connect without it; the MQTT login is not used for HTTP",
        "检查服务端前面的网关，或不经过它连接；MQTT 的登录信息不用于 HTTP",
    ),
    (
        "the HTTP server redirects to another address on the same host; redirects are not followed",
        "HTTP 服务器重定向到同一主机的另一个地址；本程序不跟随重定向",
    ),
    ("use that address as the endpoint; https:// corresponds to wss://", "用该地址作为接入点；https:// 对应 wss://"),
    (
        "the HTTP server demands an upgrade that was requested (426); something on the network path probably removes \
         the request",
        "HTTP 服务器要求升级协议，而请求中已有（426）；可能被网络路径上的设备去掉了",
    ),
    (
        "configure the gateway or proxy to pass the headers Upgrade and Connection; wss:// avoids most of these \
         problems",
        "让网关或代理传递 Upgrade 和 Connection 头；使用 wss:// 可避免大多数此类问题",
    ),
    (
        "a gateway answers, but has no server behind it at the moment (429, 5xx)",
        "网关有应答，但后面暂时没有服务器（429、5xx）",
    ),
    (
        "try again later, and check the gateway; the console shows whether the instance is running",
        "稍后重试，并检查网关；控制台显示实例是否正在运行",
    ),
    (
        "the server accepts the WebSocket, but not the sub-protocol mqtt, which MQTT requires; it probably serves \
         something else",
        "服务器接受 WebSocket，但不接受 MQTT 所需的子协议 mqtt；它提供的可能是其他服务",
    ),
    ("check the path of the endpoint; the usual one is /mqtt", "检查接入点的路径；通常为 /mqtt"),
    (
        "the server accepts the WebSocket, but its answer is invalid (RFC 6455: Upgrade, Connection, \
         Sec-WebSocket-Accept)",
        "服务器接受 WebSocket，但应答无效（RFC 6455：Upgrade、Connection、Sec-WebSocket-Accept）",
    ),
    (
        "check the gateway or proxy on the network path, which probably changes the headers",
        "检查网络路径上的网关或代理，它可能改动了 HTTP 头",
    ),
    (
        "the HTTP server does not offer a WebSocket for MQTT at this path",
        "HTTP 服务器在该路径上不提供用于 MQTT 的 WebSocket",
    ),
    ("check the path, usually /mqtt, and that this is the right server", "检查路径（通常为 /mqtt），并确认服务器正确"),
    ("a web server answers instead of the MQTT service", "应答的是网站服务器，而不是 MQTT 服务"),
    (
        "check host and port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://",
        "检查主机和端口：1883 mqtt://、8883 mqtts://、80 ws://、443 wss://",
    ),
    ("an HTTP proxy answers and requires a login", "应答的是 HTTP 代理，它要求登录"),
    (
        "set ALIYUN_MQTT_PROXY=http://user:password@host:port, or use --proxy for a proxy without a login",
        "设置 ALIYUN_MQTT_PROXY=http://user:password@host:port；不需要登录的代理可用 --proxy",
    ),
    ("the configured HTTP proxy cannot be reached", "无法访问所配置的 HTTP 代理"),
    (
        "check host and port in --proxy or ALIYUN_MQTT_PROXY; if it is env, those in https_proxy",
        "检查 --proxy 或 ALIYUN_MQTT_PROXY 中的主机和端口；如果值为 env，则检查 https_proxy",
    ),
    ("the configured HTTP proxy did not answer in time", "所配置的 HTTP 代理没有及时应答"),
    (
        "check host and port of the proxy; it may itself be waiting for an endpoint that does not answer",
        "检查代理的主机和端口；它自己可能也在等待没有应答的接入点",
    ),
    (
        "the configured HTTP proxy refuses to make the connection, or is not a proxy",
        "所配置的 HTTP 代理拒绝建立连接，或者它不是代理",
    ),
    (
        "check what the proxy allows: many allow only port 443 (wss://) or certain hosts; the message has its answer",
        "检查代理允许什么：许多代理只允许端口 443（wss://）或某些主机；其应答见错误信息",
    ),
    (
        "the answer redirects to another site, probably the login page of this network",
        "应答重定向到另一个站点，可能是当前网络的登录页面",
    ),
    ("log in to this network with a browser first", "先用浏览器登录当前网络"),
    ("the port speaks AMQP", "该端口使用 AMQP"),
    ("use an MQTT port: 1883, or 8883 with TLS", "使用 MQTT 端口：1883，TLS 为 8883"),
    ("what answers does not speak MQTT", "应答方使用的不是 MQTT"),
    (
        "check host and port (接入点); something on the network path may answer instead",
        "检查主机（接入点）和端口；应答的可能是网络路径上的其他设备",
    ),
    ("the connection is open, but CONNECT got no answer", "连接已建立，但 CONNECT 没有得到应答"),
    (
        "check that it is an MQTT port; something on the network path may drop the packets, or the instance is \
         overloaded",
        "检查是否为 MQTT 端口；可能是网络路径上的设备丢弃了数据包，也可能是实例过载",
    ),
    ("the connection was closed in answer to CONNECT", "发送 CONNECT 后连接被断开"),
    (
        "check that it is an MQTT port and that the Group ID exists; a firewall can also cause this",
        "检查是否为 MQTT 端口，以及 Group ID 是否存在；防火墙也会造成这种情况",
    ),
    ("the connection was lost", "连接断开"),
    (
        "check the network; the console's device trace (设备轨迹) names the reason",
        "检查网络；控制台的设备轨迹会给出原因",
    ),
    (
        "a client with this id is online; logging in would close its connection",
        "使用该 Client ID 的客户端在线；登录会断开它的连接",
    ),
    (
        "stop that client, use another --device-id, or pass --take-over",
        "停止该客户端，或使用另一个 --device-id，或指定 --take-over",
    ),
    (
        "the connection was closed while nothing was in flight; another client probably uses the same client id \
         (trace: clientId conflict)",
        "没有任何在途操作时连接被断开；可能有另一个客户端使用相同的 Client ID（轨迹中为 clientId conflict）",
    ),
    (
        "give each client its own device id; the console's device trace (设备轨迹) shows who else connects",
        "为每个客户端分配各自的 Device ID；控制台的设备轨迹显示还有谁在连接",
    ),
    (
        "the instance does not accept this MQTT version (5 is for Professional, Enterprise Platinum and Serverless \
         instances)",
        "实例不接受该 MQTT 版本（MQTT 5 适用于专业版、企业铂金版和 Serverless 版实例）",
    ),
    ("use --protocol 3.1.1, or request MQTT 5 with a ticket (工单)", "使用 --protocol 3.1.1，或提交工单申请 MQTT 5"),
    (
        "the client id was refused, probably for its form, its length or its group",
        "Client ID 被拒绝，可能是因为其格式、长度或 Group ID",
    ),
    (
        "use GroupID@@@DeviceID, at most 64 letters, digits, - and _, with a Group ID that exists in the console",
        "使用 GroupID@@@DeviceID，最多 64 个字符，只能有字母、数字、- 和 _，并且 Group ID 已在控制台创建",
    ),
    (
        "the instance is unavailable; it is probably restarting, or at its limit of connections",
        "实例不可用；可能正在重启，或连接数已达上限",
    ),
    (
        "try again later; the console's monitoring shows the connections and the instance's limit",
        "稍后重试；控制台的监控显示连接数和实例的上限",
    ),
    ("the AccessKey id does not exist or is disabled", "AccessKey ID 不存在或已禁用"),
    ("copy it from the AccessKey page of the console (AccessKey 管理)", "从控制台的 AccessKey 管理页面复制"),
    (
        "the AccessKey secret does not belong to this AccessKey id: the API rejects its signature",
        "AccessKey Secret 与该 AccessKey ID 不匹配：API 拒绝其签名",
    ),
    (
        "give the secret of this AccessKey id; if it is lost, create a new AccessKey",
        "给出该 AccessKey ID 的 Secret；如果已丢失，请创建新的 AccessKey",
    ),
    (
        "the instance does not exist in this region, belongs to another account, or is hidden by a RAM policy",
        "该地域没有这个实例，或实例属于另一个账号，或 RAM 权限策略不允许查看",
    ),
    (
        "compare the instance id (实例 ID) and the region with the console; a RAM user needs mq: permissions on the \
         instance",
        "与控制台核对实例 ID 和地域；RAM 用户需要该实例的 mq: 权限",
    ),
    ("the Group ID does not exist in the instance", "实例中没有这个 Group ID"),
    (
        "create it in the console's group management (Group 管理) or with `aliyun-mqtt group create`",
        "在控制台的 Group 管理页面创建，或使用 `aliyun-mqtt group create`",
    ),
    (
        "the API confirms AccessKey, secret, instance and group, but the login is refused; the instance probably \
         accepts only tokens and device credentials",
        "API 确认 AccessKey、Secret、实例和 Group 都正确，但登录被拒绝；实例可能只接受 Token 和设备凭证",
    ),
    (
        "use --auth token or --auth device; otherwise check that the RAM user may use the instance",
        "使用 --auth token 或 --auth device；否则请检查 RAM 用户是否有权使用该实例",
    ),
    (
        "user name or password were refused; the secret is probably wrong, or the token has expired",
        "用户名或密码被拒绝；可能是密钥不正确，或 Token 已过期",
    ),
    (
        "check the secret with the console's signature tool (签名校验); give --region-id for a more precise diagnosis \
         by the API",
        "用控制台的签名校验工具检查密钥；给出 --region-id 可由 API 得到更准确的诊断",
    ),
    (
        "the login is not authorized, probably because of a wrong instance id, a Group ID that does not exist, or an \
         unknown AccessKey id",
        "登录未获授权，可能是因为实例 ID 不正确、Group ID 不存在，或 AccessKey ID 未知",
    ),
    (
        "compare instance id (实例 ID), Group ID and AccessKey id with the console; give --region-id for a more \
         precise diagnosis by the API",
        "与控制台核对实例 ID、Group ID 和 AccessKey ID；给出 --region-id 可由 API 得到更准确的诊断",
    ),
    ("this client id has no device credential", "该 Client ID 没有设备凭证"),
    (
        "register one with `aliyun-mqtt credential` or in the console (一机一密)",
        "用 `aliyun-mqtt credential` 或在控制台（一机一密）注册",
    ),
    (
        "this client id has a different device credential than the given one: it was registered again or refreshed",
        "该 Client ID 的设备凭证与给出的不同：它已被重新注册或更新",
    ),
    ("give the device its current credential", "给设备换上当前的凭证"),
    (
        "the device's AccessKey id is right, but its secret is wrong",
        "设备的 AccessKey ID 正确，但 AccessKey Secret 不正确",
    ),
    ("give the device its current credential (一机一密)", "给设备换上当前的凭证（一机一密）"),
    (
        "the token is not valid: expired, revoked, or of another instance",
        "Token 无效：已过期、已吊销，或属于另一个实例",
    ),
    (
        "apply for a new one with `aliyun-mqtt token apply`; tokens are valid for 60 s to 30 days",
        "用 `aliyun-mqtt token apply` 申请新的 Token；有效期为 60 s 到 30 天",
    ),
    (
        "the token is valid, but the login is refused; the kind before it is probably wrong, or it was applied for \
         with another AccessKey",
        "Token 有效，但登录被拒绝；可能是前面的类型不正确，或 Token 是用另一个 AccessKey 申请的",
    ),
    (
        "give the AccessKey id that applied for the token, and the kind it was applied for: R, W or RW",
        "给出申请该 Token 的 AccessKey ID，以及申请时的类型：R、W 或 RW",
    ),
    ("the server refused the subscription", "服务端拒绝了订阅"),
    (
        "see the code in the message; the identity needs the right to subscribe to this topic",
        "见错误信息中的返回码；该身份需要订阅该 Topic 的权限",
    ),
    ("the server refused the message", "服务端拒绝了消息"),
    (
        "see the code in the message; the identity needs the right to publish to this topic",
        "见错误信息中的返回码；该身份需要向该 Topic 发送消息的权限",
    ),
    (
        "the parent topic does not exist in the instance, so the service closes the connection (trace: resource auth \
         failed)",
        "实例中没有这个父级 Topic，因此服务端断开了连接（轨迹中为 resource auth failed）",
    ),
    (
        "create the parent topic (父级 Topic) in the console's topic management; the levels below it need not be \
         created",
        "在控制台的 Topic 管理页面创建父级 Topic；其下的各级不需要创建",
    ),
    (
        "the topic exists, but subscribing closes the connection (trace: resource auth failed); the AccessKey \
         probably may not subscribe to it",
        "Topic 存在，但订阅会使连接断开（轨迹中为 resource auth failed）；该 AccessKey 可能没有订阅权限",
    ),
    ("grant the RAM user the right to subscribe to this topic", "为 RAM 用户授予订阅该 Topic 的权限"),
    (
        "the topic exists, but publishing closes the connection (trace: resource auth failed); the AccessKey probably \
         may not publish to it",
        "Topic 存在，但发送消息会使连接断开（轨迹中为 resource auth failed）；该 AccessKey 可能没有发送权限",
    ),
    ("grant the RAM user the right to publish to this topic", "为 RAM 用户授予向该 Topic 发送消息的权限"),
    (
        "the service closes the connection; the parent topic probably does not exist, or the identity has no right to \
         it",
        "服务端断开了连接；可能是父级 Topic 不存在，或该身份没有权限",
    ),
    (
        "create the parent topic (父级 Topic) in the console, or grant the right; give --region-id, so that the API \
         tells which of the two",
        "在控制台创建父级 Topic，或授予权限；给出 --region-id，可由 API 判断是哪一种情况",
    ),
    (
        "the service reports that the token is forged or cannot be parsed (tokenInvalidNotice 1)",
        "服务端通知：Token 是伪造的或无法解析（tokenInvalidNotice 1）",
    ),
    ("apply for a new token, and pass it on unchanged", "申请新的 Token，并原样传递"),
    (
        "the service reports that the token has expired (tokenInvalidNotice 2)",
        "服务端通知：Token 已过期（tokenInvalidNotice 2）",
    ),
    ("apply for a new token with `aliyun-mqtt token apply`", "用 `aliyun-mqtt token apply` 申请新的 Token"),
    (
        "the service reports that the token was revoked (tokenInvalidNotice 3)",
        "服务端通知：Token 已被吊销（tokenInvalidNotice 3）",
    ),
    ("the token does not cover this topic (tokenInvalidNotice 4)", "Token 不包含该 Topic（tokenInvalidNotice 4）"),
    (
        "apply for a token whose Resources cover it, such as {parent topic}/#, which includes P2P topics",
        "申请 Resources 包含该 Topic 的 Token，例如 {父级 Topic}/#，其中也包括 P2P Topic",
    ),
    (
        "the token does not give this permission (tokenInvalidNotice 5): R is for subscribing, W for publishing",
        "Token 没有这项权限（tokenInvalidNotice 5）：R 用于订阅，W 用于发送",
    ),
    (
        "apply for a token with the Actions R,W, or use one of each kind",
        "申请 Actions 为 R,W 的 Token，或每种类型各用一个",
    ),
    (
        "the service reports that the signature is invalid (tokenInvalidNotice 8)",
        "服务端通知：签名无效（tokenInvalidNotice 8）",
    ),
    ("apply for a new token with the current AccessKey", "用当前的 AccessKey 申请新的 Token"),
    (
        "the service reports that the account is not permitted (tokenInvalidNotice -1)",
        "服务端通知：账号没有权限（tokenInvalidNotice -1）",
    ),
    ("apply for the token with the account that owns the instance", "用实例所属的账号申请 Token"),
    ("the server did not acknowledge in time", "服务端没有及时确认"),
    (
        "check the network, and in the console's monitoring whether the instance exceeds its message rate (TPS)",
        "检查网络，并在控制台的监控中查看实例是否超过消息收发 TPS",
    ),
    ("the message was acknowledged, but the subscription did not deliver it", "消息已被确认，但没有通过订阅收到"),
    (
        "check the number of filters: probably more than 30 for this client id (those of a kept session count), or \
         more than 100 wildcard filters below the parent topic",
        "检查过滤器的数量：可能该 Client ID 的过滤器超过 30 个（持久会话中的也计算在内），或父级 Topic 下带通配符的\
         过滤器超过 100 个",
    ),
    (
        "the message to this client itself was acknowledged, but did not arrive",
        "发给本客户端自己的消息已被确认，但没有收到",
    ),
    (
        "see the message trace (消息轨迹) in the console; the client was probably not online under this id at that \
         moment",
        "查看控制台的消息轨迹；可能当时没有客户端以该 Client ID 在线",
    ),
    (
        "the API cannot be reached, probably because of a wrong region or URL, or blocked HTTPS",
        "无法访问 API，可能是因为地域或 URL 不正确，或 HTTPS 被阻止",
    ),
    (
        "compare --region-id with the instance's region in the console, and allow HTTPS to \
         onsmqtt.{region}.aliyuncs.com",
        "与控制台核对 --region-id 和实例所在的地域，并放行到 onsmqtt.{地域}.aliyuncs.com 的 HTTPS",
    ),
    ("the API did not answer in time", "API 没有及时应答"),
    ("check the network path for HTTPS, or raise --timeout", "检查 HTTPS 的网络路径，或增大 --timeout"),
    ("TLS with the API failed", "与 API 的 TLS 连接失败"),
    (
        "check, as for the endpoint: an intercepting proxy, a private CA (--ca-file), or a wrong clock",
        "与接入点一样，检查拦截 TLS 的代理、私有 CA（--ca-file）和时钟",
    ),
    (
        "what answered is not the API; it is probably a proxy, a login page, or a wrong URL",
        "应答的不是 API；可能是代理、登录页面，或 URL 不正确",
    ),
    ("check --api-endpoint and what is on the network path", "检查 --api-endpoint 和网络路径上的设备"),
    ("this account makes too many API calls", "该账号调用 API 过于频繁"),
    (
        "wait and try again; keep a token while it is valid instead of applying for one at each connect",
        "等待后重试；Token 有效期间请一直使用，不要每次连接都申请",
    ),
    ("the AccessKey may not do this; a RAM policy is probably missing", "该 AccessKey 没有权限；可能缺少 RAM 权限策略"),
    (
        "grant the RAM user mq:MqttInstanceAccess, mq:ListGroupId, mq:QueryToken and what else it needs on the \
         instance",
        "为 RAM 用户授予该实例的 mq:MqttInstanceAccess、mq:ListGroupId、mq:QueryToken 及其他所需权限",
    ),
    ("this region or kind of instance does not offer the operation", "该地域或该类型的实例不提供这项操作"),
    ("compare --region-id with the console", "与控制台核对 --region-id"),
    ("the service failed to process the request", "服务端处理请求失败"),
    (
        "try again later; its support can find the call by the request id",
        "稍后重试；技术支持可以根据请求 ID 找到该调用",
    ),
    ("the API refused the request", "API 拒绝了请求"),
    ("see its code and message", "见其返回的错误码和错误信息"),
    (
        "AccessKey and security token (STS) do not belong together, or one of them is missing or expired",
        "AccessKey 与安全令牌（STS）不匹配，或其中之一缺失或已过期",
    ),
    ("get a new temporary AccessKey, and give all three of its parts", "获取新的临时 AccessKey，并给出其全部三个部分"),
    ("none of the known causes fits", "不属于任何已知原因"),
    ("see the message; --log debug shows more", "见错误信息；--log debug 会显示更多"),
    (
        "no AccessKey is given, and no place that Alibaba Cloud's SDKs look at has a usable one",
        "没有给出 AccessKey，阿里云 SDK 查找的各个位置也都没有可用的 AccessKey",
    ),
    (
        "run `aliyun configure`, give the machine a RAM role (实例 RAM 角色), or set --access-key-id with its secret; \
         the message names each place",
        "请运行 `aliyun configure`，为 ECS 实例授予 RAM 角色，或设置 --access-key-id 及其 Secret；错误信息列出了每个位置",
    ),
    // For a server on this machine.
    ("nothing listens on that port of this machine", "本机的该端口没有程序在监听"),
    (
        "if an emulator was there, it has ended: start another with eval \"$(aliyun-mqtt emulator --env)\", or \
         unset the variables that it has set (ALIYUN_MQTT_..., ALIBABA_CLOUD_...), which have precedence over the \
         configuration file; otherwise check the port",
        "如果原来是模拟器，它已经结束：用 eval \"$(aliyun-mqtt emulator --env)\" 重新启动，或取消它设置的环境变量（ALIYUN_MQTT_…、ALIBABA_CLOUD_…，它们优先\
         于配置文件）；否则请检查端口",
    ),
    (
        "check this machine's hosts file: localhost is 127.0.0.1 or ::1",
        "检查本机的 hosts 文件：localhost 应为 127.0.0.1 或 ::1",
    ),
    (
        "check the program that listens there: it hangs, or is overloaded",
        "检查在该端口监听的程序：它可能卡住了，或负载过高",
    ),
    ("check this machine's date first; then renew the server's certificate", "先检查本机日期；再为服务端更新证书"),
    (
        "connect by a name that the certificate has; an emulator's has more names with --tls-name",
        "使用证书中的名称连接；模拟器的证书可用 --tls-name 增加名称",
    ),
    ("renew the server's certificate", "为服务端更新证书"),
    ("check that the port speaks TLS, and the log of the server", "检查该端口是否使用 TLS，并查看服务端的日志"),
    (
        "give --client-cert-file and --client-key-file, signed by a CA that the server trusts (emulator: --client-ca)",
        "用 --client-cert-file 和 --client-key-file 给出证书和私钥，由服务端信任的 CA 签发（模拟器：--client-ca）",
    ),
    ("try again later, and check the gateway", "稍后重试，并检查该网关"),
    (
        "check that it is an MQTT port and that the Group ID exists; `aliyun-mqtt emulator --watch` shows why an \
         emulator closes a connection",
        "检查是否为 MQTT 端口，以及 Group ID 是否存在；`aliyun-mqtt emulator --watch` 显示模拟器断开连接的原因",
    ),
    (
        "check whether the server has ended; `aliyun-mqtt emulator --watch` shows why an emulator closes a connection",
        "检查服务端是否已结束；`aliyun-mqtt emulator --watch` 显示模拟器断开连接的原因",
    ),
    (
        "give each client its own device id; `aliyun-mqtt emulator --watch` shows who else connects",
        "为每个客户端使用各自的 Device ID；`aliyun-mqtt emulator --watch` 显示还有谁在连接",
    ),
    ("use --protocol 3.1.1", "使用 --protocol 3.1.1"),
    (
        "use GroupID@@@DeviceID, at most 64 letters, digits, - and _, with a Group ID that exists",
        "使用 GroupID@@@DeviceID，最多 64 个字符，只能有字母、数字、- 和 _，并且 Group ID 已存在",
    ),
    (
        "see the log of the server; an emulator refuses logins when a test tells it to",
        "查看服务端的日志；测试可以让模拟器拒绝登录",
    ),
    (
        "use the AccessKey of the emulator, which its variables have (--env, --env-file)",
        "使用模拟器的 AccessKey，它在模拟器给出的环境变量中（--env、--env-file）",
    ),
    (
        "use the secret of the emulator's AccessKey, which its variables have (--env, --env-file)",
        "使用模拟器的 AccessKey Secret，它在模拟器给出的环境变量中（--env、--env-file）",
    ),
    (
        "use the instance id of the emulator, which its variables have (--env, --env-file)",
        "使用模拟器的实例 ID，它在模拟器给出的环境变量中（--env、--env-file）",
    ),
    (
        "create it with `aliyun-mqtt group create`, or use the Group ID of the emulator, which its variables have",
        "用 `aliyun-mqtt group create` 创建，或使用模拟器给出的环境变量中的 Group ID",
    ),
    (
        "use --auth token or --auth device; an emulator refuses logins when a test tells it to",
        "使用 --auth token 或 --auth device；测试可以让模拟器拒绝登录",
    ),
    (
        "use the settings of the emulator, which its variables have (--env, --env-file); a new start has other ports \
         and another token",
        "使用模拟器给出的环境变量中的设置（--env、--env-file）；重新启动后端口和 Token 会改变",
    ),
    (
        "use the settings of the emulator, which its variables have (--env, --env-file): instance id, Group ID and \
         AccessKey",
        "使用模拟器给出的环境变量中的设置（--env、--env-file）：实例 ID、Group ID 和 AccessKey",
    ),
    ("register one with `aliyun-mqtt credential`", "用 `aliyun-mqtt credential` 注册"),
    (
        "use the parent topic of the emulator, which ALIYUN_MQTT_TOPIC has, or start it with this one: --parent-topic",
        "使用 ALIYUN_MQTT_TOPIC 中的父级 Topic，或用 --parent-topic 以该 Topic 启动模拟器",
    ),
    (
        "see what the emulator was told to refuse (--forbid), or who may use the topic",
        "检查模拟器的 --forbid 是否拒绝了该 Topic，以及谁可以使用它",
    ),
    (
        "use the parent topic of the emulator, which ALIYUN_MQTT_TOPIC has, or start it with this one \
         (--parent-topic); see also what it was told to refuse (--forbid)",
        "使用 ALIYUN_MQTT_TOPIC 中的父级 Topic，或用 --parent-topic 以该 Topic 启动模拟器；也请查看让它拒绝了什么（--forbid）",
    ),
    ("see the log of the server, which may be overloaded", "查看服务端的日志；它可能负载过高"),
    ("`aliyun-mqtt emulator --watch` shows what becomes of a message", "`aliyun-mqtt emulator --watch` 显示消息的去向"),
    (
        "see what the emulator was told to refuse, or use the AccessKey that its variables have",
        "查看让模拟器拒绝了什么，或使用它给出的环境变量中的 AccessKey",
    ),
    (
        "check --api-endpoint; an emulator refuses operations when a test tells it to",
        "检查 --api-endpoint；测试可以让模拟器拒绝操作",
    ),
];
