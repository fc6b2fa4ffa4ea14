//! Forks, and the end of a process. Each test runs its body in a process of its own, where it is the only test: what
//! forks must not have the threads of other tests.

use std::os::fd::{FromRawFd, OwnedFd};
use std::process::Command;
use std::ptr;

use aliyun_mqtt_emulator::Emulator;

use super::callbacks::said_goodbye;
use super::shared::shared;
use super::*;
use crate::client::{amq_client_disconnect, amq_client_is_connected};
use crate::credentials::handing_in::*;
use crate::credentials::{amq_credentials_free, amq_credentials_tokens_by_hand};
use crate::dispatcher::{amq_client_events_dropped, amq_client_on_event};
use crate::events::*;
use crate::token::amq_token_free;

/// The name of the variable that says that this is the process of one test.
const ALONE: &str = "AMQ_TEST_ALONE";

/// Runs `body` in a process of its own, in which only the test `name` runs.
fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let test = format!("tests::forks::{name}");
    let run = Command::new(std::env::current_exe().unwrap())
        .args([&test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && told.contains("1 passed"), "{told}");
}

/// Forks. The child runs `child`, and ends with its result; `exit` runs the handlers of atexit(). Returns its process id.
fn fork(exit: bool, child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child uses what the tests are about; should it hang, the alarm ends it.
    match unsafe { libc::fork() } {
        0 => {
            unsafe { libc::alarm(60) };
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(99);
            unsafe {
                if exit {
                    libc::exit(code);
                }
                libc::_exit(code)
            }
        }
        child => child,
    }
}

fn wait(child: i32) -> i32 {
    let mut status = -1;
    // SAFETY: our own child.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert!(libc::WIFEXITED(status), "{status}");
    libc::WEXITSTATUS(status)
}

fn is_forked(call: impl FnOnce(*mut *mut amq_error) -> amq_status) -> bool {
    outcome(call).is_err_and(|failed| failed.kind == amq_kind::Forked)
}

unsafe extern "C" fn on_event(_: *mut std::ffi::c_void, _: *const crate::event::amq_event) {}

#[test]
fn a_child_cannot_use_its_parents_objects_and_makes_its_own() {
    alone("a_child_cannot_use_its_parents_objects_and_makes_its_own", || {
        let emulator = Emulator::start().unwrap();
        let given = token(&emulator, Duration::from_secs(3600), true);
        let (id, tokens) = (emulator.access_key_id(), [given.cast_const()]);
        let mut credentials = ptr::null_mut();
        ok(|error| unsafe {
            amq_credentials_tokens_by_hand(c(id), id.len(), tokens.as_ptr(), 1, &raw mut credentials, error)
        });
        let config = config_with(&emulator, credentials);
        let client = connect(config);
        let standing = shared(config, "forked", true);
        let mut events = ptr::null_mut();
        ok(|error| unsafe { amq_events_new(client, &raw mut events, error) });
        ok(|error| unsafe { amq_client_on_event(client, Some(on_event), ptr::null_mut(), None, error) });
        let topic = topic(&emulator);
        let child = fork(true, || {
            let mut place = ptr::null_mut();
            let mut other = ptr::null_mut();
            let told = [
                is_forked(|error| unsafe { amq_client_disconnect(client, -2, error) }),
                is_forked(|error| unsafe { amq_client_disconnect(standing, -2, error) }),
                is_forked(|error| unsafe {
                    crate::publish::amq_client_publish(client, c(&topic), topic.len(), 1, ptr::null(), 0, -2, error)
                }),
                is_forked(|error| unsafe { amq_client_on_event(client, None, ptr::null_mut(), None, error) }),
                is_forked(|error| unsafe { amq_events_new(client, &raw mut other, error) }),
                is_forked(|error| unsafe { amq_events_recv(events, -1, &raw mut place, error) }),
                is_forked(|error| unsafe { amq_client_upload_token(client, given, -2, error) }),
                is_forked(|error| unsafe { amq_client_hand_in_tokens(client, tokens.as_ptr(), 1, error) }),
                is_forked(|error| unsafe { amq_client_refuse_tokens(client, c("x"), 1, error) }),
                is_forked(|error| unsafe {
                    amq_client_token_wanted(client, -1, ptr::null_mut(), ptr::null_mut(), error)
                }),
                unsafe { !amq_client_is_connected(client) && !amq_client_is_connected(standing) },
                unsafe { amq_client_events_dropped(client) == 0 && amq_events_dropped(events) == 0 },
            ];
            unsafe { amq_events_close(events) };
            unsafe { amq_events_free(events) };
            free(client);
            free(standing);
            // Its own.
            let own = connect(config);
            assert_eq!(publish(own, &topic), amq_status::AMQ_OK);
            free(own);
            let own = shared(config, "forked", true);
            assert_eq!(publish(own, &topic), amq_status::AMQ_OK);
            free(own);
            told.iter().position(|told| !told).map_or(0, |at| at as i32 + 1)
        });
        assert_eq!(wait(child), 0, "the number of the call that did not say so");
        let goodbyes = || emulator.log().iter().filter(|entry| said_goodbye(entry)).count();
        assert_eq!(connects(&emulator), 4);
        eventually("the child's two say goodbye", || goodbyes() == 2);
        // The parent's go on.
        for client in [client, standing] {
            assert_eq!(publish(client, &topic), amq_status::AMQ_OK);
            free(client);
        }
        unsafe { amq_events_free(events) };
        unsafe { amq_credentials_free(credentials) };
        unsafe { amq_token_free(given) };
        unsafe { config::amq_config_free(config) };
        assert_eq!(connects(&emulator), 4);
    });
}

