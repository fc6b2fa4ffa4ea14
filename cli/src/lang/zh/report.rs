//! The report of `doctor`, and the label of hints.

use super::Row;

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

每个失败或警告的步骤都会给出下列原因之一；`--json` 给出其 ID。*退出码*是以它为第一个失败时程序的退出码；只有警告时，退出码为 0。服务端的
文档没有说明哪个 CONNACK 返回码对应哪种原因，缺少权限时服务端会直接断开连接，不说明理由。如果只观察到这些，文字中会写“可能”。能够访问 API 时
（`--region-id`，以及 AccessKey 及其 Secret），doctor 可以区分更多原因。

| ID | 退出码 | 原因 | 处理办法 |
|---|---|---|---|
",
    ),
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
    ("; the first failure is ", "；第一个失败是 "),
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
];
