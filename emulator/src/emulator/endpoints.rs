//! Where an emulator can be reached, and the names and keys of its account.

use std::net::SocketAddr;

use super::Emulator;

impl Emulator {
    /// The plain endpoint, `mqtt://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("mqtt://{}", self.tcp_addr())
    }

    /// The TLS endpoint, `mqtts://localhost:PORT`. Its certificate is good for `localhost`, `127.0.0.1` and `::1`, under
    /// the CA of [`ca_pem`](Self::ca_pem). The listener itself is on 127.0.0.1.
    #[must_use]
    pub fn tls_endpoint(&self) -> String {
        format!("mqtts://localhost:{}", self.tls_addr().port())
    }

    /// The WebSocket endpoint, `ws://127.0.0.1:PORT/mqtt`. Any other path works as well.
    #[must_use]
    pub fn ws_endpoint(&self) -> String {
        format!("ws://{}/mqtt", self.ws_addr())
    }

    /// The endpoint for WebSocket over TLS, `wss://localhost:PORT/mqtt`.
    #[must_use]
    pub fn wss_endpoint(&self) -> String {
        format!("wss://localhost:{}/mqtt", self.wss_addr().port())
    }

    /// The endpoint of the OpenAPI, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn api_endpoint(&self) -> String {
        format!("http://{}", self.api_addr())
    }

    /// The endpoint of the OpenAPI over TLS, `https://localhost:PORT`; its certificate is that of
    /// [`tls_endpoint`](Self::tls_endpoint).
    #[must_use]
    pub fn api_tls_endpoint(&self) -> String {
        format!("https://localhost:{}", self.api_tls_addr().port())
    }

    /// Where plain TCP is taken.
    #[must_use]
    pub fn tcp_addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where TLS is taken.
    #[must_use]
    pub fn tls_addr(&self) -> SocketAddr {
        self.addresses[1]
    }

    /// Where WebSocket is taken.
    #[must_use]
    pub fn ws_addr(&self) -> SocketAddr {
        self.addresses[2]
    }

    /// Where WebSocket over TLS is taken.
    #[must_use]
    pub fn wss_addr(&self) -> SocketAddr {
        self.addresses[3]
    }

    /// Where the OpenAPI is taken over plain HTTP.
    #[must_use]
    pub fn api_addr(&self) -> SocketAddr {
        self.addresses[4]
    }

    /// Where the OpenAPI is taken over HTTPS.
    #[must_use]
    pub fn api_tls_addr(&self) -> SocketAddr {
        self.addresses[5]
    }

    /// The certificate of the CA that signed the server's, as PEM. Made anew at each start, kept over a restart.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.certificates.ca_pem
    }

    /// The id of the instance.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.service.settings.directory.instance_id
    }

    /// The first group id.
    #[must_use]
    pub fn group_id(&self) -> &str {
        self.service.settings.directory.groups.first().map_or("", |group| &group.id)
    }

    /// The first parent topic.
    #[must_use]
    pub fn parent_topic(&self) -> &str {
        self.service.settings.parent_topics.first().map_or("", String::as_str)
    }

    /// The first access key id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.service.settings.directory.access_keys.first().map_or("", |(id, _)| id)
    }

    /// The secret of the first access key.
    #[must_use]
    pub fn access_key_secret(&self) -> &str {
        self.service.settings.directory.access_keys.first().map_or("", |(_, secret)| secret)
    }
}
