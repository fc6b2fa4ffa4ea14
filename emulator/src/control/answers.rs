//! The answers about the emulator's state: what they contain, and their schemas. Never a secret.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::entry::{listener_name, time, version_name};
use crate::broker::SessionInfo;
use crate::machine::Machine;
use crate::service::{Link, Service, lock};
use crate::sockets::{reachable, tls_authority};

pub(super) fn settings(machine: &Machine) -> Value {
    let settings = &machine.service.settings;
    let switches = lock(&machine.service.switches).clone();
    let directory = lock(&machine.service.directory).clone();
    let [tcp, tls, ws, wss, api, api_tls] = machine.addresses;
    let custom: Vec<_> = directory.custom.keys().collect();
    let mut value = json!({
        "running": machine.is_running(),
        "endpoints": {
            "tcp": format!("mqtt://{}", reachable(tcp)),
            "tls": format!("mqtts://{}", tls_authority(tls)),
            "ws": format!("ws://{}/mqtt", reachable(ws)),
            "wss": format!("wss://{}/mqtt", tls_authority(wss)),
            "api": format!("http://{}", reachable(api)),
            "api_tls": format!("https://{}", tls_authority(api_tls)),
        },
        "ca_pem": machine.certificates.ca_pem,
        "instance_id": directory.instance_id,
        "group_ids": directory.groups.iter().map(|group| &group.id).collect::<Vec<_>>(),
        "parent_topics": settings.parent_topics,
        "ordered_topics": settings.ordered_topics,
        "access_key_ids": directory.access_keys.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        "sts_key_ids": directory.sts_keys.keys().collect::<Vec<_>>(),
        "custom_identities": custom,
        "device_client_ids": directory.devices.keys().collect::<Vec<_>>(),
        "limits": {
            "payload": settings.limits.payload,
            "packet": settings.limits.packet,
            "topic_length": settings.limits.topic_length,
            "filters": settings.limits.filters,
            "wildcards": Some(settings.limits.wildcards).filter(|most| *most < usize::MAX),
            "rate": settings.limits.rate,
            "parent_topics": Some(settings.limits.parent_topics).filter(|most| *most < usize::MAX),
            "api_rates": settings.limits.api_rates,
        },
        "mutual_tls": !settings.client_ca.is_empty(),
        "log": { "id": machine.service.log.id(), "entries": settings.log.entries, "bytes": settings.log.bytes },
        "acknowledge_violations": settings.acknowledge_violations,
        "token_notice_lead": settings.token_notice_lead.as_secs_f64(),
        "token_time_scale": settings.token_time_scale,
        "retransmit_after": settings.retransmit_after.as_secs_f64(),
        "faults": {
            "forbidden": switches.forbidden,
            "refuse_logins": switches.refuse_all,
            "refuse_next_logins": switches.refuse_next.0,
            "throttle_api": switches.throttle_api,
            "fail_api": switches.fail_api.0,
            "delay_api": switches.delay_api.as_secs_f64(),
            "clock_skew": switches.clock_skew,
        },
    });
    // Numbers without a bound of their own.
    for (name, number) in [("oldest", machine.service.log.oldest()), ("next", machine.service.log.position())] {
        value["log"][name] = number.into();
    }
    value
}

pub(super) fn settings_schema() -> Value {
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "required": ["running", "endpoints", "instance_id", "group_ids", "parent_topics", "limits", "log", "faults"],
        "properties": {
            "running": { "type": "boolean", "description": "False after a stop." },
            "endpoints": { "type": "object", "additionalProperties": { "type": "string" } },
            "ca_pem": { "type": "string", "description": "The certificate of the CA, which TLS clients need." },
            "instance_id": { "type": "string" },
            "group_ids": texts(),
            "parent_topics": texts(),
            "access_key_ids": texts(),
            "sts_key_ids": texts(),
            "custom_identities": texts(),
            "device_client_ids": texts(),
            "ordered_topics": texts(),
            "limits": { "type": "object", "description": "null stands for no limit." },
            "mutual_tls": { "type": "boolean" },
            "log": {
                "type": "object",
                "required": ["id", "entries", "bytes", "oldest", "next"],
                "properties": {
                    "id": { "type": "string", "description": "Names the log: another one has other sequence numbers." },
                    "entries": { "type": "integer", "description": "The maximum number of entries." },
                    "bytes": { "type": "integer", "description": "Their maximum size in memory." },
                    "oldest": { "type": "integer", "description": "The sequence number of the oldest entry kept." },
                    "next": { "type": "integer", "description": "The sequence number of the next entry." },
                },
            },
            "acknowledge_violations": { "type": "boolean" },
            "token_notice_lead": { "type": "number", "description": "In seconds." },
            "token_time_scale": { "type": "number" },
            "retransmit_after": { "type": "number", "description": "In seconds." },
            "faults": {
                "type": "object",
                "required": ["forbidden"],
                "properties": {
                    "forbidden": texts(),
                    "refuse_logins": { "type": ["integer", "null"], "description": "The code, if all are refused." },
                    "refuse_next_logins": { "type": "integer" },
                    "throttle_api": { "type": "integer" },
                    "fail_api": { "type": "integer" },
                    "delay_api": { "type": "number" },
                    "clock_skew": { "type": "integer" },
                },
            },
        },
    })
}

