//! How often a client and rumqttc allocate for one message. A process of its own: its allocator counts.
//!
//! Each message waits for the one before it, which is the worst case: rumqttc then polls once more for each packet.
//! With several messages under way it allocates less, never more.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use aliyun_mqtt::{Protocol, QoS};
use support::broker::{Broker, Kind};
use support::{LONG, eventually};

/// Counts the allocations of all threads but those of the broker.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static BROKER: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !BROKER.get() {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Messages before the count begins: tables and buffers have their size then.
const WARM_UP: usize = 3_000;

const MESSAGES: usize = 1_000;

/// rumqttc allocates twice each time it is polled for an event. In a debug build, tokio boxes the future as well if it
/// is large, as it is with WebSockets.
const PER_EVENT: usize = 2 + cfg!(debug_assertions) as usize;

/// rumqttc 0.25.1 copies the topic three times and the payload once, and shares the payload; a message has two events.
/// The rest is the library's: topic, payload, message, and the slot for the outcome.
const PER_PUBLISH: usize = 5 + 2 * PER_EVENT + 4;

/// rumqttc allocates the topic twice; a message has two events. The library copies the payload out of the buffer in
/// which rumqttc reads.
const PER_RECEIVE: usize = 2 + 2 * PER_EVENT + 1;

/// Allocations for what else happens meanwhile, such as a new buffer: far less than one for each message.
const BESIDE: usize = MESSAGES / 4;

fn counted(mut step: impl FnMut(usize)) -> usize {
    (0..WARM_UP).for_each(&mut step);
    let before = COUNT.load(Ordering::Relaxed);
    (0..MESSAGES).for_each(&mut step);
    COUNT.load(Ordering::Relaxed) - before
}

#[test]
fn a_message_costs_few_allocations() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().protocol(Protocol::V311));
    let payload = "x".repeat(64);
    let text = payload.clone();
    let serving = thread::spawn(move || {
        BROKER.set(true);
        for _ in 0..WARM_UP + MESSAGES {
            let packet = line.expect(Kind::Publish);
            line.answer(&packet);
        }
        for number in 0..WARM_UP + MESSAGES {
            line.publish("demo/allocations", 1, (number % 100 + 1) as u16, false, &text);
            line.expect(Kind::PubAck);
        }
        line
    });
    let sent =
        counted(|_| client.publish("demo/allocations", QoS::AtLeastOnce, payload.as_str()).expect("acknowledged"));
    let received = counted(|_| {
        let message = client.recv_timeout(LONG).expect("connected").expect("a message");
        assert_eq!(message.payload().len(), payload.len());
    });
    eprintln!("{sent} allocations for {MESSAGES} publishes, {received} for as many received messages");
    assert!(sent <= MESSAGES * PER_PUBLISH + BESIDE, "{sent} allocations for {MESSAGES} publishes");
    assert!(received <= MESSAGES * PER_RECEIVE + BESIDE, "{received} allocations for {MESSAGES} received messages");
    eventually("all is acknowledged", || client.stats().unacknowledged == 0);
    drop((client, serving.join().expect("no panic")));
}
