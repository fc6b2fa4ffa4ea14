//! The hints of the command line.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    ("omit it: each client then gets a random one", "请去掉它：这样每个客户端都会得到随机的 Device ID"),
    (
        "edit it; --force replaces it, and what was written in it is lost",
        "请编辑它；--force 会用新文件替换，原来填写的内容会丢失",
    ),
    ("check the path and its permissions", "请检查路径和权限"),
    (
        "check the path and its permissions; --config FILE names another file",
        "请检查路径和权限；可用 --config FILE 指定其他文件",
    ),
    ("the credential exists nevertheless: `credential get` prints it", "设备凭证已经生成：用 `credential get` 打印"),
    ("choose a name that ends in .toml to write a configuration file", "使用以 .toml 结尾的文件名，写成配置文件"),
    ("run the emulator in another terminal, without --env", "在另一个终端运行模拟器，不使用 --env"),
    ("`aliyun-mqtt --help` lists all commands", "`aliyun-mqtt --help` 列出全部命令"),
    ("use -q 1", "使用 -q 1"),
    ("use --rate to limit the rate of lines", "用 --rate 限制各行的发送速率"),
    ("use -t TOPIC", "使用 -t TOPIC"),
    (
        "the service takes payloads of up to 64 KB; where your instance takes more, raise --max-payload",
        "服务端接受的消息内容最大为 64 KB；如果实例允许更大，请增大 --max-payload",
    ),
    ("give payload or payload_b64; \"\" is an empty message", "给出 payload 或 payload_b64；\"\" 表示空消息"),
    ("give topic, or -t for all lines", "给出 topic，或用 -t 指定所有行的 Topic"),
    ("use --protocol 5, or omit the properties", "使用 --protocol 5，或去掉这些属性"),
    ("use --listen unix:PATH or --listen 127.0.0.1:PORT", "使用 --listen unix:PATH 或 --listen 127.0.0.1:PORT"),
    ("end it, or choose another path", "结束该程序，或换一个路径"),
    ("use --bearer-token-file, or listen on a Unix socket", "使用 --bearer-token-file，或监听 Unix socket"),
    ("make one with `head -c 24 /dev/urandom | base64`", "可用 `head -c 24 /dev/urandom | base64` 生成"),
    ("use --store DIR", "使用 --store DIR"),
    ("another relay uses it: give each its own --store", "另一个 relay 正在使用它：为每个 relay 指定各自的 --store"),
    ("give each instance its own --store", "为每个实例指定各自的 --store"),
    ("options of a reply follow `reply`", "应答的选项写在 `reply` 之后"),
    ("`aliyun-mqtt pub` sends any bytes", "`aliyun-mqtt pub` 可发送任意字节"),
    ("give the endpoint as mqtt:// or mqtts://", "以 mqtt:// 或 mqtts:// 给出接入点"),
    ("give ca_file (--ca-file), too", "同时给出 ca_file（--ca-file）"),
    ("use --check-file", "使用 --check-file"),
    (
        "give RW|..., R|... or W|..., several of these joined by |, or a bare token",
        "给出 RW|...、R|... 或 W|...，用 | 连接的若干个，或不带类型的 Token",
    ),
    ("give one of --exec, -m and --echo", "从 --exec、-m 和 --echo 中选择一个"),
    (
        "is there room for another thread? See ulimit -u, and pids.max of the container or service",
        "是否还能再创建线程？请检查 ulimit -u，以及容器或服务的 pids.max",
    ),
    ("give one of -m, -f, -s and -n", "从 -m、-f、-s 和 -n 中选择一个"),
    ("give one of -m, -f, -s, -l, -n and --jsonl", "从 -m、-f、-s、-l、-n 和 --jsonl 中选择一个"),
    (
        "give the secret's file by its path or as fd:N, or the message by -f",
        "用路径或 fd:N 给出密钥文件，或用 -f 给出消息",
    ),
    ("the service takes payloads of up to 64 KB", "服务端接受的消息内容最大为 64 KB"),
    (
        "the message was not acknowledged: with --keep-session, QoS 1 and the same client id it is sent again; \
         --keep-going skips it",
        "该消息没有确认：使用 --keep-session、QoS 1 和相同的 Client ID 时，服务端会重发；--keep-going 可跳过它",
    ),
    (
        "TLS and WebSocket are chosen by the endpoint: mqtts://HOST, ws://HOST, wss://HOST",
        "由接入点决定是否使用 TLS 和 WebSocket：mqtts://HOST、ws://HOST、wss://HOST",
    ),
    ("it belongs to --auth {way}", "它用于 --auth {way}"),
    ("it belongs to --auth {way} or --auth {other}", "它用于 --auth {way} 或 --auth {other}"),
    (
        "-P selects a profile; the password is computed from the AccessKey, and that of custom authentication is read \
         from --password-file",
        "-P 用来选择 profile；密码由 AccessKey 计算得出，自定义认证的密码从 --password-file 读取",
    ),
    (
        "`aliyun-mqtt config init` writes a file with the settings; profiles are [profile.NAME]",
        "`aliyun-mqtt config init` 可写出包含各项设置的文件；profile 写成 [profile.NAME]",
    ),
    ("remove the line to leave it unset", "如不需要该设置，请删除这一行"),
    (
        "set the complete URL with ALIYUN_MQTT_PROXY or in the configuration file",
        "用 ALIYUN_MQTT_PROXY 或在配置文件中给出完整的 URL",
    ),
    ("create one with `aliyun-mqtt config init`", "可用 `aliyun-mqtt config init` 创建一个"),
    ("give either the client id, or the group id and the device id", "给出 Client ID，或给出 Group ID 和 Device ID"),
    (
        "use {flags}, set {variables}, or write {names} in the configuration file (`aliyun-mqtt config init` creates \
         one)",
        "使用 {flags}，设置 {variables}，或在配置文件中写入 {names}（`aliyun-mqtt config init` 可创建配置文件）",
    ),
    (
        "use {flags}; or set {variables}; or fill in the configuration file that `aliyun-mqtt config init` creates",
        "使用 {flags}；或设置 {variables}；或填写 `aliyun-mqtt config init` 创建的配置文件",
    ),
    (
        "{path} has them in the profile {profiles}, but the profile {selected} is selected",
        "{path} 的 profile {profiles} 中有这些设置，但选择的是 profile {selected}",
    ),
    (
        "{path} has them in the profile {profiles}, but no profile is selected",
        "{path} 的 profile {profiles} 中有这些设置，但没有选择 profile",
    ),
    (
        "give one (--access-key-id and --access-key-secret-file, or ALIBABA_CLOUD_ACCESS_KEY_ID and \
         ALIBABA_CLOUD_ACCESS_KEY_SECRET), run `aliyun configure`, or give the ECS instance a RAM role; `aliyun-mqtt \
         config show` tells what each place has",
        "给出 AccessKey（--access-key-id 和 --access-key-secret-file，或 ALIBABA_CLOUD_ACCESS_KEY_ID 和 \
         ALIBABA_CLOUD_ACCESS_KEY_SECRET），运行 `aliyun configure`，或为 ECS 实例授予 RAM 角色；`aliyun-mqtt config \
         show` 列出每个位置的情况",
    ),
    (
        "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, run `aliyun configure`, or give the ECS \
         instance a RAM role; without --auth chain also --access-key-id and --access-key-secret-file; `aliyun-mqtt \
         config show` tells what each place has",
        "设置 ALIBABA_CLOUD_ACCESS_KEY_ID 和 ALIBABA_CLOUD_ACCESS_KEY_SECRET，运行 `aliyun configure`，或为 ECS 实例授予 \
         RAM 角色；去掉 --auth chain 时，也可以用 --access-key-id 和 --access-key-secret-file；`aliyun-mqtt config \
         show` 列出每个位置的情况",
    ),
    ("the environment", "环境变量"),
    ("the OIDC role", "OIDC 角色（RRSA）"),
    ("the RAM role of the ECS instance", "ECS 实例的 RAM 角色"),
    ("the credentials URI", "凭据 URI"),
    ("{variable} is not set", "没有设置 {variable}"),
    ("{variable} is true", "{variable} 为 true"),
    ("there is no {path}", "没有 {path}"),
    ("until {end}", "有效期至 {end}"),
    ("temporary", "临时"),
    ("permanent", "长期有效"),
    ("no AccessKey was found", "没有找到 AccessKey"),
    (
        "{path} has it in the profile {profiles}, but the profile {selected} is selected",
        "{path} 的 profile {profiles} 中有这项设置，但选择的是 profile {selected}",
    ),
    (
        "{path} has it in the profile {profiles}, but no profile is selected",
        "{path} 的 profile {profiles} 中有这项设置，但没有选择 profile",
    ),
    (
        "use --profile {first}, set ALIYUN_MQTT_PROFILE, or write default_profile = \"{first}\" at the top of the file",
        "使用 --profile {first}，设置 ALIYUN_MQTT_PROFILE，或在文件开头写入 default_profile = \"{first}\"",
    ),
    (
        "or use {flags}, set {variables}, or write {names} in the configuration file",
        "或使用 {flags}，设置 {variables}，或在配置文件中写入 {names}",
    ),
    ("`< /dev/null` gives an empty one", "`< /dev/null` 表示空的输入"),
    ("`> /dev/null` discards the output", "`> /dev/null` 丢弃输出"),
    (
        "raise the limit on processes and threads (ulimit -u; pids.max of the container or service)",
        "提高进程和线程数量的限制（ulimit -u；容器或服务的 pids.max）",
    ),
    ("the directory of the socket has to exist", "socket 所在的目录必须已经存在"),
    (
        "the user name of a login has no field for it; use --auth token: the client then applies for tokens with \
         this key, and renews them",
        "登录用户名中没有存放它的字段；使用 --auth token：客户端会用该 AccessKey 申请 Token 并自动更新",
    ),
    ("it belongs to --auth signature or --auth token", "它用于 --auth signature 或 --auth token"),
    ("use a path in /run, with SocketMode= and SocketGroup=", "使用 /run 下的路径，并设置 SocketMode= 和 SocketGroup="),
    (
        "choose another name for the topic; the payload may have any characters",
        "请换一个 Topic 名称；任意字符可以放在消息内容中",
    ),
    (
        "without an account, eval \"$(aliyun-mqtt emulator --env)\" starts an emulator and sets the variables for it",
        "没有账号时，eval \"$(aliyun-mqtt emulator --env)\" 可启动本地模拟器并设置相应的环境变量",
    ),
    (
        "nothing listens on that port; if an emulator was there, it has ended: eval \"$(aliyun-mqtt emulator --env)\" \
         starts another",
        "该端口没有程序在监听；如果之前运行着模拟器，它已经结束：eval \"$(aliyun-mqtt emulator --env)\" 可重新启动",
    ),
    (
        "the first level, {first}, is the parent topic, and that of your settings is {parent}: try {parent}/{rest}",
        "第一级 {first} 是父级 Topic，而配置的父级 Topic 是 {parent}：请试试 {parent}/{rest}",
    ),
    (
        "the topic was refused a moment ago: its parent does not exist, the AccessKey, token or device has no right \
         to it, or the message is too large",
        "该 Topic 刚刚被拒绝：父级 Topic 不存在，AccessKey、Token 或设备没有权限，或消息太大",
    ),
    ("`aliyun-mqtt doctor -t {topic}` finds out which", "`aliyun-mqtt doctor -t {topic}` 可判断是哪一种"),
    (
        "the replier must be online, and read the envelope; a broker without P2P topics needs --response-topic",
        "应答方必须在线，并能识别请求的封装格式（envelope）；不支持 P2P Topic 的 broker 需要 --response-topic",
    ),
    (
        "the replier must be online, and speak MQTT 5, or be asked with --envelope; a broker without P2P topics needs \
         --response-topic",
        "应答方必须在线，并使用 MQTT 5，或者请求使用 --envelope；不支持 P2P Topic 的 broker 需要 --response-topic",
    ),
    (
        "check the AccessKey secret; `aliyun-mqtt sign --check-file FILE` compares it with a password that is known \
         to work",
        "检查 AccessKey Secret；`aliyun-mqtt sign --check-file FILE` 可与已知可用的密码比较",
    ),
    (
        "the token may have expired, been revoked or belong to another AccessKey: `aliyun-mqtt token query` tells, and \
         `aliyun-mqtt token apply` gets another",
        "Token 可能已过期、已吊销，或属于另一个 AccessKey：用 `aliyun-mqtt token query` 检查，用 \
         `aliyun-mqtt token apply` 重新申请",
    ),
    (
        "check the secret of the device credential: `aliyun-mqtt credential get` prints it",
        "检查设备凭证的密钥：`aliyun-mqtt credential get` 可打印它",
    ),
    ("check the user name and the password of the custom authentication", "检查自定义认证的用户名和密码"),
    (
        "check that the instance id is the one this endpoint belongs to, and that the group id exists there",
        "检查实例 ID 是否与接入点一致，Group ID 是否已在该实例中创建",
    ),
    (
        "the AccessKey id must exist, and needs the right to use the instance",
        "AccessKey ID 必须存在，并有使用该实例的权限",
    ),
    ("`aliyun-mqtt doctor` finds out which", "`aliyun-mqtt doctor` 可查明是哪一种"),
    (
        "a filter begins with a parent topic, such as {parent}: try {parent}/{rest}",
        "过滤器的第一级必须是父级 Topic，例如 {parent}：请试试 {parent}/{rest}",
    ),
    (
        "the token may have expired or been revoked: `aliyun-mqtt token query` tells",
        "Token 可能已过期或已吊销：用 `aliyun-mqtt token query` 检查",
    ),
    (
        "the device credential must exist: `aliyun-mqtt credential get` tells",
        "设备凭证必须存在：用 `aliyun-mqtt credential get` 检查",
    ),
    (
        "another terminal gets the variables with --env-file FILE here and `. ./FILE` there; Ctrl-C ends the emulator",
        "如需在另一个终端使用：这里加上 --env-file FILE，在那个终端执行 `. ./FILE`；按 Ctrl-C 结束模拟器",
    ),
    (
        "an emulator runs at {endpoint}, parent topic {parent}; `kill {pid}` ends it",
        "模拟器已启动：{endpoint}，父级 Topic 为 {parent}；用 `kill {pid}` 结束",
    ),
];
