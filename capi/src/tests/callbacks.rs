//! Event callbacks and the log callback.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use aliyun_mqtt_emulator::{Emulator, What};

use super::*;
use crate::client::amq_client_disconnect;
use crate::dispatcher::{amq_client_events_dropped, amq_client_on_event};
use crate::event::{amq_event, amq_event_get_kind, amq_event_kind, amq_event_text};
use crate::events::{amq_events_dropped, amq_events_free, amq_events_new, amq_events_recv};
use crate::log::{amq_log_dropped, amq_log_set_callback};

type Action = Box<dyn Fn(&User, *const amq_event) + Send + Sync>;

/// What a callback's pointer points to.
pub(super) struct User {
    pub(super) client: AtomicPtr<amq_client>,
    action: Action,
    kinds: Sender<amq_event_kind>,
    destroyed: Arc<AtomicUsize>,
}

struct Registered {
    user: Sendable<c_void>,
    kinds: Receiver<amq_event_kind>,
    destroyed: Arc<AtomicUsize>,
}

fn user(client: *mut amq_client, action: Action) -> Registered {
    let (sender, kinds) = channel();
    let destroyed = Arc::new(AtomicUsize::new(0));
    let user = User { client: AtomicPtr::new(client), action, kinds: sender, destroyed: Arc::clone(&destroyed) };
    Registered { user: Sendable(Box::into_raw(Box::new(user)).cast()), kinds, destroyed }
}

unsafe extern "C" fn on_event(user: *mut c_void, event: *const amq_event) {
    let user = unsafe { &*user.cast::<User>() };
    (user.action)(user, event);
    let _ = user.kinds.send(unsafe { amq_event_get_kind(event) });
}

unsafe extern "C" fn destroy(user: *mut c_void) {
    let user = unsafe { Box::from_raw(user.cast::<User>()) };
    user.destroyed.fetch_add(1, Ordering::SeqCst);
}

fn listen(client: *mut amq_client, action: Action) -> Registered {
    let registered = user(client, action);
    ok(|error| unsafe { amq_client_on_event(client, Some(on_event), registered.user.get(), Some(destroy), error) });
    registered
}

impl Registered {
    #[track_caller]
    fn expect(&self, kind: amq_event_kind) {
        while self.kinds.recv_timeout(PATIENCE).expect("an event") != kind {}
    }

    #[track_caller]
    fn expect_destroyed(&self) {
        eventually("destroyed", || self.destroyed.load(Ordering::SeqCst) > 0);
        assert_eq!(self.destroyed.load(Ordering::SeqCst), 1);
    }
}

fn notify(emulator: &Emulator, client: &str) {
    assert!(emulator.push_notice(client, "$SYS/tokenExpireNotice", "{}"));
}

#[test]
fn a_callback_publishes_and_frees_its_client() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    let client = connect(config);
    let id = client_id(client);
    let topic = topic(&emulator);
    let inner = topic.clone();
    let registered = listen(
        client,
        Box::new(move |user, event| {
            assert!(!read(unsafe { amq_event_text(event, ptr::null_mut()) }).is_empty());
            let client = user.client.load(Ordering::SeqCst);
            assert_eq!(publish(client, &inner), amq_status::AMQ_OK);
            free(client);
        }),
    );
    notify(&emulator, &id);
    registered.expect(amq_event_kind::Notice);
    registered.expect_destroyed();
    logged(&emulator, |entry| matches!(&entry.what, What::Published { topic: to, .. } if *to == topic));
    logged(&emulator, |entry| entry.client_id == id && said_goodbye(entry));
    unsafe { config::amq_config_free(config) };
}

#[test]
fn a_callback_disconnects_and_hears_of_the_end() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    let client = connect(config);
    let registered = listen(
        client,
        Box::new(|user, event| {
            if unsafe { amq_event_get_kind(event) } == amq_event_kind::Notice {
                let client = user.client.load(Ordering::SeqCst);
                ok(|error| unsafe { amq_client_disconnect(client, -2, error) });
            }
        }),
    );
    notify(&emulator, &client_id(client));
    registered.expect(amq_event_kind::Ended);
    registered.expect_destroyed();
    free(client);
    unsafe { config::amq_config_free(config) };
}

#[test]
fn no_callback_runs_after_free() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    let client = Sendable(connect(config));
    let (begun, running) = channel();
    let (release, gate) = channel::<()>();
    let (begun, gate) = (Mutex::new(begun), Mutex::new(gate));
    let inside = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&inside);
    let registered = listen(
        client.get(),
        Box::new(move |_, _| {
            inner.fetch_add(1, Ordering::SeqCst);
            begun.lock().unwrap().send(()).unwrap();
            // Open for the calls after the first one.
            let _ = gate.lock().unwrap().recv();
            // Its work: what does not wait for it is over sooner.
            std::thread::sleep(Duration::from_millis(100));
            inner.fetch_sub(1, Ordering::SeqCst);
        }),
    );
    notify(&emulator, &client_id(client.get()));
    running.recv_timeout(PATIENCE).unwrap();
    for _ in 0..100 {
        notify(&emulator, &client_id(client.get()));
    }
    std::thread::scope(|scope| {
        let freeing = scope.spawn(|| {
            free(client.get());
            inside.load(Ordering::SeqCst)
        });
        drop(release);
        assert_eq!(freeing.join().unwrap(), 0, "it has waited");
    });
    assert_eq!(registered.destroyed.load(Ordering::SeqCst), 1);
    unsafe { config::amq_config_free(config) };
}

