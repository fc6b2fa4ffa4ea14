//! The work of a connection without a packet of its client: the orders of the service, and the end of tokens.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::connection::{Connection, Out};
use super::desk::CLOSE_TIMEOUT;
use super::packets::{EXPIRE_NOTICE, INVALID_NOTICE, push};
use crate::broker::TOO_LARGE;
use crate::log::{Action, DisconnectReason, What};
use crate::login::Identity;
use crate::service::{Order, lock};
use crate::time::unix_millis;
use crate::token::{EXPIRED, Permission, TokenFault};

impl Connection<'_> {
    /// Carries out orders, and checks the tokens when one is about to expire.
    pub(super) async fn run_orders(
        &self,
        mut orders: UnboundedReceiver<Order>,
        out: &UnboundedSender<Out>,
    ) -> DisconnectReason {
        let mut notified = HashSet::new();
        loop {
            let wake = match self.check_tokens(&mut notified, out) {
                Ok(wake) => wake,
                Err(fault) => {
                    let reason = format!("resource auth failed: {fault}");
                    self.log(What::Violation { action: Action::HoldToken, topic: String::new(), reason });
                    self.log(What::NoticePushed { topic: INVALID_NOTICE.into() });
                    let bytes = push(self.version, INVALID_NOTICE, fault.notice().as_bytes());
                    let _ = out.send(Out::Last { bytes, after_pings: None });
                    return std::future::pending().await;
                }
            };
            let order = tokio::select! {
                order = orders.recv() => order,
                () = tokio::time::sleep(wake) => continue,
            };
            match order {
                Some(Order::Push { topic, payload }) => self.push(out, topic, &payload),
                Some(Order::Cut(reason)) => return reason,
                Some(Order::Superseded) => {
                    self.superseded.store(true, Ordering::Relaxed);
                    // The broker inside closes this connection, unless it waits for a client that does not read.
                    tokio::time::sleep(CLOSE_TIMEOUT).await;
                    return DisconnectReason::ClientIdConflict;
                }
                Some(Order::TokensChanged) | None => {}
            }
        }
    }

    /// Sends a notice, once, for each token that is about to expire. Returns the time until the next check is due, or
    /// the fault of a token that is no longer valid.
    fn check_tokens(&self, notified: &mut HashSet<String>, out: &UnboundedSender<Out>) -> Result<Duration, TokenFault> {
        let mut wake = Duration::from_secs(3600);
        let Identity::Tokens { access_key_id, held } = lock(&self.identity).clone() else { return Ok(wake) };
        let tokens = lock(&self.desk.service.tokens);
        for (permission, token) in held {
            tokens.check(&access_key_id, permission, &token)?;
            let Some(expires) = tokens.expiry(&token) else { continue };
            let left = expires.duration_since(SystemTime::now()).map_err(|_| expired(permission))?;
            let lead = self.desk.service.settings.token_notice_lead;
            if left <= lead && notified.insert(token) {
                let notice = format!(r#"{{"expireTime":{},"type":"{permission}"}}"#, unix_millis(expires));
                self.push(out, EXPIRE_NOTICE.into(), notice.as_bytes());
            }
            // The clock of the timer may run ahead of the system time; one more millisecond prevents a busy loop.
            let next = if left > lead { left - lead } else { left };
            wake = wake.min(next + Duration::from_millis(1));
        }
        Ok(wake)
    }

    /// Sends a notice, unless it exceeds the Maximum Packet Size of the client.
    fn push(&self, out: &UnboundedSender<Out>, topic: String, payload: &[u8]) {
        let frame = push(self.version, &topic, payload);
        if self.max_packet.is_some_and(|max| frame.len() as u64 > u64::from(max)) {
            return self.log(What::Dropped { topic, reason: TOO_LARGE.into() });
        }
        self.log(What::NoticePushed { topic });
        let _ = out.send(Out::Frame(frame));
    }
}

fn expired(permission: Permission) -> TokenFault {
    TokenFault { code: EXPIRED, permission }
}