#[test]
fn standing_clients_say_goodbye_at_the_end_of_the_process() {
    alone("standing_clients_say_goodbye_at_the_end_of_the_process", || {
        let emulator = Emulator::start().unwrap();
        let config = config(&emulator);
        let topic = topic(&emulator);
        let child = fork(true, || {
            for name in ["one", "two", "three"] {
                let client = shared(config, name, true);
                assert_eq!(publish(client, &topic), amq_status::AMQ_OK);
                if name != "three" {
                    free(client);
                }
            }
            7
        });
        assert_eq!(wait(child), 7);
        let goodbyes = || emulator.log().iter().filter(|entry| said_goodbye(entry)).count();
        eventually("goodbye", || goodbyes() == 3);
        assert_eq!(connects(&emulator), 3);
        // A child that ends with the handlers of its parent, and without clients of its own.
        let standing = shared(config, "parent", true);
        assert_eq!(wait(fork(true, || 8)), 8);
        assert_eq!(publish(standing, &topic), amq_status::AMQ_OK);
        assert_eq!((connects(&emulator), goodbyes()), (4, 3));
        free(standing);
        unsafe { config::amq_config_free(config) };
    });
}

/// A callback that ends the process, while another thread connects.
#[test]
fn a_process_may_end_within_a_callback_and_while_a_thread_connects() {
    alone("a_process_may_end_within_a_callback_and_while_a_thread_connects", || {
        unsafe extern "C" fn exits(_: *mut std::ffi::c_void, _: *const crate::event::amq_event) {
            unsafe { libc::exit(9) }
        }
        let emulator = Emulator::start().unwrap();
        let config = config(&emulator);
        // Nobody accepts there.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let hanging = config::for_tests(builder(&emulator).endpoint(format!("mqtt://127.0.0.1:{port}")));
        let hanging = Sendable(hanging);
        let (read_end, write_end) = pipe();
        let child = fork(true, || {
            let client = shared(config, "callback", true);
            ok(|error| unsafe { amq_client_on_event(client, Some(exits), ptr::null_mut(), None, error) });
            std::thread::spawn(move || {
                let mut other = ptr::null_mut();
                unsafe {
                    crate::shared::amq_client_shared(
                        hanging.get(),
                        c("hanging"),
                        7,
                        true,
                        &raw mut other,
                        ptr::null_mut(),
                    )
                }
            });
            // Its dial has arrived.
            drop(silent.accept().unwrap());
            let id = client_id(client);
            use std::io::Write;
            std::fs::File::from(write_end).write_all(format!("{id}\n").as_bytes()).unwrap();
            loop {
                std::thread::park();
            }
        });
        use std::io::BufRead;
        let mut id = String::new();
        std::io::BufReader::new(std::fs::File::from(read_end)).read_line(&mut id).unwrap();
        assert!(emulator.push_notice(id.trim(), "$SYS/tokenExpireNotice", "{}"));
        assert_eq!(wait(child), 9);
        logged(&emulator, |entry| entry.client_id == id.trim() && said_goodbye(entry));
    });
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: just made.
    unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) }
}