#[test]
fn a_slow_callback_loses_the_oldest_events_and_they_are_counted() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    let client = connect(config);
    let mut events = ptr::null_mut();
    ok(|error| unsafe { amq_events_new(client, &raw mut events, error) });
    let (begun, running) = channel();
    let (release, gate) = channel::<()>();
    let (begun, gate) = (Mutex::new(begun), Mutex::new(gate));
    let registered = listen(
        client,
        Box::new(move |_, _| {
            let _ = begun.lock().unwrap().send(());
            let _ = gate.lock().unwrap().recv();
        }),
    );
    let id = client_id(client);
    notify(&emulator, &id);
    running.recv_timeout(PATIENCE).unwrap();
    for _ in 0..1_009 {
        notify(&emulator, &id);
    }
    // One is with the callback, and 1,000 wait.
    eventually("dropped", || unsafe { amq_client_events_dropped(client) } == 9);
    assert_eq!(unsafe { amq_events_dropped(events) }, 10);
    let mut event = ptr::null_mut();
    ok(|error| unsafe { amq_events_recv(events, 0, &raw mut event, error) });
    unsafe { crate::event::amq_event_free(event) };
    drop(release);
    // Another callback takes its place.
    let second = listen(client, Box::new(|_, _| ()));
    registered.expect_destroyed();
    ok(|error| unsafe { amq_client_on_event(client, None, ptr::null_mut(), None, error) });
    second.expect_destroyed();
    free(client);
    unsafe { config::amq_config_free(config) };
    // The listener outlives the client, and says so at its end.
    let mut taken = 0;
    loop {
        let mut event = ptr::null_mut();
        match status(|error| unsafe { amq_events_recv(events, -1, &raw mut event, error) }) {
            amq_status::AMQ_OK => taken += 1,
            ended => break assert_eq!(ended, amq_status::AMQ_END),
        }
        unsafe { crate::event::amq_event_free(event) };
    }
    assert!(taken >= 999, "{taken}");
    unsafe { amq_events_free(events) };
}

#[test]
fn a_failed_registration_destroys_at_once() {
    let registered = user(ptr::null_mut(), Box::new(|_, _| ()));
    let failed = fails(|error| unsafe {
        amq_client_on_event(ptr::null(), Some(on_event), registered.user.get(), Some(destroy), error)
    });
    assert_eq!((failed.status, failed.kind), (amq_status::AMQ_ERROR_MISUSE, amq_kind::Misuse));
    assert_eq!(registered.destroyed.load(Ordering::SeqCst), 1);
    let registered = user(ptr::null_mut(), Box::new(|_, _| ()));
    let failed =
        fails(|error| unsafe { amq_log_set_callback(6, Some(on_record), registered.user.get(), Some(destroy), error) });
    assert!(failed.text.contains("from 0 to 5"), "{failed:?}");
    assert_eq!(registered.destroyed.load(Ordering::SeqCst), 1);
}

unsafe extern "C" fn on_record(
    user: *mut c_void,
    level: i32,
    target: *const c_char,
    target_len: usize,
    text: *const c_char,
    text_len: usize,
) {
    assert!((1..=5).contains(&level));
    assert_eq!((read(target).len(), read(text).len()), (target_len, text_len));
    let user = unsafe { &*user.cast::<User>() };
    if read(text).contains("a topic for the log") {
        let client = user.client.swap(ptr::null_mut(), Ordering::SeqCst);
        if !client.is_null() {
            // Detached: this is a callback.
            free(client);
            let _ = user.kinds.send(amq_event_kind::Other);
        }
    }
}

#[test]
fn the_log_goes_to_a_thread_that_may_use_the_library() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    let client = connect(config);
    let id = client_id(client);
    let registered = user(client, Box::new(|_, _| ()));
    ok(|error| unsafe { amq_log_set_callback(3, Some(on_record), registered.user.get(), Some(destroy), error) });
    // A notice is a record of the level info, with its topic.
    assert!(emulator.push_notice(&id, "$SYS/tokenExpireNotice", "{}"));
    log::warn!("a topic for the log");
    registered.expect(amq_event_kind::Other);
    logged(&emulator, |entry| entry.client_id == id && said_goodbye(entry));
    let _ = amq_log_dropped();
    ok(|error| unsafe { amq_log_set_callback(0, None, ptr::null_mut(), None, error) });
    registered.expect_destroyed();
    unsafe { config::amq_config_free(config) };
}

/// Returns true for the end of a connection by DISCONNECT.
pub(super) fn said_goodbye(entry: &LogEntry) -> bool {
    use aliyun_mqtt_emulator::DisconnectReason::DisconnectedByClient;
    matches!(&entry.what, What::Disconnected { reason, .. } if *reason == DisconnectedByClient)
}
