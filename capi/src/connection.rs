//! A library's client with what belongs to it, and the settings it is made from.

use std::sync::Arc;

use aliyun_mqtt::{Client, Config, ConfigBuilder, Credentials, Result};

use crate::credentials::by_hand::{ByHand, First};
use crate::input::Failure;
use crate::threads;

/// The settings of a client.
pub(crate) struct Settings {
    pub(crate) builder: ConfigBuilder,
    /// The first tokens, if the program hands in the later ones. The builder has them as well.
    pub(crate) by_hand: Option<Arc<First>>,
}

/// A client that was connected, with what belongs to it.
pub(crate) struct Connection {
    client: Client,
    by_hand: Option<Arc<ByHand>>,
}

impl Settings {
    /// Checks the settings without connecting.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.builder.clone().build()?;
        Ok(())
    }

    /// Connects, and blocks at most for the configured timeout.
    pub(crate) fn connect(&self) -> Result<Connection, Failure> {
        let config = self.builder.clone().build()?;
        let Some(first) = &self.by_hand else {
            return Ok(Connection { client: connect(config)?, by_hand: None });
        };
        let by_hand = ByHand::new(first, &config);
        let config = self.builder.clone().credentials(by_hand.credentials()).build()?;
        let client = connect(config)?;
        by_hand.connected();
        Ok(Connection { client, by_hand: Some(by_hand) })
    }

    /// Returns true if both make the same client. Tokens that the program hands in make no difference.
    pub(crate) fn same(&self, other: &Settings) -> bool {
        match (&self.by_hand, &other.by_hand) {
            (None, None) => self.builder.same_settings(&other.builder),
            (Some(one), Some(two)) => {
                one.access_key_id == two.access_key_id && self.without_tokens().same_settings(&other.without_tokens())
            }
            _ => false,
        }
    }

    fn without_tokens(&self) -> ConfigBuilder {
        self.builder.clone().credentials(Credentials::signature("", ""))
    }
}

impl Connection {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn by_hand(&self) -> Option<&Arc<ByHand>> {
        self.by_hand.as_ref()
    }

    /// Notes that the client has ended: nobody waits for tokens any more.
    pub(crate) fn end(&self) {
        if let Some(by_hand) = &self.by_hand {
            by_hand.end();
        }
    }
}

/// Connects on a thread without signals, so that none reaches the client's threads.
fn connect(config: Config) -> Result<Client> {
    threads::run("aliyun-mqtt-connect", || Client::connect(config))
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
    }
}
