//! The steps of doctor and their names.

use crate::lang::Text;

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
    /// Returns the name in JSON and in messages.
    pub(super) fn name(self) -> &'static str {
        self.title().english()
    }

    /// Returns the name for people, which is the English one in English.
    pub(super) const fn title(self) -> Text {
        match self {
            Step::Settings => const { Text::of("settings") },
            Step::Dns => const { Text::of("dns") },
            Step::Tcp => const { Text::of("tcp") },
            Step::Tls => const { Text::of("tls") },
            Step::Clock => const { Text::of("clock") },
            Step::Names => const { Text::of("names") },
            Step::Login => const { Text::of("login") },
            Step::Connect => const { Text::of("connect") },
            Step::Subscribe => const { Text::of("subscribe") },
            Step::Publish => const { Text::of("publish") },
            Step::P2p => const { Text::of("p2p") },
            Step::Stay => const { Text::of("stay") },
            Step::Token => const { Text::of("token") },
            Step::Api => const { Text::of("api") },
        }
    }

    /// Returns true if this step needs no network.
    pub(super) fn is_offline(self) -> bool {
        matches!(self, Step::Settings | Step::Names | Step::Login)
    }
}
