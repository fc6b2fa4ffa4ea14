//! The control API compared with what tests in Rust can do, so that no call is forgotten on one side.

use std::collections::BTreeSet;

use crate::support::http::Control;

/// The methods of `Emulator`, and the calls that do the same.
const METHODS: &[(&str, &[&str])] = &[
    ("register_device", &["AddDevice"]),
    ("unregister_device", &["RemoveDevice"]),
    ("device_certificates", &["Certificates"]),
    ("register_certificate", &["AddCertificate"]),
    ("unregister_certificate", &["RemoveCertificate"]),
    ("set_certificate_active", &["ActivateCertificate"]),
    ("set_custom_identity", &["AddCustomIdentity", "CustomIdentities"]),
    ("remove_custom_identity", &["RemoveCustomIdentity"]),
    ("set_access_key", &["AddAccessKey"]),
    ("set_sts_key", &["AddAccessKey"]),
    ("remove_access_key", &["RemoveAccessKey"]),
    ("create_group", &["AddGroup"]),
    ("delete_group", &["RemoveGroup"]),
    ("issue_token", &["AddToken", "Tokens"]),
    ("revoke_token", &["RevokeToken"]),
    ("expire_token", &["ExpireToken"]),
    ("kick", &["Kick"]),
    ("refuse_logins", &["RefuseLogins", "AcceptLogins"]),
    ("refuse_next_logins", &["RefuseLogins"]),
    ("throttle_api", &["ThrottleApi"]),
    ("fail_api", &["FailApi"]),
    ("delay_api", &["DelayApi"]),
    ("set_clock_skew", &["SetClock"]),
    ("forbid", &["Forbid"]),
    ("allow", &["Allow"]),
    ("push_notice", &["Notify"]),
    ("publish_as_service", &["Publish"]),
    ("sessions", &["Sessions"]),
    ("is_online", &["Sessions"]),
    ("log", &["Log"]),
    ("log_since", &["Log"]),
    ("log_position", &["Settings"]),
    ("wait_for_log", &["Log", "Events"]),
    ("wait_for_log_since", &["Log", "Events"]),
    ("stop", &["Stop"]),
    ("restart", &["Restart"]),
];

/// The calls that make an emulator, which the command line does.
const STARTS: &[&str] = &["start", "builder"];

/// The settings of `Builder` that can be changed later, and the calls that do it.
const SETTINGS: &[(&str, &str)] = &[
    ("group_id", "AddGroup"),
    ("access_key", "AddAccessKey"),
    ("sts_key", "AddAccessKey"),
    ("custom_identity", "AddCustomIdentity"),
    ("custom_client_identity", "AddCustomIdentity"),
    ("device_credential", "AddDevice"),
    ("token", "AddToken"),
    ("forbid", "Forbid"),
];

/// Those that stay as they were at the start.
const FIXED: &[&str] = &[
    "instance_id",
    "parent_topic",
    "ordered_topic",
    "client_ca",
    "ram_role",
    "tls_name",
    "address",
    "limits",
    "tcp_port",
    "tls_port",
    "ws_port",
    "wss_port",
    "api_port",
    "api_tls_port",
    "control_port",
    "control_address",
    "control_token",
    "control_host",
    "page",
    "acknowledge_violations",
    "token_notice_lead",
    "token_time_scale",
    "retransmit_after",
    "inflight",
    "queue",
    "log_capacity",
    "log_bytes",
    "start",
];

/// Returns the names of the public functions of a source.
fn public(source: &str) -> BTreeSet<&str> {
    source.lines().filter_map(|line| line.trim().strip_prefix("pub fn ")?.split(['(', '<']).next()).collect()
}

fn calls() -> BTreeSet<String> {
    let (_emulator, control) = Control::start();
    let document = control.get("/control/openapi.json");
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    operations.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_method_has_a_call_and_each_call_a_method() {
    let mut methods = public(include_str!("../../src/emulator/mod.rs"));
    methods.append(&mut public(include_str!("../../src/emulator/accounts.rs")));
    assert_eq!(methods, METHODS.iter().map(|(method, _)| *method).chain(STARTS.iter().copied()).collect());
    let named = METHODS.iter().flat_map(|(_, calls)| *calls).copied();
    // The document itself needs no method.
    assert_eq!(calls(), named.chain(["Document"]).map(str::to_owned).collect());
}

#[test]
fn each_setting_can_be_changed_by_a_call_or_is_known_to_stay() {
    let settings = public(include_str!("../../src/builder.rs"));
    assert_eq!(settings, SETTINGS.iter().map(|(setting, _)| *setting).chain(FIXED.iter().copied()).collect());
    let calls = calls();
    for (setting, call) in SETTINGS {
        assert!(calls.contains(*call), "{setting}: {call}");
    }
}
