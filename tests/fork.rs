//! Promise 8 after a `fork`: what the child has of its parent's client is of no use and does no harm, and the child
//! can make a client of its own. Only few threads may be running when the process is split: one test at a time.
#![cfg(unix)]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aliyun_mqtt::{AckMode, Client, ErrorKind, Outgoing, QoS, Token};
use support::broker::{self, Broker, Kind, Packet};
use support::{LONG, client, emulator, eventually, payloads, topic};

/// Held by each test as long as it runs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forked<T>(result: Result<T, aliyun_mqtt::Error>) -> bool {
    matches!(result, Err(error) if error.kind() == ErrorKind::Forked)
}

#[test]
fn a_child_cannot_use_what_it_has_and_can_make_its_own() {
    let _alone = alone();
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().ack_mode(AckMode::Manual));
    let stream = std::thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscription("s", QoS::AtLeastOnce));
        broker::grant(&mut line);
        stream.join().expect("no panic").expect("subscribed")
    });
    line.publish("t", 1, 1, false, "taken");
    line.publish("t", 1, 2, false, "not taken");
    eventually("arrived", || client.stats().received == 2);
    let message = client.recv().expect("a message");
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let open = line.expect(Kind::Publish);
    let events = client.events();
    let own = broker.config().device_id("child").build().expect("a good configuration");
    // SAFETY: the only other threads are the client's worker and the test harness's, and the child needs nothing of
    // theirs; should it hang all the same, the alarm ends it.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: a plain call.
        unsafe { libc::alarm(LONG.as_secs() as u32) };
        let token = Token::new(aliyun_mqtt::TokenKind::ReadWrite, "test-token");
        let told = [
            forked(client.try_recv()),
            forked(client.messages().next().expect("an answer")),
            forked(client.subscribe("t", QoS::AtLeastOnce)),
            forked(client.subscription("t", QoS::AtLeastOnce)),
            forked(client.unsubscribe("t")),
            forked(client.try_enqueue(Outgoing::new("t", QoS::AtMostOnce, ""))),
            forked(client.send_p2p("parent", "GID_test@@@x", QoS::AtMostOnce, "")),
            forked(client.upload_token(token)),
            forked(client.request("t/t", "", LONG)),
            forked(stream.try_recv()),
            forked(stream.recv()),
            forked(delivery.try_wait()),
            forked(message.ack()),
            events.try_recv().is_none() && events.recv().is_none() && client.events().recv().is_none(),
            client.stats() == aliyun_mqtt::Stats::default(),
        ];
        let wrong = told.iter().position(|told| !told).map_or(0, |at| at as i32 + 1);
        drop((stream, message, delivery, events, client));
        let own = Client::connect(own).and_then(|own| {
            own.publish("t", QoS::AtLeastOnce, "from the child")?;
            own.disconnect()
        });
        // SAFETY: ends the child at once, without running anything of the parent's.
        unsafe { libc::_exit(if own.is_ok() { wrong } else { 100 }) }
    }
    let mut childs = broker.accept(false);
    let said = childs.serve_until(|_| false);
    drop(childs);
    let said: Vec<_> = said.iter().map(Packet::kind).collect();
    assert_eq!(said, [Kind::Publish, Kind::Disconnect], "the child's own client");
    let mut status = -1;
    // SAFETY: waits for our own child.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(libc::WEXITSTATUS(status), 0, "the number of the call that did not say so; 100 for its own client");
    assert!(libc::WIFEXITED(status), "{status}");
    // The parent's is untouched by all of it: nothing was acknowledged, unsubscribed or said in its name.
    line.answer(&open);
    delivery.wait().expect("acknowledged");
    message.ack().expect("counts");
    let next = line.read().expect("a packet");
    assert_eq!(next, Packet::PubAck(1));
    assert_eq!(payloads(&client, 1), ["not taken"]);
    drop(stream);
    assert_eq!(line.read().expect("a packet").kind(), Kind::Unsubscribe);
    assert!(events.try_recv().is_none());
}

#[test]
fn a_forked_child_is_told() {
    let _alone = alone();
    let emulator = emulator();
    let client = client(&emulator);
    let delivery = client.enqueue(Outgoing::new(topic(&emulator, "x"), QoS::AtMostOnce, "x")).expect("accepted");
    // SAFETY: the child calls only what compares the process id, and leaves with `_exit`.
    match unsafe { libc::fork() } {
        0 => {
            let told = forked(client.publish("t", QoS::AtMostOnce, ""))
                && forked(client.recv_timeout(Duration::ZERO).map(drop))
                && forked(client.flush(Duration::ZERO))
                && forked(client.disconnect())
                && forked(delivery.wait().map(drop))
                && !client.is_connected();
            drop(delivery);
            drop(client);
            // SAFETY: ends the child at once, without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!told)) }
        }
        child => {
            let mut status = -1;
            // SAFETY: waits for our own child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0, "the child was told at each call, and could drop what it had");
            client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("the parent's line is untouched");
        }
    }
}

#[cfg(feature = "openapi")]
#[test]
fn a_forked_child_is_told_by_the_api_too() {
    use aliyun_mqtt::openapi::Call;
    use support::api::{DONE, api};
    use support::http::{Server, kept};

    let _alone = alone();
    let server = Server::start([kept(200, DONE), kept(200, DONE)]);
    let api = api(&server);
    api.revoke_token("geheim-token").expect("done");
    // SAFETY: the child calls only what compares the process id, and leaves with `_exit`.
    match unsafe { libc::fork() } {
        0 => {
            let told = forked(api.revoke_token("geheim-token"))
                && forked(api.send_message("bad topic", "").map(drop))
                && forked(api.call(&Call::new("X")).map(drop));
            drop(api);
            // SAFETY: ends the child at once, without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!told)) }
        }
        child => {
            let mut status = -1;
            // SAFETY: waits for our own child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0, "the child was told at each call");
            api.revoke_token("geheim-token").expect("the parent's line is untouched");
            assert_eq!(server.requests()[1].connection, 0);
        }
    }
}
