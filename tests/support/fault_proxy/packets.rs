//! Where MQTT packets begin and end in a stream of bytes.

const PUBACK: u8 = 4;

/// Follows a stream from its first byte on.
#[derive(Debug, Default)]
pub(super) struct Packets {
    at: At,
}

#[derive(Debug, Default)]
enum At {
    #[default]
    Start,
    Length {
        value: usize,
        shift: u32,
    },
    Body {
        left: usize,
    },
    /// Nowhere: the stream does not show packets.
    Unseen,
}

/// A part of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The type of the packet, where this part is its beginning.
    pub(super) begins: Option<u8>,
    pub(super) length: usize,
    /// The packet ends with it.
    pub(super) ends: bool,
}

impl Packets {
    /// Of a stream that does not show them: each piece counts as one whole acknowledgement.
    pub(super) fn unseen() -> Packets {
        Packets { at: At::Unseen }
    }

    /// The first part of these bytes that belongs to one packet; `None` when there are none.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<Part> {
        let mut begins = None;
        let mut length = 0;
        while length < bytes.len() {
            match &mut self.at {
                At::Start => {
                    begins = Some(bytes[length] >> 4);
                    self.at = At::Length { value: 0, shift: 0 };
                    length += 1;
                }
                At::Length { value, shift } => {
                    let byte = bytes[length];
                    *value |= usize::from(byte & 0x7f) << *shift;
                    *shift += 7;
                    length += 1;
                    if byte & 0x80 == 0 || *shift > 21 {
                        self.at = At::Body { left: *value };
                    }
                }
                At::Unseen => return Some(Part { begins: Some(PUBACK), length: bytes.len(), ends: true }),
                At::Body { left } => {
                    let take = (*left).min(bytes.len() - length);
                    *left -= take;
                    length += take;
                }
            }
            if matches!(self.at, At::Body { left: 0 }) {
                self.at = At::Start;
                return Some(Part { begins, length, ends: true });
            }
        }
        (length > 0).then_some(Part { begins, length, ends: false })
    }
}
