//! One connection: dialling, the two versions of MQTT, and their errors. Only this module uses rumqttc; the session's
//! core uses only `link`.

pub(super) mod dial;
pub(super) mod dialler;
pub(super) mod errors;
pub(super) mod link;
pub(super) mod open;
pub(super) mod oversized;
pub(super) mod probe;
mod pubrel;
mod race;
pub(super) mod route;
pub(super) mod rules;
#[cfg_attr(not(feature = "tls"), path = "secure_disabled.rs")]
mod secure;
mod target;
#[cfg_attr(not(feature = "proxy"), path = "tunnel_disabled.rs")]
mod tunnel;
#[cfg_attr(not(feature = "websocket"), path = "upgrade_disabled.rs")]
mod upgrade;
#[cfg_attr(aliyun_mqtt_model, path = "../../../models/link.rs")]
mod v4;
mod v5;
