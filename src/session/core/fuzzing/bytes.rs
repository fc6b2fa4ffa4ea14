//! The bytes of a run, read as what a step needs.

use crate::message::QoS;

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
        QoS::from_level(self.of(3)).unwrap_or(QoS::AtLeastOnce)
    }

    pub(super) fn filter(&mut self) -> String {
        ["a", "a/#", "b/+", "c"][usize::from(self.of(4))].to_string()
    }

    pub(super) fn id(&mut self) -> u16 {
        [0, 1, 2, 3, 4, 1022, 1023, 1024, 1025, 65_535][usize::from(self.of(10))]
    }
}
