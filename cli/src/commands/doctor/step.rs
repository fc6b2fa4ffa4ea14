//! The steps of doctor and their names.

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Settings,
    Dns,
    Tcp,
    Tls,
    Clock,
    Names,
    Login,
    Connect,
    Subscribe,
    Publish,
    P2p,
    Stay,
    Token,
    Api,
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::Settings => "settings",
            Step::Dns => "dns",
            Step::Tcp => "tcp",
            Step::Tls => "tls",
            Step::Clock => "clock",
            Step::Names => "names",
            Step::Login => "login",
            Step::Connect => "connect",
            Step::Subscribe => "subscribe",
            Step::Publish => "publish",
            Step::P2p => "p2p",
            Step::Stay => "stay",
            Step::Token => "token",
            Step::Api => "api",
        }
    }

    /// Returns true if this step needs no network.
    pub(super) fn is_offline(self) -> bool {
        matches!(self, Step::Settings | Step::Names | Step::Login)
    }
}
