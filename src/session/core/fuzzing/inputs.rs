//! The bytes of a run, read as what a step needs.

use crate::config::{AckMode, Config};
use crate::credentials::Credentials;
use crate::error::Code;
use crate::limits::Limits;
use crate::message::QoS;
use crate::session::wire::link::{LinkEvent, Refusal, Sent};
use crate::token::{Token, TokenKind};

pub(super) struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    pub(super) fn new(data: &[u8]) -> Bytes<'_> {
        Bytes(data.iter())
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    /// One of so many; the first where the bytes are used up.
    pub(super) fn of(&mut self, count: u8) -> u8 {
        self.next().unwrap_or_default() % count
    }

    pub(super) fn qos(&mut self) -> QoS {
        QoS::try_from(self.of(3)).unwrap_or(QoS::AtLeastOnce)
    }

    pub(super) fn filter(&mut self) -> String {
        ["a", "a/#", "b/+", "c"][usize::from(self.of(4))].to_string()
    }

    pub(super) fn id(&mut self) -> u16 {
        [0, 1, 2, 3, 4, 7, 8, 9, 32, 65_535][usize::from(self.of(10))]
    }
}

/// Anything an adapter can report, whether it makes sense or not.
pub(super) fn any_event(bytes: &mut Bytes<'_>) -> LinkEvent {
    let (kind, id) = (bytes.of(13), bytes.id());
    match kind {
        0 => LinkEvent::Sent(Sent::Publish(id)),
        1 => LinkEvent::Sent(Sent::Subscribe(id)),
        2 => LinkEvent::Sent(Sent::Unsubscribe(id)),
        3 => LinkEvent::PubAck(id),
        4 => LinkEvent::PubRec(id),
        5 => LinkEvent::PubComp(id),
        6 => LinkEvent::SubAck(
            id,
            vec![if bytes.of(2) == 0 { Ok(bytes.qos()) } else { Err(0x80) }; bytes.of(3).into()],
            None,
        ),
        7 => LinkEvent::UnsubAck(id),
        8 => LinkEvent::Released(id),
        9 => LinkEvent::Acknowledged,
        10 => LinkEvent::PublishRefused(
            id,
            refusal([Code::PubAck, Code::PubRec, Code::PubComp][usize::from(bytes.of(3))]),
        ),
        11 => LinkEvent::UnsubRefused(id, refusal(Code::UnsubAck)),
        _ => LinkEvent::Alive,
    }
}

fn refusal(code: fn(u8) -> Code) -> Refusal {
    Refusal { code: code(0x87), reason: None }
}

/// One of sixteen.
pub(super) fn config(kind: u8) -> Config {
    let credentials = match kind & 4 {
        0 => Credentials::signature("key", "secret"),
        _ => Credentials::tokens("key", [Token::new(TokenKind::ReadWrite, "x")]),
    };
    let builder = Config::builder()
        .endpoint("mqtt://127.0.0.1:1883")
        .instance_id("post-cn-fuzz")
        .group_id("GID_fuzz")
        .device_id("1")
        .credentials(credentials)
        .limits(Limits::default().outbox(8, 10_000).inbox(4, 1_500))
        .clean_session(kind & 1 == 0)
        .ordered(kind & 2 != 0)
        .deliver_notices(kind & 8 != 0)
        .ack_mode(if kind & 8 == 0 { AckMode::OnTake } else { AckMode::Manual });
    #[allow(clippy::expect_used, reason = "these are good configurations")]
    builder.build().expect("a good configuration")
}
