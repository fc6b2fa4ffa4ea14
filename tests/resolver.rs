//! Promises 1 and 10 with a resolver that never answers: nobody waits for it longer than the deadline, and what is
//! stuck in it ends by itself. One test a process: this program has its own `getaddrinfo`.
//!
//! It needs no dead name server and no privileges: what the standard library calls is the function defined here.
#![cfg(target_os = "linux")]

mod support;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, ErrorKind, Event, Fate, Outgoing, QoS, Stage};
use support::broker::Broker;
use support::process::threads;
use support::{error, event, eventually};

/// The one name that is looked up here.
const NAME: &CStr = c"broker.test";

/// How many lookups are stuck, and whether they are to be.
static STUCK: Mutex<(usize, bool)> = Mutex::new((0, false));
static RELEASED: Condvar = Condvar::new();

type Lookup = unsafe extern "C" fn(*const c_char, *const c_char, *const c_void, *mut *mut c_void) -> c_int;

/// The system's lookup, but for [`NAME`], which is this machine, and takes as long as the test wants.
///
/// # Safety
/// As `getaddrinfo`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const c_void,
    found: *mut *mut c_void,
) -> c_int {
    // SAFETY: the caller gives a text or nothing.
    let ours = !node.is_null() && unsafe { CStr::from_ptr(node) } == NAME;
    if ours {
        let mut stuck = STUCK.lock().expect("a lock");
        stuck.0 += 1;
        while stuck.1 {
            stuck = RELEASED.wait(stuck).expect("a lock");
        }
        stuck.0 -= 1;
    }
    let node = if ours { c"127.0.0.1".as_ptr() } else { node };
    // SAFETY: the next definition of this name is the C library's, which has this type; the arguments are the caller's.
    unsafe {
        let real = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!real.is_null());
        std::mem::transmute::<*mut c_void, Lookup>(real)(node, service, hints, found)
    }
}

fn stick(stick: bool) {
    STUCK.lock().expect("a lock").1 = stick;
    RELEASED.notify_all();
}

fn stuck() -> usize {
    STUCK.lock().expect("a lock").0
}

#[test]
fn a_dead_resolver_holds_nobody() {
    let broker = Broker::start();
    let config = || broker.config().endpoint(format!("mqtt://broker.test:{}", broker.addr().port()));
    let before = threads().len();
    // The name is looked up here, or nothing of this proves anything.
    // An attempt to connect may last far longer than a caller waits.
    let clients: Vec<_> = (0..2).map(|_| broker.connect(config())).collect();
    stick(true);
    let mut waiting = Vec::new();
    for (client, line) in clients {
        let events = client.events();
        drop(line);
        event(&events, "lost", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
        waiting.push(client);
        eventually("it looks for the name", || stuck() >= waiting.len());
    }
    // A call waits for its own deadline, and knows why there is no connection once that is found out.
    let late = error(waiting[0].with_timeout(Duration::from_millis(200)).publish("t", QoS::AtLeastOnce, "x"));
    assert!(late.is_timeout(), "{late}");
    // A first connect says where it hangs.
    let start = Instant::now();
    let refused = error(Client::connect(config().timeout(Duration::from_secs(3)).build().expect("good")));
    assert_eq!(refused.kind(), ErrorKind::Timeout(Stage::Resolve), "{refused}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    // Dropping, and disconnecting, within their bounds; what is stuck is counted.
    let dropped = waiting.pop().expect("two");
    let start = Instant::now();
    drop(dropped);
    // A second by promise; the rest is for a busy machine.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let start = Instant::now();
    let left = waiting.pop().expect("two");
    let open = left.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let report = error(left.with_timeout(Duration::from_millis(500)).disconnect());
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 }, "{report}");
    assert_eq!(error(open.wait()).fate(), Some(Fate::NotSent));
    drop((open, left));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(stuck() > 0);
    // The name is found at last, and nobody is there any more.
    let _port = broker.stop();
    stick(false);
    eventually("all of it ends by itself", || aliyun_mqtt::stranded_workers() == 0 && threads().len() == before);
    assert_eq!(stuck(), 0);
}
