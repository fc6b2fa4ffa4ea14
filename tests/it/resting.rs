//! Promise 7, for a program that is far behind: the connection is left unread, so that the server has to keep what
//! comes, as long as nothing is awaited from it. Keep-alive goes on.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::support::broker::{self, Broker, Kind, Line, lax};
use crate::support::{LONG, eventually, stream};
use aliyun_mqtt::{Client, QoS};

/// The bound of the inbox, in messages.
const BOUND: usize = 64;

/// The least that is allowed.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A server that pours out numbered QoS 0 messages, more than any buffer takes, and answers everything meanwhile.
struct Flood {
    stop: AtomicBool,
    sent: AtomicUsize,
    pings: AtomicUsize,
}

impl Flood {
    fn new() -> Flood {
        Flood { stop: AtomicBool::new(false), sent: AtomicUsize::new(0), pings: AtomicUsize::new(0) }
    }

    fn pour(&self, mut stream: impl Write, answers: &Receiver<Vec<u8>>) {
        let filling = "x".repeat(1_000);
        while !self.stop.load(Ordering::Relaxed) {
            answers.try_iter().for_each(|answer| _ = stream.write_all(&answer));
            let number = self.sent.load(Ordering::Relaxed);
            let payload = format!("{number} {filling}");
            if stream.write_all(&broker::publish("t", 0, 0, false, payload.as_bytes())).is_err() {
                // The client has left.
                break;
            }
            self.sent.store(number + 1, Ordering::Relaxed);
        }
        // The answers behind the flood, until the client has left.
        answers.iter().for_each(|answer| _ = stream.write_all(&answer));
    }

    /// Answers until the client leaves.
    fn serve(&self, mut line: Line, answers: &Sender<Vec<u8>>) {
        while let Some(packet) = line.read() {
            match packet.kind() {
                Kind::PingReq => {
                    self.pings.fetch_add(1, Ordering::Relaxed);
                    answers.send(vec![0xd0, 0]).expect("it pours");
                }
                Kind::Publish => {
                    let [high, low] = packet.id().to_be_bytes();
                    answers.send(vec![0x40, 2, high, low]).expect("it pours");
                }
                Kind::Disconnect => return,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Ends the flood, whatever becomes of the program.
struct Stop<'a>(&'a Flood, TcpStream);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
        if thread::panicking() {
            let _ = self.1.shutdown(Shutdown::Both);
        }
    }
}

/// Runs a program beside the flood, and disconnects.
fn under_flood(keep_alive: Duration, program: impl FnOnce(&Client, &Flood)) {
    let broker = Broker::start();
    let limits = lax().inbox(BOUND, 1_000_000);
    let (client, line) = broker.connect(broker.config().keep_alive(keep_alive).limits(limits));
    let (flood, (answers, due)) = (Flood::new(), channel());
    let [stream, other] = [0; 2].map(|_| line.stream.try_clone().expect("another handle"));
    thread::scope(|scope| {
        let flood = &flood;
        scope.spawn(move || flood.pour(stream, &due));
        scope.spawn(move || flood.serve(line, &answers));
        let stop = Stop(flood, other);
        program(&client, flood);
        drop(stop);
        client.disconnect().expect("nothing is open");
    });
    assert_eq!(client.stats().connections, 1);
}

/// Takes a message. Returns its number.
fn take(client: &Client) -> usize {
    let message = client.recv_timeout(LONG).expect("alive").expect("the flood goes on");
    let text = String::from_utf8_lossy(message.payload());
    text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_thread_that_begins_to_wait_for_another_queue_gets_its_message() {
    let broker = Broker::start();
    let limits = lax().inbox(BOUND, 1_000_000);
    let (client, mut line) = broker.connect(broker.config().keep_alive(Duration::from_secs(480)).limits(limits));
    let other = stream(&client, &mut line, "other");
    // Nobody takes these, so the connection is left unread.
    for _ in 0..BOUND * 7 / 8 {
        line.publish("neglected", 0, 0, false, "x");
    }
    eventually("the inbox is crowded", || client.stats().inbox_messages as usize > BOUND * 3 / 4);
    for number in 0..20 {
        thread::scope(|scope| {
            let taken = scope.spawn(|| other.recv_timeout(LONG).expect("alive").expect("a message"));
            line.publish("other", 0, 0, false, &number.to_string());
            assert_eq!(taken.join().expect("no panic").payload(), number.to_string().as_bytes());
        });
    }
    assert_eq!(client.stats().dropped_full, 0);
}

#[test]
fn a_slow_program_loses_nothing_while_nothing_is_awaited() {
    under_flood(Duration::from_secs(480), |client, flood| {
        for part in 0..40 {
            // The flood is stopped by the reader, not by the inbox.
            eventually("the inbox fills up", || client.stats().inbox_messages as usize > BOUND / 2);
            for number in 0..100 {
                assert_eq!(take(client), part * 100 + number, "each message, in order");
            }
        }
        assert_eq!((client.stats().dropped_full, flood.pings.load(Ordering::Relaxed)), (0, 0));
    });
}

#[test]
fn a_program_that_publishes_for_each_message_of_a_flood_gets_its_acknowledgements() {
    under_flood(Duration::from_secs(480), |client, _| {
        let mut last = None;
        for _ in 0..50 {
            let number = take(client);
            assert!(last.is_none_or(|last| number > last), "in order");
            last = Some(number);
            client.with_timeout(LONG).publish("answers", QoS::AtLeastOnce, number.to_string()).expect("acknowledged");
        }
        let stats = client.stats();
        let taken = 50 + stats.inbox_messages + stats.dropped_full;
        assert!(last.is_some_and(|last| (last as u64) < taken), "what is missing was counted");
    });
}

#[test]
fn keep_alive_goes_on_for_a_program_that_takes_nothing() {
    under_flood(KEEP_ALIVE, |client, flood| {
        // Three whole periods, each with its answer: the fourth ping would end a connection whose third was missed.
        while flood.pings.load(Ordering::Relaxed) < 4 {
            thread::park_timeout(Duration::from_millis(20));
            assert!(client.is_connected());
        }
        assert!(client.stats().inbox_messages as usize > BOUND / 2);
        let first = take(client);
        assert_eq!(first, 0, "what was taken in stays");
    });
}
