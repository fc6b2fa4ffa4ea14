//! The window that grows, its packet ids, and the care after a cut.

use std::collections::VecDeque;

use super::*;

const FAR: Duration = Duration::from_millis(200);

/// Counts ids as rumqttc does: a request gets its id when it is taken from the channel.
struct Adapter {
    last: u16,
    limit: u16,
    channel: usize,
    /// Requests that were taken without a report to the outbox.
    taken: VecDeque<u16>,
}

impl Adapter {
    fn take(&mut self) {
        self.channel -= 1;
        let id = self.last + 1;
        self.last = if id == self.limit { 0 } else { id };
        self.taken.push_back(id);
    }

    fn report(&mut self, outbox: &mut Outbox) -> u16 {
        let id = self.taken.pop_front().expect("taken");
        outbox.sent(Sent::Publish(id), true, moment()).expect("in step");
        id
    }

    fn put(&mut self, outbox: &mut Outbox) -> u64 {
        let (seq, id) = outbox.next(false).expect("room and a free id");
        outbox.put_in_channel(seq, id, moment());
        self.channel += 1;
        seq
    }
}

fn acknowledge(outbox: &mut Outbox, id: u16, took: Duration) {
    let Some(AckFor::Op(seq)) = take(outbox, id) else { panic!("packet id {id} is not in use") };
    outbox.answered(seq, moment() + took);
    outbox.acknowledged(seq, Outcome::default());
}

/// An outbox whose window has just grown from 4 to 16, with packet ids for 4.
fn grown() -> (Outbox, Adapter) {
    let window = WindowRange { start: 4, most: 16 };
    let mut outbox = Outbox::new(Bounds { window, count: 1_000, bytes: usize::MAX, ids: 16 });
    outbox.connected(false, None, moment());
    push_qos_1(&mut outbox, 200);
    let sent = send(&mut outbox);
    assert_eq!(sent.len(), 4);
    sent.iter().for_each(|(_, id)| acknowledge(&mut outbox, *id, FAR));
    (outbox, Adapter { last: 4, limit: 16, channel: 0, taken: VecDeque::new() })
}

#[test]
fn ids_grow_only_when_rumqttc_goes_on_with_those_that_were_predicted() {
    let (mut at_once, mut later) = (0, 0);
    for through in 0..=32 {
        for (put, taken, reported) in (0..=4).flat_map(|n| (0..=n).flat_map(move |t| (0..=t).map(move |r| (n, t, r)))) {
            let (mut outbox, mut adapter) = grown();
            for _ in 0..through {
                adapter.put(&mut outbox);
                adapter.take();
                let id = adapter.report(&mut outbox);
                acknowledge(&mut outbox, id, Duration::ZERO);
            }
            (0..put).for_each(|_| _ = adapter.put(&mut outbox));
            (0..taken).for_each(|_| adapter.take());
            let mut ids: Vec<_> = (0..reported).map(|_| adapter.report(&mut outbox)).collect();
            let grow = |outbox: &mut Outbox, adapter: &mut Adapter| {
                let limit = outbox.grow_ids()?;
                assert_eq!((limit, outbox.id_limit()), (64, 64), "for the largest window");
                adapter.limit = limit;
                Some(())
            };
            let grew = grow(&mut outbox, &mut adapter);
            at_once += usize::from(grew.is_some());
            later += usize::from(grew.is_none());
            (taken..put).for_each(|_| adapter.take());
            (reported..put).for_each(|_| ids.push(adapter.report(&mut outbox)));
            if grew.is_none() {
                grow(&mut outbox, &mut adapter).expect("nothing is in the channel any more");
            }
            assert!(outbox.grow_ids().is_none(), "once");
            outbox.assert_consistent();
            for _ in 0..100 {
                ids.iter().for_each(|id| acknowledge(&mut outbox, *id, Duration::ZERO));
                adapter.put(&mut outbox);
                adapter.take();
                ids = vec![adapter.report(&mut outbox)];
            }
        }
    }
    assert!(at_once > later && later > 0, "{at_once} at once, {later} later");
}

#[test]
fn the_window_waits_for_its_packet_ids() {
    let (mut outbox, _) = grown();
    assert_eq!(send(&mut outbox).len(), 4, "sixteen ids are for four");
    assert!(outbox.grow_ids().is_some());
    assert_eq!(send(&mut outbox).len(), 12, "sixteen in all");
    assert_eq!(outbox.window(), 16);
}

#[test]
fn a_connection_starts_small_and_keeps_the_ids_of_a_resumed_session() {
    for resumed in [false, true] {
        let (mut outbox, _) = grown();
        outbox.grow_ids().expect("grown");
        for round in 0..6 {
            let sent = send(&mut outbox);
            if round < 5 {
                sent.iter().for_each(|(_, id)| acknowledge(&mut outbox, *id, FAR));
            }
        }
        assert_eq!(outbox.window(), 16);
        let ids: Vec<_> = outbox.ops.values().filter_map(Op::current_id).collect();
        assert!(ids.iter().any(|id| *id > 16), "{ids:?}");
        outbox.disconnected(resumed, Blame::Nobody, moment());
        outbox.connected(resumed, None, moment());
        assert_eq!((outbox.window(), outbox.id_limit()), (4, if resumed { 64 } else { 16 }));
        let again: Vec<_> = send(&mut outbox).into_iter().map(|(_, id)| id).collect();
        assert_eq!(again, if resumed { ids[..4].to_vec() } else { vec![1, 2, 3, 4] });
        outbox.assert_consistent();
    }
}

