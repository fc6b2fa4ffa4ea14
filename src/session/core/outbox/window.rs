//! The window: how many operations may be in flight on one connection.
//!
//! On a long line, a small window is what limits the rate: a message takes its place for a whole round trip. The window
//! therefore grows once per round trip, up to its bound, as long as
//!
//! * it was full during the round trip, so that it was the limit,
//! * the acknowledgements come in the order of sending and without a gap, as MQTT demands,
//! * the round trip is [`LONG`]: on a shorter one the start is enough.
//!
//! It grows fast, since it is no control of congestion: TCP sees to that. Each connection begins at the start: the line
//! may be another, and the messages of the last connection are sent again first.

use std::time::Duration;

use crate::message::QoS;

/// The shortest round trip on which the window grows. A window of 100 allows 20,000 messages a second there.
const LONG: Duration = Duration::from_millis(5);

/// How many times its size the window has after it has grown.
const STEP: usize = 4;

/// The sizes between which the window moves; the same twice if it is fixed.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct WindowRange {
    pub(in crate::session) start: usize,
    pub(in crate::session) most: usize,
}

/// The growth of the window on one connection.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// How often it has grown.
    steps: u32,
    /// The window was full when a message of the current round was sent.
    full: bool,
    /// QoS 1 and QoS 2: each is acknowledged in its own order.
    lanes: [Lane; 2],
}

/// The messages of one QoS, numbered in the order of sending. The numbers wrap around.
#[derive(Debug, Default)]
struct Lane {
    sent: u32,
    acknowledged: u32,
    /// The acknowledgement of this message or a later one ends the round.
    round: u32,
}

impl Window {
    /// Returns how many operations may be in flight.
    pub(super) fn size(&self, range: WindowRange) -> usize {
        range.start.saturating_mul(STEP.saturating_pow(self.steps)).min(range.most)
    }

    /// Notes that a message was sent. `filled`: the window was full then. Returns the message's number, which
    /// [`acknowledged`](Window::acknowledged) asks for.
    pub(super) fn sent(&mut self, qos: QoS, filled: bool) -> u32 {
        // A QoS 0 message waits for the socket only.
        let Some(lane) = self.lane(qos) else { return 0 };
        let number = lane.sent;
        lane.sent = number.wrapping_add(1);
        self.full |= filled;
        number
    }

    /// Notes that the server has acknowledged a message, and enlarges the window if a round of messages is through.
    /// `took`: the time since the message was sent.
    pub(super) fn acknowledged(&mut self, qos: QoS, number: u32, took: Duration, range: WindowRange) {
        let Some(lane) = self.lane(qos) else { return };
        let in_order = lane.acknowledged == number;
        lane.acknowledged = lane.acknowledged.wrapping_add(1);
        let round_ends = (number.wrapping_sub(lane.round) as i32) >= 0;
        if !in_order || !round_ends {
            return;
        }
        if self.full && took >= LONG && self.size(range) < range.most {
            self.steps += 1;
        }
        self.full = false;
        self.lanes.iter_mut().for_each(|lane| lane.round = lane.sent);
    }

