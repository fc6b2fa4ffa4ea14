//! Listeners for events, by plain calls.

use std::time::Duration;

use aliyun_mqtt::Events;

use crate::client::amq_client;
use crate::error::amq_error;
use crate::event::amq_event;
use crate::guard::{call, plain};
use crate::input::{Wait, object, place, same_process, wait};
use crate::status::amq_status;

/// A listener for a client's events. Its queue keeps up to 1,000 events and 4 MiB; beyond that the oldest are dropped
/// and counted. Any number of threads may receive from it; each event goes to one of them. It does not keep the client
/// alive.
pub struct amq_events {
    events: Events,
    configured: Duration,
    process: u32,
}

/// Creates a listener that receives what happens to the client from now on. Free it with amq_events_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_events_new(
    client: *const amq_client,
    events: *mut *mut amq_events,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let events = place("events", events)?;
            let client = object("client", client)?;
            client.check_process()?;
            let listener = amq_events {
                events: client.client().events(),
                configured: client.client().config().timeout(),
                process: std::process::id(),
            };
            *events = Box::into_raw(Box::new(listener));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Takes the next event. Blocks until there is one, at most for the timeout: AMQ_TIMEOUT_NONE waits as long as the
/// client lives, 0 does not wait.
///
/// AMQ_OK: `*event` is the event, which amq_event_free frees. AMQ_TIMEOUT: none came. AMQ_END: the client has ended,
/// and every event was taken; the last one was AMQ_EVENT_KIND_ENDED. In all other cases `*event` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_events_recv(
    events: *const amq_events,
    timeout_ms: i64,
    event: *mut *mut amq_event,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let event = place("event", event)?;
            let listener = object("events", events)?;
            same_process(listener.process, "listener")?;
            let received = match wait(timeout_ms)? {
                Wait::Forever => listener.events.recv(),
                Wait::Configured => listener.events.recv_timeout(listener.configured),
                Wait::For(time) => listener.events.recv_timeout(time),
            };
            match received {
                Some(received) => {
                    *event = amq_event::lend(received);
                    Ok(amq_status::AMQ_OK)
                }
                None if listener.events.has_ended() => Ok(amq_status::AMQ_END),
                None => Ok(amq_status::AMQ_TIMEOUT),
            }
        })
    }
}

/// Ends the waits of this listener, from any thread. It receives nothing more: calls return AMQ_END. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_events_close(events: *const amq_events) {
    plain((), || {
        if let Some(listener) = unsafe { events.as_ref() } {
            listener.events.close();
        }
    });
}

/// Returns the number of events that were dropped because the queue was full; 0 for NULL and in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_events_dropped(events: *const amq_events) -> u64 {
    plain(0, || unsafe { events.as_ref() }.map_or(0, |listener| listener.events.dropped()))
}

/// Frees a listener. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_events_free(events: *mut amq_events) {
    unsafe { crate::guard::free(events) };
}
