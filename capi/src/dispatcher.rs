//! The thread that calls a program's function for each event.

use std::ffi::c_void;
use std::sync::Arc;
use std::thread::JoinHandle;

use aliyun_mqtt::Events;

use crate::callback::{self, User, amq_destroy_callback};
use crate::client::amq_client;
use crate::error::amq_error;
use crate::event::amq_event;
use crate::guard::{call, plain};
use crate::input::{Failure, object};
use crate::status::amq_status;
use crate::threads;

/// A function that receives events. `event` is valid during the call; amq_event_clone makes a copy.
///
/// It runs on a thread of its own, never twice at a time for one registration, may block, and may call every function
/// of this library. It must not end the thread, nor leave by longjmp or a C++ exception.
pub type amq_event_callback = Option<unsafe extern "C" fn(user: *mut c_void, event: *const amq_event)>;

/// A thread that hands events to a function. Its drop ends that: it waits for a call that is running, unless it is
/// dropped inside of a callback.
pub(crate) struct Dispatcher {
    events: Arc<Events>,
    thread: Option<JoinHandle<()>>,
}

impl Dispatcher {
    fn start(
        events: Events,
        callback: unsafe extern "C" fn(*mut c_void, *const amq_event),
        user: User,
    ) -> Result<Self, Failure> {
        let events = Arc::new(events);
        let queue = Arc::clone(&events);
        let dispatch = move || {
            while let Some(event) = queue.recv() {
                let event = amq_event::new(event);
                callback::run(|| unsafe { callback(user.pointer(), &raw const event) });
            }
            drop(user);
        };
        let thread = threads::start("aliyun-mqtt-event", dispatch);
        let thread = thread.map_err(|error| Failure::internal(&format!("cannot start a thread: {error}")))?;
        Ok(Dispatcher { events, thread: Some(thread) })
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.events.dropped()
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.events.close();
        if let Some(thread) = self.thread.take().filter(|_| !callback::is_running()) {
            let _ = thread.join();
        }
    }
}

/// Calls `callback` for each event of the client from now on (the first connection was made before), in place of the
/// callback that this handle had before; NULL ends that only. `user` is passed to it. `destroy` may be NULL; it is
/// called after the last call, or before this call returns if it fails.
///
/// Events wait in a queue of up to 1,000 events and 4 MiB; beyond that the oldest are dropped and counted
/// (amq_client_events_dropped). The last one is AMQ_EVENT_KIND_ENDED. Waits for a running call of the earlier callback,
/// unless it is called from a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_on_event(
    client: *const amq_client,
    callback: amq_event_callback,
    user: *mut c_void,
    destroy: amq_destroy_callback,
    error: *mut *mut amq_error,
) -> amq_status {
    let user = User::new(user, destroy);
    unsafe {
        call(error, move || {
            let client = object("client", client)?;
            client.check_process()?;
            let dispatcher = match callback {
                Some(callback) => Some(Dispatcher::start(client.client().events(), callback, user)?),
                None => None,
            };
            client.listen(dispatcher);
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Returns the number of events that were dropped because the callback of this handle was too slow. Does not block; 0
/// in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_events_dropped(client: *const amq_client) -> u64 {
    plain(0, || match unsafe { client.as_ref() } {
        Some(client) if client.check_process().is_ok() => client.dropped(),
        _ => 0,
    })
}
