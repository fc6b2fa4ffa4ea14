//! The report of `doctor`, and the label of hints.

use super::row::Row;

pub(in crate::lang) const ROWS: &[Row] = &[
    (
        "\
# What `aliyun-mqtt doctor` can find

[中文](doctor.zh-CN.md)

Each step that fails or warns names one of these causes; `--json` gives its id. *Exit* is the exit code of the program
if this is its first failure; if there are only warnings, the exit code is 0. The service does not document which
CONNACK code means which cause, and closes a connection without a reason if a permission is missing. If only that was
observed, the text says \"probably\". With access to the API (`--region-id`, and an AccessKey with its secret), doctor
can distinguish more.

| id | exit | cause | cure |
|---|---|---|---|
",
        "\
# `aliyun-mqtt doctor` 能找出的原因

[English](doctor.md)

每个失败或警告的步骤都会给出下列原因之一；`--json` 给出其 ID。*退出码*是以它为首个失败时程序的退出码；只有警告时，退出码为 0。服务端的
文档没有说明哪个 CONNACK 返回码对应哪种原因，缺少权限时服务端会直接断开连接，不说明理由。如果只观察到这些，文字中会写“可能”。能够访问 API 时
（`--region-id`，以及 AccessKey 及其 Secret），doctor 可以区分更多原因。

| ID | 退出码 | 原因 | 处理办法 |
|---|---|---|---|
",
    ),
    ("On this machine: ", "对于本机的服务端："),
    ("; ", "；"),
    ("ok  ", "正常"),
    ("warn", "警告"),
    ("FAIL", "失败"),
    ("skip", "跳过"),
    ("ok", "项正常"),
    ("with warnings", "项有警告"),
    ("failed", "项失败"),
    ("skipped", "项跳过"),
    (", ", "，"),
    ("; interrupted", "；已中断"),
    ("; the first failure is ", "；首个失败："),
    ("duration: ", "耗时："),
    ("step:  ", "步骤："),
    ("cause: ", "原因："),
    ("cure:  ", "处理："),
    ("settings", "设置"),
    ("dns", "域名解析"),
    ("tcp", "TCP"),
    ("tls", "TLS"),
    ("clock", "时钟"),
    ("names", "名称"),
    ("login", "登录"),
    ("connect", "连接"),
    ("subscribe", "订阅"),
    ("publish", "发送"),
    ("p2p", "P2P"),
    ("stay", "保持连接"),
    ("token", "Token"),
    ("api", "API"),
    ("hint: ", "提示："),
    // What the steps saw, and why they were skipped.
    (": ", "："),
    ("the token could not be read", "无法读取 Token"),
    ("only the API can tell whether a token is valid", "只有 API 能判断 Token 是否有效"),
    ("valid according to the API", "API 确认有效"),
    ("no token is given; one is applied for when the client logs in", "没有给出 Token；客户端登录时会自动申请"),
    (
        "a token is given, but the login by {auth} does not use it; --auth token does",
        "给出了 Token，但登录方式 {auth} 不使用它；--auth token 才会使用",
    ),
    ("no token is given", "没有给出 Token"),
    ("the API cannot be asked", "无法调用 API"),
    ("knows the instance and {group}", "API 中有该实例和 {group}"),
    ("knows the instance", "API 中有该实例"),
    ("the clock of the API is unknown", "无法得知 API 的时钟"),
    ("the clock of the API is read only without a proxy", "只有不使用代理时才读取 API 的时钟"),
    ("{url} did not answer", "{url} 没有应答"),
    ("the answer of {url} contains no date", "{url} 的应答中没有日期"),
    ("this machine is {seconds} s behind the API", "本机时钟比 API 慢 {seconds} s"),
    ("this machine is {seconds} s ahead of the API", "本机时钟比 API 快 {seconds} s"),
    ("there is no login to try", "没有可尝试的登录信息"),
    ("there is no connection", "尚未建立连接"),
    ("TLS failed", "TLS 失败"),
    ("accepted as {id}", "已接受，Client ID 为 {id}"),
    ("there is no endpoint", "没有接入点"),
    ("the proxy {proxy} resolves the name", "由代理 {proxy} 解析域名"),
    (
        "the proxy {proxy} makes the connection; the step connect uses it",
        "由代理 {proxy} 建立连接；在“连接”这一步使用",
    ),
    ("there is no address to connect to", "没有可连接的地址"),
    ("{address} accepts connections", "{address} 接受连接"),
    ("the step connect does it through the proxy {proxy}", "在“连接”这一步通过代理 {proxy} 进行"),
    ("the endpoint is a plain one", "接入点不使用 TLS"),
    ("{granted} is granted for {topic}", "{topic} 订阅成功，授予 {granted}"),
    ("acknowledged, {topic}", "已确认，{topic}"),
    ("acknowledged and received, {topic}", "已确认并收到，{topic}"),
    ("still connected", "仍保持连接"),
    ("still connected after {seconds} s", "{seconds} s 后仍保持连接"),
    ("there is no login", "尚未登录"),
    ("no topic is given: -t, or --parent-topic", "没有给出 Topic：-t 或 --parent-topic"),
    ("{text}, login by {auth}", "{text}，登录方式为 {auth}"),
    ("{group}, with a device id generated for this run", "{group}，本次运行随机生成 Device ID"),
    ("a setting or a name is invalid", "某项设置或名称无效"),
    ("as {id}", "身份为 {id}"),
    ("{version}, the certificate is valid for {days} days", "{version}，证书还有 {days} 天到期"),
    ("neither --region-id nor --api-endpoint is given", "没有给出 --region-id 或 --api-endpoint"),
    ("no AccessKey with its secret is given", "没有给出 AccessKey 及其 Secret"),
    ("not given: {names}", "没有给出 {names}"),
    ("there is no AccessKey: see the step login", "没有 AccessKey：见“登录”这一步"),
    (
        "there is no AccessKey: `aliyun-mqtt config show` tells what each place has",
        "没有 AccessKey：`aliyun-mqtt config show` 列出每个位置的情况",
    ),
    // What was done, for a person at a terminal.
    ("deleted the credential of {client_id}", "已删除 {client_id} 的设备凭证"),
    ("wrote {path}", "已写入 {path}"),
    ("created {group_id}", "已创建 {group_id}"),
    ("deleted {group_id}", "已删除 {group_id}"),
    ("wrote the pages to {path}", "手册页已写入 {path}"),
    ("listening as {client_id}", "正在接收，Client ID 为 {client_id}"),
    ("valid until {end}", "有效期至 {end}"),
    ("revoked the {kind} token", "已吊销类型为 {kind} 的 Token"),
    ("revoked the token", "已吊销 Token"),
    (
        "{shown} of {total} entries; use --all or --page {next} for the others",
        "已显示 {total} 条中的 {shown} 条；其余请用 --all 或 --page {next} 查看",
    ),
    (
        "{shown} of more entries; use --all or --page {next} for the others",
        "已显示 {shown} 条，还有更多；其余请用 --all 或 --page {next} 查看",
    ),
    ("no entries; use --begin 1d to look back one day", "没有记录；--begin 1d 可查看最近一天"),
    ("reading from the terminal; press Ctrl-D to end the input", "正在从终端读取；按 Ctrl-D 结束输入"),
    ("receiving as {client_id}, without a new subscription", "正在接收，Client ID 为 {client_id}，没有新的订阅"),
    ("subscribed to {filter} with {granted}, as {client_id}", "已订阅 {filter}（{granted}），Client ID 为 {client_id}"),
    // `config show` and `config init`.
    ("environment variable {name}", "环境变量 {name}"),
    ("{key} in {path}", "{path} 中的 {key}"),
    ("{key} in [profile.{profile}] of {path}", "{path} 的 [profile.{profile}] 中的 {key}"),
    ("profiles that are not selected: {others}", "未选择的 profile：{others}"),
    (
        "missing to log in (auth: {auth}): {name} ({flag} or {variable})",
        "登录缺少（auth：{auth}）：{name}（{flag} 或 {variable}）",
    ),
    ("missing for the service's API: {name} ({flag} or {variable})", "调用 API 缺少：{name}（{flag} 或 {variable}）"),
    ("AccessKey {id} of {place} ({end})", "AccessKey {id}，来源：{place}（{end}）"),
    ("passed over: {place}", "已跳过：{place}"),
    ("wrote {path}; fill it in, then run `aliyun-mqtt doctor`", "已写入 {path}；填写后运行 `aliyun-mqtt doctor`"),
    (
        "wrote {path}; fill it in, then run `aliyun-mqtt doctor --config {path}`",
        "已写入 {path}；填写后运行 `aliyun-mqtt doctor --config {path}`",
    ),
    ("Settings of aliyun-mqtt", "aliyun-mqtt 的设置"),
    (
        "Flags have precedence over environment variables, and these over this file.",
        "命令行选项优先于环境变量，环境变量优先于本文件。",
    ),
    ("Settings above the first [profile.NAME] apply to all profiles.", "第一个 [profile.NAME] 之前的设置适用于所有 profile。"),
    (
        "The profile to use if neither --profile nor ALIYUN_MQTT_PROFILE selects one",
        "没有用 --profile 或 ALIYUN_MQTT_PROFILE 选择时使用的 profile",
    ),
    ("The secret of the AccessKey is best kept elsewhere. One of:", "AccessKey Secret 最好保存在别处。任选其一："),
    ("the output of this command", "该命令的输出"),
    ("a path, relative to the directory of this file", "路径，相对于本文件所在的目录"),
    ("the name of an environment variable", "环境变量的名称"),
    ("here; then only you may read this file: chmod 600", "写在这里；此时本文件只应由自己读取：chmod 600"),
    ("AccessKey of {place} ({end})", "AccessKey 来源：{place}（{end}）"),
    (
        "no AccessKey is given, and with --offline nobody is asked for one",
        "没有给出 AccessKey，而且使用 --offline 时不会查找",
    ),
];
