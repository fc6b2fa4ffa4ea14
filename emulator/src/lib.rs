//! A local stand-in for Alibaba Cloud's ApsaraMQ for MQTT, for examples and tests: it checks logins, tokens, names and
//! limits as the service does, cuts connections as the service does, and tells a test what it saw.
//!
//! ```
//! use std::time::Duration;
//! use aliyun_mqtt_emulator::{Emulator, What};
//!
//! # fn main() -> Result<(), aliyun_mqtt_emulator::Error> {
//! let emulator = Emulator::start()?;
//! println!("connect to {} as {}", emulator.endpoint(), emulator.access_key_id());
//!
//! // ... a client under test connects and publishes ...
//! # let client = emulator.tcp_addr();
//! # std::io::Write::write_all(&mut std::net::TcpStream::connect(client).unwrap(), &[
//! #     0x10, 15, 0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, 2, 0, 60, 0, 1, b'a']).unwrap();
//!
//! let refused = emulator.wait_for_log(Duration::from_secs(5), |entry| matches!(entry.what, What::LoginRefused { .. }));
//! assert!(refused.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//! The API blocks and needs no runtime. Each [`Emulator`] has one thread, listens on 127.0.0.1 on six ports (TCP, TLS,
//! WebSocket, secure WebSocket; HTTP and HTTPS for the OpenAPI), starts within milliseconds, and any number of them live
//! side by side in one process.
//! A front desk ends TLS and WebSocket, looks at every packet, and passes what is allowed on to an MQTT broker (`rmqtt`)
//! inside, which keeps sessions, routes, and speaks MQTT 3.1.1 and 5 at QoS 0 to 2. All secrets are made up, and nothing
//! here shares code with the client library: a mistake in one cannot hide in the other.
//!
//! The OpenAPI (OnsMqtt, 2020-04-20) takes POST and GET at [`Emulator::api_endpoint`], and checks both signatures, V3
//! (`ACS3-HMAC-SHA256`) and V2 (HMAC-SHA1). [`Emulator::throttle_api`], [`Emulator::fail_api`], [`Emulator::delay_api`] and
//! [`Emulator::set_clock_skew`] make it misbehave, and [`Builder::token_time_scale`] lets its tokens run out sooner.
//!
//! [`Emulator::log`] holds what was seen, in order; [`Emulator::wait_for_log`] waits for it, so that a test needs no
//! sleep. The program `aliyun-mqtt-emulator` runs an emulator in the foreground, and prints what
//! [`Emulator::environment`] gives to any program.
//!
//! For slow or broken networks, put a proxy in front of it: it is no part of this package.
//!
//! # What is documented, and what is this emulator's choice
//! "Documented" names where the service's own material says so; the rest is open, and the emulator had to choose. **Do
//! not take a choice for a fact.**
//!
//! | behaviour | documented | this emulator's choice |
//! |---|---|---|
//! | user name and password of the modes `Signature`, `Token`, `DeviceCredential` | help pages 48271, 54282, "authentication overview" | mode words are taken as they are written, upper and lower case matter |
//! | custom identities, `ORIGIN` and `SIGNED` | "custom authentication overview", AddCustomAuthIdentity | any client id of 1 to 64 bytes; no permissions of their own: they may use all topics |
//! | device certificates (mutual TLS) | "certificate-based authentication" | not there |
//! | CONNACK 5 for a wrong instance id | a user's report (lmq-demo issue 2) | – |
//! | CONNACK code of all other refusals | no | 1 protocol version, 2 client id, 4 user name form, signature, password or token, 5 unknown key, group, or a credential of another client id; MQTT 5: the reason code of the same meaning |
//! | all tokens of a password must be valid | token pages | a type given twice is refused |
//! | client id `GroupID@@@DeviceID`, at most 64, letters, digits, `-`, `_`; the group must exist | limits, CreateGroupId | checked at login (the service: cut, or a warning) |
//! | a second login with a client id closes one of the two connections | FAQ ("forced off" and "refused") | the older one |
//! | MQTT 3.1 | no | refused with code 1 |
//! | keep-alive above 8 min is treated as 8 min; silence of 1.5 × keep-alive ends the connection | "MQTT 5.0 overview", FAQ | below 6 s: 3 s more than asked for; 0 never ends |
//! | topic of 3 to 64 characters, letters, digits, `-`, `_`, `/` | limits (demos say 128) | 3 to 128, [`Limits::topic_length`] |
//! | the parent topic must exist | glossary | [`Builder::parent_topic`]; upper and lower case matter |
//! | a publish or subscribe without permission, to an unknown topic or a bad name closes the TCP connection | FAQ, page 151304 | at once, after what came before it was answered |
//! | whether it is answered (PUBACK, SUBACK 0x80, DISCONNECT) | no | no answer at all; [`Builder::acknowledge_violations`] answers (PUBACK, PUBREC, SUBACK, MQTT 5 with 0x87) |
//! | a body above 64 KB closes the connection, `invalid param` | limits, FAQ | the same; [`Limits::payload`] |
//! | a packet above 128 KB: not checked by default | "MQTT 5.0 overview" | closes the connection; [`Limits::packet`] |
//! | the 31st filter silently gets no messages | limits, FAQ | SUBACK grants it; it does not move up when another is given up |
//! | 100 wildcard subscriptions per first-level topic | FAQ messaging | no limit |
//! | rates and connection counts | limits | no limit |
//! | a publish needs a `W` or `RW` token that names its topic, a subscribe an `R` or `RW` one that covers its filter | token pages (how wildcards cover wildcards: no) | a resource covers a filter if it takes in every topic the filter can; P2P topics count like others |
//! | `$SYS/tokenInvalidNotice` with code and type before the cut | page 54282 | QoS 0; type of the token that failed, or the type missing; codes 1 to 5; 8 and -1 are never sent |
//! | when a revoked token bites | no | at once, code 3; and at each login |
//! | an expired token closes the connection | token pages | code 2 at that moment |
//! | `$SYS/tokenExpireNotice` about 5 min before, once, not guaranteed | token pages | always, QoS 0; at login if there is less time left; [`Builder::token_notice_lead`] |
//! | `$SYS/uploadToken` replaces the token of its type | page 54282 | acknowledged; a bad token closes the connection like a violation; without effect for a client that logged in without tokens |
//! | `$SYS/enableOrderMsg` with `{"order":"true"}` | demos | acknowledged; later publishes are logged as ordered; there are no topic types |
//! | `$SYS/getOfflineMsg` | page 59914 (legacy) | acknowledged, without effect |
//! | other `$SYS` topics | no | publish and subscribe are violations |
//! | P2P `{parent}/p2p/{clientId}` reaches its target without a subscription | page 96176 | exactly the target, at the QoS sent, and no subscriber of `{parent}/#` |
//! | the topic a P2P receiver sees | no | the topic as sent |
//! | an offline P2P target: kept only for QoS 1 of a sender with cleanSession false | glossary | whatever session the target has, lost at a stop; [`Emulator::publish_as_service`] counts as cleanSession true |
//! | cleanSession false: subscriptions and QoS 1 messages are kept, QoS 0 and 2 are not | "receive offline messages" (one page disagrees for QoS 0) | three days, for sessions as well; all that waits is sent at once (the service: 30 each 5 s) |
//! | what a resumed session gets | MQTT (4.4.0-1, 4.6.0-1) | first all that was sent and not acknowledged, QoS 2 as well, then what waited, in the order of publication |
//! | a QoS 2 message that a client sends again when it resumes its session | MQTT (4.3.3); the service keeps no QoS 2 exchange | delivered again, also if it had come before |
//! | two logins with a client id at once | no | one after the other: the later one closes the earlier one's connection |
//! | unacknowledged messages are pushed again | limits (5 to 10 s) | [`Builder::retransmit_after`], 10 s |
//! | will messages and retained messages do not exist | FAQ features | a will is dropped, the retain flag ignored, neither is refused |
//! | shared subscriptions do not exist | "MQTT 5.0 overview" | a violation, as `$share` is no parent topic |
//! | MQTT 5 session expiry: at least 10 min unless 0 | "session expiry interval" | the same |
//! | MQTT 5: 30 topic aliases each way | "topic alias" | the same; a higher one is a violation |
//! | a packet that MQTT 5 itself forbids | MQTT 5 (4.13) | DISCONNECT, or CONNACK, with the reason: 0x81 if it cannot be read (a property given twice among it), else 0x82 |
//! | other reason codes and DISCONNECTs of the server | no | a broken rule of the service, and all else, ends a connection without a DISCONNECT |
//! | MQTT 5: enhanced authentication | no | CONNACK 0x8C |
//! | MQTT 5: a message above the client's Maximum Packet Size | MQTT (3.1.2-25) | dropped, and the next one is sent; such a client gets no topic aliases |
//! | MQTT 5: UNSUBACK, PUBREL and PUBCOMP for what is not there | MQTT 5 | 0x11, and 0x92 |
//! | WebSocket path and sub-protocol | no (the JS demo's client uses `/mqtt` and `mqtt`) | any path; `mqtt` or `mqttv3.1` if offered, none if none |
//! | TLS versions | 1.2 is named | 1.2 and 1.3 |
//! | tokens live for 60 s to 30 days | ApplyToken | the same for ApplyToken; any duration for [`Emulator::issue_token`] |
//! | a token is used with the key that applied for it | token pages | code 1 with another key; a temporary key counts as well |
//!
//! The same for the OpenAPI:
//!
//! | behaviour | documented | this emulator's choice |
//! |---|---|---|
//! | the signatures V3 and V2 | help pages 2593177, 163046 | V3 if there is an `Authorization` header, else V2 |
//! | V3 signs `host`, `content-type` and all `x-acs-*` | 2593177 | must: `IncompleteSignature` (400) if one is not signed, they are not in order, or one comes twice |
//! | `x-acs-content-sha256` is the hash of the body | 2593177 | `SignatureDoesNotMatch` if not |
//! | a wrong signature: 400 `SignatureDoesNotMatch` with the server's string to sign | the old SDK reads it | for V2 that string holds all parameters as sent, tokens among them |
//! | codes for a key, time, nonce or security token that is not good | no | 404 `InvalidAccessKeyId.NotFound`; 400 `InvalidTimeStamp.Expired`, `InvalidTimeStamp.Format`, `SignatureNonceUsed`, `MissingSecurityToken`, `InvalidSecurityToken.MismatchWithAccessKey` |
//! | time stamps are good for 15 min (V3), 31 min (V2) | 2593177, 163046 | in both directions |
//! | a missing common parameter or header, another version, method or format | no | 400 `MissingParameter`, `InvalidVersion`, `InvalidSignatureMethod`, `InvalidSignatureVersion`, `InvalidFormat`; 405 `UnsupportedHTTPMethod` |
//! | the header `x-acs-accesskey-id` of a caller with a temporary key | yes (signature V3) | not demanded; signed like the others where it is sent |
//! | the order of the checks | no | form, version, time, key, security token, signature, nonce, action, instance, parameters; a refused signature does not use up the nonce |
//! | the format of answers | JSON or XML, defaults disagree | always JSON |
//! | the form of errors | `Code`, `Message`, `RequestId` | and `HostId`, the host asked |
//! | `ParameterCheckFailed`, `PermissionCheckFailed`, `InstancePermissionCheckFailed` (400), `ApiNotSupport` (404) | error code pages | which of them for what; an empty parameter counts as missing |
//! | `true` and `false` of a parameter, and the name of a format | lower case, capitals | in any letter case, as Alibaba's Python SDKs send `True` |
//! | a request line above 65,534 bytes, other headers above 400 KiB, or a request that cannot be read | no | 414, 431, 400 `ParameterCheckFailed` |
//! | bad percent-encoding, a parameter given twice, a body that is no form, or above 1 MiB | no | 400 `ParameterCheckFailed` (413 for the size); `+` is a space |
//! | throttling | rates; `ApplyTokenOverFlow` (400) | no rates; [`Emulator::throttle_api`] answers `ApplyTokenOverFlow`, or `Throttling.User` (429) with `x-acs-retry-after: 1`, whose unit is not documented |
//! | who may call what (RAM policies) | yes | every known key may do everything |
//! | ApplyToken: sorted Resources, at most 100, 60 s to 30 days, longer ones are cut without an error | ApplyToken | names are checked like filters, and the parent topic must exist |
//! | QueryToken, RevokeToken of a token never issued | no | `false`; `ParameterCheckFailed` |
//! | SendMessage | yes | QoS 1, the payload as sent; an offline P2P target gets nothing, as the sender counts as cleanSession true |
//! | MsgId | yes | made from the log entry of the publish; receivers find it by topic and body |
//! | CreateGroupId, DeleteGroupId | yes | for logins that follow; one that exists is `ParameterCheckFailed`, one that does not `PermissionCheckFailed`; tags are ignored |
//! | device credentials: Register replaces, Refresh renews | yes | Refresh renews id and secret and keeps CreateTime; a client id without a credential is `ParameterCheckFailed` |
//! | ListDeviceCredentialClientId: numbers as strings, PageNo or NextToken | yes | NextToken is the number of the next page, and wins; empty at the end |
//! | CloseConnection | yes (test phase) | a client that is not connected: Code 404, Success false |
//! | traces: `Action`, `ActionCode`, `ActionInfo` | the four trace pages | a refused login is `close`, `not authorized`; a message of the service is `pub_mq` of no client; a message sent again is not shown again |
//! | times of traces | yes | China's time (so the examples look); any span; any region id |
//! | the other actions | yes | not there: `ApiNotSupport` |
//!
//! Other traits of a stand-in: a stop or restart loses all sessions; a client cut by the front desk is gone from
//! [`Emulator::is_online`] before its socket closes; the first connection in a process starts one timer thread of a
//! dependency, which stays (asleep) until the process ends.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod account;
mod api;
mod broker;
mod builder;
mod emulator;
mod engine;
mod environment;
mod error;
mod front;
mod log;
mod names;
mod nonces;
mod packet;
mod random;
mod server;
mod service;
mod settings;
mod sockets;
mod time;
mod tls;
mod token;

pub use account::{DeviceCredential, SignMode};
pub use broker::SessionInfo;
pub use builder::Builder;
pub use emulator::Emulator;
pub use environment::{Environment, Transport};
pub use error::Error;
pub use log::{Action, DisconnectReason, Listener, LogEntry, Payload, Version, What};
pub use server::Server;
pub use settings::{
    DEFAULT_ACCESS_KEY_ID, DEFAULT_ACCESS_KEY_SECRET, DEFAULT_GROUP_ID, DEFAULT_INSTANCE_ID, DEFAULT_PARENT_TOPIC,
    DEFAULT_REGION_ID, Limits,
};
pub use token::Permission;
