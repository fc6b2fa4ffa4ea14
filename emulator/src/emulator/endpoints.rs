//! The addresses of an emulator, and the ids and keys of its account.

use std::net::SocketAddr;

use super::Emulator;
use crate::control::Control;
use crate::sockets::{reachable, tls_authority};

impl Emulator {
    /// Returns the endpoint for plain TCP, `mqtt://127.0.0.1:PORT`; with the address of [`Builder::address`], unless
    /// that stands for all addresses.
    ///
    /// [`Builder::address`]: crate::Builder::address
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("mqtt://{}", reachable(self.tcp_addr()))
    }

    /// Returns the endpoint for TLS, `mqtts://localhost:PORT`. Its certificate is valid for `localhost`, `127.0.0.1`
    /// and `::1`, under the CA of [`ca_pem`](Self::ca_pem). The listener itself is on 127.0.0.1.
    #[must_use]
    pub fn tls_endpoint(&self) -> String {
        format!("mqtts://{}", tls_authority(self.tls_addr()))
    }

    /// Returns the endpoint for WebSocket, `ws://127.0.0.1:PORT/mqtt`. Any other path works, too.
    #[must_use]
    pub fn ws_endpoint(&self) -> String {
        format!("ws://{}/mqtt", reachable(self.ws_addr()))
    }

    /// Returns the endpoint for WebSocket over TLS, `wss://localhost:PORT/mqtt`.
    #[must_use]
    pub fn wss_endpoint(&self) -> String {
        format!("wss://{}/mqtt", tls_authority(self.wss_addr()))
    }

    /// Returns the endpoint of the OpenAPI, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn api_endpoint(&self) -> String {
        format!("http://{}", reachable(self.api_addr()))
    }

    /// Returns the endpoint of the OpenAPI over TLS, `https://localhost:PORT`, with the certificate of
    /// [`tls_endpoint`](Self::tls_endpoint).
    #[must_use]
    pub fn api_tls_endpoint(&self) -> String {
        format!("https://{}", tls_authority(self.api_tls_addr()))
    }

    /// Returns the address of the listener for plain TCP.
    #[must_use]
    pub fn tcp_addr(&self) -> SocketAddr {
        self.machine.addresses[0]
    }

    /// Returns the address of the listener for TLS.
    #[must_use]
    pub fn tls_addr(&self) -> SocketAddr {
        self.machine.addresses[1]
    }

    /// Returns the address of the listener for WebSocket.
    #[must_use]
    pub fn ws_addr(&self) -> SocketAddr {
        self.machine.addresses[2]
    }

    /// Returns the address of the listener for WebSocket over TLS.
    #[must_use]
    pub fn wss_addr(&self) -> SocketAddr {
        self.machine.addresses[3]
    }

    /// Returns the address of the listener for the OpenAPI over HTTP.
    #[must_use]
    pub fn api_addr(&self) -> SocketAddr {
        self.machine.addresses[4]
    }

    /// Returns the address of the listener for the OpenAPI over HTTPS.
    #[must_use]
    pub fn api_tls_addr(&self) -> SocketAddr {
        self.machine.addresses[5]
    }

    /// Returns the URL of the control API, `http://127.0.0.1:PORT/control`; `None` unless
    /// [`Builder::control_port`](crate::Builder::control_port) asked for it.
    #[must_use]
    pub fn control_url(&self) -> Option<String> {
        self.control.as_ref().map(Control::url)
    }

    /// Returns the bearer token of the control API.
    #[must_use]
    pub fn control_token(&self) -> Option<&str> {
        self.control.as_ref().map(Control::token)
    }

    /// Returns the link to the page in the browser, if [`Builder::page`](crate::Builder::page) asked for it. Whoever
    /// has the link controls the emulator: its fragment is the token.
    #[must_use]
    pub fn page_url(&self) -> Option<String> {
        self.control.as_ref().and_then(Control::page_url)
    }

    /// Returns the CA certificate that verifies the server's, as PEM. Each emulator creates its own; a restart keeps
    /// it.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.machine.certificates.ca_pem
    }

    /// Returns the instance id.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.machine.service.settings.directory.instance_id
    }

    /// Returns the first group id.
    #[must_use]
    pub fn group_id(&self) -> &str {
        self.machine.service.settings.directory.groups.first().map_or("", |group| &group.id)
    }

    /// Returns the first parent topic.
    #[must_use]
    pub fn parent_topic(&self) -> &str {
        self.machine.service.settings.parent_topics.first().map_or("", String::as_str)
    }

    /// Returns the first AccessKey id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.machine.service.settings.directory.access_keys.first().map_or("", |(id, _)| id)
    }

    /// Returns the secret of the first AccessKey.
    #[must_use]
    pub fn access_key_secret(&self) -> &str {
        self.machine.service.settings.directory.access_keys.first().map_or("", |(_, secret)| secret)
    }
}