#[test]
fn the_servers_limit_is_no_reason_to_grow() {
    let window = WindowRange { start: 4, most: 16 };
    let mut outbox = Outbox::new(Bounds { window, count: 1_000, bytes: usize::MAX, ids: 16 });
    outbox.connected(false, Some(6), moment());
    push_qos_1(&mut outbox, 200);
    for expected in [4, 6, 6, 6, 6] {
        let sent = send(&mut outbox);
        assert_eq!(sent.len(), expected);
        sent.iter().for_each(|(_, id)| acknowledge(&mut outbox, *id, FAR));
        outbox.grow_ids();
    }
    assert_eq!(outbox.id_limit(), 24, "for six");
}

/// The cost of a search for the culprit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Cost {
    connections: usize,
    alone: usize,
}

impl Cost {
    fn max(self, other: Cost) -> Cost {
        Cost { connections: self.connections.max(other.connections), alone: self.alone.max(other.alone) }
    }
}

/// Sends `COUNT` messages to a server that closes the connection at one of them, until it is found and no other is a
/// suspect. Of the acknowledgements before the cut, the last `lost` do not arrive.
fn search(window: WindowRange, poison: u64, lost: usize, notice: bool) -> Cost {
    let ids = u16::try_from(window.start * 4).expect("few");
    let mut outbox = Outbox::new(Bounds { window, count: COUNT, bytes: usize::MAX, ids });
    push_qos_1(&mut outbox, COUNT);
    let (mut cost, mut found) = (Cost::default(), false);
    loop {
        cost.connections += 1;
        outbox.connected(false, None, moment());
        let mut in_flight = VecDeque::new();
        loop {
            outbox.grow_ids();
            let alone = outbox.has_suspects();
            let sent = send(&mut outbox);
            cost.alone += if alone { sent.len() } else { 0 };
            in_flight.extend(sent);
            if found && !alone {
                return cost;
            }
            let at = in_flight.iter().position(|(seq, _)| *seq == poison);
            let acknowledged = at.map_or(in_flight.len(), |at| at.saturating_sub(lost));
            in_flight.drain(..acknowledged).for_each(|(_, id)| acknowledge(&mut outbox, id, FAR));
            if at.is_some() {
                break;
            }
        }
        let blame = if notice { Blame::Proven(Some(Kind::Publish)) } else { Blame::Recent };
        outbox.disconnected(false, blame, moment());
        outbox.assert_consistent();
        if let Some(seq) = outbox.convicted() {
            assert_eq!(seq, poison, "nobody else is blamed");
            outbox.convict(seq, Error::internal("convicted"));
            found = true;
        }
    }
}

const COUNT: usize = 10_000;

/// The highest cost of a search among all places of the poison and all fates of the acknowledgements.
fn worst(window: WindowRange, notice: bool) -> Cost {
    let cases = [(1, 0), (150, 40), (5_000, 0), (5_000, 40), (10_000, COUNT)];
    cases.into_iter().fold(Cost::default(), |worst, (poison, lost)| worst.max(search(window, poison, lost, notice)))
}

#[test]
fn a_search_among_ten_thousand_in_flight_costs_no_more_than_with_a_window_of_100() {
    let today = worst(WindowRange { start: 100, most: 100 }, false);
    assert_eq!(today, Cost { connections: 5, alone: 101 });
    for start in [100, 10_000] {
        let cost = worst(WindowRange { start, most: 10_000 }, false);
        assert_eq!(cost.max(today), today, "from {start}");
    }
}

#[test]
fn a_notice_that_may_be_about_thousands_sends_few_of_them_alone() {
    let today = worst(WindowRange { start: 100, most: 100 }, true);
    assert_eq!(today, Cost { connections: 3, alone: 100 });
    for start in [100, 10_000] {
        let cost = worst(WindowRange { start, most: 10_000 }, true);
        assert!(cost.connections <= today.connections + 1 && cost.alone <= today.alone, "from {start}: {cost:?}");
    }
}

#[test]
fn care_ends_when_all_that_was_in_flight_is_settled() {
    let window = WindowRange { start: 300, most: 300 };
    let mut outbox = Outbox::new(Bounds { window, count: COUNT, bytes: usize::MAX, ids: 1_200 });
    push_qos_1(&mut outbox, 1_000);
    assert_eq!(send(&mut outbox).len(), 300);
    outbox.disconnected(false, Blame::Recent, moment());
    let mut settled = 0;
    while settled < 300 {
        let sent = send(&mut outbox);
        assert_eq!(sent.len(), 100);
        sent.iter().for_each(|(_, id)| acknowledge(&mut outbox, *id, FAR));
        settled += 100;
    }
    send(&mut outbox).first().into_iter().for_each(|(_, id)| acknowledge(&mut outbox, *id, FAR));
    assert_eq!(outbox.window(), 300);
    send(&mut outbox);
    outbox.disconnected(false, Blame::Recent, moment());
    assert_eq!(outbox.window(), 100);
    outbox.acquit();
    assert_eq!(outbox.window(), 300, "the line broke on its own");
}
