//! Certificates and HTTP proxies.
//!
//! # TLS
//!
//! The server's certificate is always verified; no switch turns that off. The CA certificates of
//! [`ca_file`](Network::ca_file) are tried first, then those of the system, or Mozilla's where the system has none.
//! [`Network`] also holds the client's own certificate, for mutual TLS. A handshake that fails is an
//! [`ErrorKind::Tls`].
//!
//! # HTTP proxies
//!
//! Everything that holds for [connections](super::connections) also holds through an HTTP proxy (feature `proxy`,
//! [`ConfigBuilder::proxy`], or a [`Network`] for MQTT and the API; the API needs no feature for it). A proxy is used
//! only if the program or `ALIYUN_MQTT_PROXY` sets one. The proxy looks up the server's name, each connection has a
//! tunnel of its own, and a refused tunnel is an [`ErrorKind::Proxy`] with the proxy's status. A proxy that closes idle
//! tunnels needs a shorter [`keep_alive`](ConfigBuilder::keep_alive).
//!
//! The status 200 opens a tunnel; any other success (201 to 299) counts as a refusal, which the library underneath
//! decides.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
