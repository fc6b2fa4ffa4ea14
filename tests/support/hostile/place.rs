//! The places of a connection's life at which the server turns hostile.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Instead of CONNACK, at the first login.
    InsteadOfConnAck,
    /// In the segment of the first CONNACK, right behind it.
    WithConnAck,
    /// Where SUBACK is due; SUBACK follows.
    BeforeSubAck,
    /// Where PUBACK is due; PUBACK follows.
    BeforePubAck,
    /// Between PUBREC and PUBCOMP: where PUBCOMP is due; PUBCOMP follows.
    BeforePubComp,
    /// On an idle connection, where PINGRESP is due; PINGRESP follows.
    BeforePingResp,
    /// Within a flood of messages to the client.
    WithinFlood,
    /// While the client disconnects: where the last PUBACK is due, or after DISCONNECT, by the seed.
    AtGoodbye,
    /// On the next connection, of a kept session: in the segment of the CONNACK that resumes it, or instead of that, by
    /// the seed.
    OnResumedSession,
}

pub const PLACES: [Place; 9] = [
    Place::InsteadOfConnAck,
    Place::WithConnAck,
    Place::BeforeSubAck,
    Place::BeforePubAck,
    Place::BeforePubComp,
    Place::BeforePingResp,
    Place::WithinFlood,
    Place::AtGoodbye,
    Place::OnResumedSession,
];

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Place::InsteadOfConnAck => "instead-of-connack",
            Place::WithConnAck => "with-connack",
            Place::BeforeSubAck => "before-suback",
            Place::BeforePubAck => "before-puback",
            Place::BeforePubComp => "before-pubcomp",
            Place::BeforePingResp => "before-pingresp",
            Place::WithinFlood => "within-flood",
            Place::AtGoodbye => "at-goodbye",
            Place::OnResumedSession => "on-resumed-session",
        }
    }
}