pub(super) fn sessions(service: &Service, sessions: Vec<SessionInfo>) -> Value {
    let sessions: Vec<_> = sessions
        .into_iter()
        .map(|session| {
            let connection = service.link(&session.client_id).map(|link| connection(&link));
            json!({
                "client_id": session.client_id,
                "online": session.online,
                "filters": session.filters,
                "connection": connection,
            })
        })
        .collect();
    json!({ "sessions": sessions })
}

fn connection(link: &Link) -> Value {
    json!({
        "version": version_name(link.version),
        "listener": listener_name(link.listener),
        "login": link.login.as_str(),
        "clean_session": link.clean_session,
        "since": time(link.since),
    })
}

pub(super) fn sessions_schema() -> Value {
    json!({
        "type": "object",
        "required": ["sessions"],
        "additionalProperties": false,
        "properties": { "sessions": { "type": "array", "items": {
            "type": "object",
            "required": ["client_id", "online", "filters", "connection"],
            "additionalProperties": false,
            "properties": {
                "client_id": { "type": "string" },
                "online": { "type": "boolean" },
                "filters": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "The filters that receive messages, sorted.",
                },
                "connection": {
                    "type": ["object", "null"],
                    "required": ["version", "listener", "login", "clean_session", "since"],
                    "properties": {
                        "version": { "type": "string", "enum": ["3.1.1", "5"] },
                        "listener": { "type": "string", "enum": ["tcp", "tls", "ws", "wss"] },
                        "login": { "type": "string", "description": "The mode of the login." },
                        "clean_session": { "type": "boolean" },
                        "since": { "type": "string", "format": "date-time" },
                    },
                },
            },
        } } },
    })
}

pub(super) fn tokens(service: &Service) -> Value {
    let now = SystemTime::now();
    let tokens: Vec<_> = lock(&service.tokens)
        .list()
        .into_iter()
        .map(|token| {
            let left = token.expires.duration_since(now).unwrap_or(Duration::ZERO);
            json!({
                "number": token.number,
                "permission": token.permission.as_str(),
                "resources": token.resources,
                "access_key_id": token.access_key_id,
                "expires": time(token.expires),
                "left": left.as_secs_f64(),
                "revoked": token.revoked,
                "valid": !token.revoked && !left.is_zero(),
            })
        })
        .collect();
    json!({ "tokens": tokens })
}

pub(super) fn tokens_schema() -> Value {
    json!({
        "type": "object",
        "required": ["tokens"],
        "additionalProperties": false,
        "properties": { "tokens": { "type": "array", "items": {
            "type": "object",
            "required": ["number", "permission", "resources", "access_key_id", "expires", "left", "revoked", "valid"],
            "additionalProperties": false,
            "properties": {
                "number": { "type": "integer", "description": "Names the token, from 1 in the order of issue." },
                "permission": { "type": "string", "enum": ["R", "W", "RW"] },
                "resources": { "type": "array", "items": { "type": "string" } },
                "access_key_id": { "type": "string" },
                "expires": { "type": "string", "format": "date-time" },
                "left": { "type": "number", "description": "The seconds until it expires." },
                "revoked": { "type": "boolean" },
                "valid": { "type": "boolean", "description": "Neither revoked nor expired." },
            },
        } } },
    })
}

pub(super) fn certificates(service: &Service) -> Value {
    let certificates: Vec<_> = lock(&service.directory)
        .certificates
        .values()
        .map(|certificate| {
            json!({
                "serial_number": certificate.serial_number,
                "common_name": certificate.common_name,
                "client_id": certificate.client_id,
                "active": certificate.active,
            })
        })
        .collect();
    json!({ "certificates": certificates })
}

pub(super) fn certificates_schema() -> Value {
    json!({
        "type": "object",
        "required": ["certificates"],
        "additionalProperties": false,
        "properties": { "certificates": { "type": "array", "items": {
            "type": "object",
            "required": ["serial_number", "common_name", "client_id", "active"],
            "additionalProperties": false,
            "properties": {
                "serial_number": { "type": "string", "description": "In hexadecimal digits." },
                "common_name": { "type": "string" },
                "client_id": { "type": "string", "description": "The client id of its latest login." },
                "active": { "type": "boolean", "description": "False if its logins are refused." },
            },
        } } },
    })
}

pub(super) fn custom_identities(service: &Service) -> Value {
    let directory = lock(&service.directory);
    let identities: Vec<_> = directory
        .custom
        .iter()
        .flat_map(|(username, identities)| identities.iter().map(move |identity| (username, identity)))
        .map(|(username, identity)| {
            json!({
                "username": username,
                "type": if identity.client_id.is_some() { "CLIENT" } else { "USER" },
                "client_id": identity.client_id,
                "sign_mode": identity.mode.as_str(),
            })
        })
        .collect();
    json!({ "custom_identities": identities })
}

pub(super) fn custom_identities_schema() -> Value {
    json!({
        "type": "object",
        "required": ["custom_identities"],
        "additionalProperties": false,
        "properties": { "custom_identities": { "type": "array", "items": {
            "type": "object",
            "required": ["username", "type", "client_id", "sign_mode"],
            "additionalProperties": false,
            "properties": {
                "username": { "type": "string" },
                "type": { "type": "string", "enum": ["USER", "CLIENT"] },
                "client_id": { "type": ["string", "null"], "description": "For the type CLIENT." },
                "sign_mode": { "type": "string", "enum": ["ORIGIN", "SIGNED"] },
            },
        } } },
    })
}