    fn lane(&mut self, qos: QoS) -> Option<&mut Lane> {
        match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(&mut self.lanes[0]),
            QoS::ExactlyOnce => Some(&mut self.lanes[1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const RANGE: WindowRange = WindowRange { start: 100, most: 1_000 };
    const FAR: Duration = Duration::from_millis(200);

    /// A publisher that always has more to send.
    #[derive(Default)]
    struct Line {
        window: Window,
        in_flight: VecDeque<u32>,
    }

    impl Line {
        /// Sends what there is room for. Returns how many are in flight.
        fn fill(&mut self) -> usize {
            while self.in_flight.len() < self.window.size(RANGE) {
                let filled = self.in_flight.len() + 1 == self.window.size(RANGE);
                self.in_flight.push_back(self.window.sent(QoS::AtLeastOnce, filled));
            }
            self.in_flight.len()
        }

        fn acknowledge(&mut self, count: usize, took: Duration) {
            for number in self.in_flight.drain(..count) {
                self.window.acknowledged(QoS::AtLeastOnce, number, took, RANGE);
            }
        }
    }

    #[test]
    fn it_grows_once_per_round_trip_up_to_its_bound() {
        let mut line = Line::default();
        let sizes: Vec<_> = (0..4)
            .map(|_| {
                let sent = line.fill();
                line.acknowledge(sent, FAR);
                sent
            })
            .collect();
        assert_eq!(sizes, [100, 400, 1_000, 1_000]);
    }

    #[test]
    fn ten_thousand_messages_take_twelve_round_trips() {
        let (mut line, mut left, mut rounds) = (Line::default(), 10_000, 0);
        while left > 0 {
            let sent = line.fill();
            line.acknowledge(sent, FAR);
            left -= sent.min(left);
            rounds += 1;
        }
        assert_eq!(rounds, 12, "2.4 s over 200 ms");
    }

    #[test]
    fn acknowledgements_that_trickle_in_enlarge_it_once_per_round_trip_too() {
        let mut line = Line::default();
        let mut sizes = Vec::new();
        for _ in 0..3 {
            for _ in 0..line.fill() {
                line.acknowledge(1, FAR);
                line.fill();
            }
            sizes.push(line.window.size(RANGE));
        }
        assert_eq!(sizes, [400, 1_000, 1_000]);
    }

    #[test]
    fn a_window_that_acknowledged_messages_do_not_fill_does_not_grow() {
        let mut window = Window::default();
        for _ in 0..1_000 {
            window.sent(QoS::AtMostOnce, true);
            let number = window.sent(QoS::AtLeastOnce, false);
            window.acknowledged(QoS::AtLeastOnce, number, FAR, RANGE);
        }
        assert_eq!(window.size(RANGE), 100);
    }

    #[test]
    fn nor_does_it_grow_on_a_short_line_or_beyond_a_fixed_size() {
        let mut line = Line::default();
        for _ in 0..10 {
            let sent = line.fill();
            line.acknowledge(sent, LONG - Duration::from_nanos(1));
        }
        assert_eq!(line.fill(), 100);
        let (fixed, mut window) = (WindowRange { start: 7, most: 7 }, Window::default());
        let number = window.sent(QoS::AtLeastOnce, true);
        window.acknowledged(QoS::AtLeastOnce, number, FAR, fixed);
        assert_eq!((window.size(fixed), window.steps), (7, 0));
    }

    #[test]
    fn a_gap_in_the_acknowledgements_stops_the_growth_until_it_is_filled() {
        let mut line = Line::default();
        line.fill();
        let missing = line.in_flight.pop_front().expect("in flight");
        line.acknowledge(99, FAR);
        line.fill();
        line.acknowledge(99, FAR);
        assert_eq!(line.window.size(RANGE), 100);
        line.window.acknowledged(QoS::AtLeastOnce, missing, FAR, RANGE);
        assert_eq!(line.window.size(RANGE), 100, "it came late");
        line.fill();
        line.acknowledge(1, FAR);
        assert_eq!(line.window.size(RANGE), 400);
    }

    #[test]
    fn qos_1_and_2_have_an_order_each() {
        let mut window = Window::default();
        let twice = window.sent(QoS::ExactlyOnce, false);
        let once = window.sent(QoS::AtLeastOnce, true);
        // QoS 2 takes two round trips.
        window.acknowledged(QoS::AtLeastOnce, once, FAR, RANGE);
        assert_eq!(window.size(RANGE), 400);
        let next = window.sent(QoS::AtLeastOnce, true);
        window.acknowledged(QoS::ExactlyOnce, twice, FAR * 2, RANGE);
        assert_eq!(window.size(RANGE), 400, "it was sent before the round began");
        window.acknowledged(QoS::AtLeastOnce, next, FAR, RANGE);
        assert_eq!(window.size(RANGE), 1_000);
    }
}
