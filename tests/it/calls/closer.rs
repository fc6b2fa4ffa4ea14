//! A closer ends the waits of every call, and the connection stays.

use super::*;

fn closed(error: &Error, fate: Option<Fate>) {
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, fate), "{error}");
}

/// Runs each of these calls on a thread of its own, and returns once all threads have begun.
fn begun<'scope, T: Send + 'scope, const N: usize>(
    scope: &'scope thread::Scope<'scope, '_>,
    waits: [Box<dyn Fn() -> T + Send + Sync + 'scope>; N],
) -> [thread::ScopedJoinHandle<'scope, T>; N] {
    let (started, begun) = channel();
    let threads = waits.map(|wait| {
        let started = started.clone();
        scope.spawn(move || {
            started.send(()).expect("somebody listens");
            wait()
        })
    });
    threads.iter().for_each(|_| begun.recv().expect("begun"));
    threads
}

#[test]
fn a_closer_ends_the_waits_for_messages() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol));
        let a = subscription(&client, &mut line, "a");
        let closer = client.closer();
        thread::scope(|scope| {
            let waits: [Box<dyn Fn() -> Option<Error> + Send + Sync>; 6] = [
                Box::new(|| Some(error(client.recv()))),
                Box::new(|| Some(error(client.recv_timeout(LONG)))),
                Box::new(|| client.messages().next().map(error)),
                Box::new(|| Some(error(a.recv()))),
                Box::new(|| Some(error(a.recv_timeout(LONG)))),
                Box::new(|| a.messages().idle(LONG).next().map(error)),
            ];
            let waits = begun(scope, waits);
            closer.close();
            for (number, wait) in waits.into_iter().enumerate() {
                match (number % 3, wait.join().expect("no panic")) {
                    (2, end) => assert!(end.is_none(), "the iterator ends without an error"),
                    (_, end) => closed(&end.expect("an error"), None),
                }
            }
        });
        // Later waits, too.
        closed(&error(client.recv_timeout(LONG)), None);
        closed(&error(client.try_recv()), None);
        assert!(a.messages().next().is_none());
    }
}

#[test]
fn a_closer_ends_the_waits_for_acknowledgements_with_the_fate_of_each() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol));
        let queued = client.enqueue(message("queued")).expect("accepted");
        let (publishes, requests) = (6, 3);
        thread::scope(|scope| {
            let waits: [Box<dyn Fn() -> Error + Send + Sync>; 9] = [
                // Written, so their outcome stays unknown.
                Box::new(|| error(client.publish("t/1", QoS::AtLeastOnce, "x"))),
                Box::new(|| error(client.publish("t/2", QoS::ExactlyOnce, "x"))),
                Box::new(|| error(client.publish_each([message("each")]).next().expect("one"))),
                Box::new(|| error(client.request("t/3", "?", LONG))),
                Box::new(|| error(client.request_p2p("t", "GID_test@@@1", "?", LONG))),
                Box::new(|| error(client.subscribe("s/1", QoS::AtLeastOnce))),
                Box::new(|| error(client.subscription("s/2", QoS::AtLeastOnce))),
                Box::new(|| error(client.unsubscribe("s/3"))),
                // Not about one message of their own.
                Box::new(|| error(client.flush(LONG))),
            ];
            let waits = waits.map(|wait| scope.spawn(wait));
            let deliveries = [scope.spawn(|| error(queued.wait())), scope.spawn(|| error(queued.wait_timeout(LONG)))];
            let (mut published, mut requested) = (0, 0);
            while (published, requested) != (publishes, requests) {
                match line.read().expect("a packet").kind() {
                    Kind::Publish => published += 1,
                    Kind::Subscribe | Kind::Unsubscribe => requested += 1,
                    _ => {}
                }
            }
            client.closer().close();
            for (number, wait) in waits.into_iter().enumerate() {
                let fate = if number == 8 { None } else { Some(Fate::Unknown) };
                closed(&wait.join().expect("no panic"), fate);
            }
            for delivery in deliveries {
                closed(&delivery.join().expect("no panic"), None);
            }
        });
        assert!(queued.try_wait().expect("open").is_none(), "the message itself goes on");
        line.send(&Packet::PubAck(1));
        eventually("acknowledged", || queued.try_wait().expect("no failure").is_some());
        queued.wait().expect("acknowledged");
    }
}

#[test]
fn a_closer_takes_back_what_was_not_written_and_it_is_never_sent() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol).window(1));
        let first = client.enqueue(message("first")).expect("accepted");
        let packet = line.expect(Kind::Publish);
        thread::scope(|scope| {
            let waits: [Box<dyn Fn() -> Error + Send + Sync>; 4] = [
                Box::new(|| error(client.publish("t", QoS::AtLeastOnce, "never 1"))),
                Box::new(|| error(client.publish_each([message("never 2")]).next().expect("one"))),
                Box::new(|| error(client.request("t", "never 3", LONG))),
                Box::new(|| error(client.subscribe("never", QoS::AtLeastOnce))),
            ];
            let waits = waits.map(|wait| scope.spawn(wait));
            eventually("all wait for the window", || client.stats().outbox_messages == 5);
            let queued = client.enqueue(message("queued")).expect("accepted");
            client.closer().close();
            for wait in waits {
                closed(&wait.join().expect("no panic"), Some(Fate::NotSent));
            }
            assert_eq!(client.stats().outbox_messages, 2, "what was queued stays");
            line.answer(&packet);
            let server = scope.spawn(|| line.serve_until(|_| false));
            client.disconnect().expect("all that was accepted is delivered");
            let rest: Vec<_> = server.join().expect("no panic").iter().map(Packet::kind).collect();
            assert_eq!(rest, [Kind::Publish, Kind::Disconnect], "the queued message and DISCONNECT");
            first.wait().and_then(|_| queued.wait()).expect("acknowledged");
        });
    }
}

#[test]
fn a_closer_ends_the_waits_for_room() {
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config().limits(lax().outbox(1, 1 << 20)));
    let _first = client.enqueue(message("first")).expect("room");
    thread::scope(|scope| {
        let waits: [Box<dyn Fn() -> Error + Send + Sync>; 4] = [
            Box::new(|| error(client.publish("t", QoS::AtLeastOnce, "x"))),
            Box::new(|| error(client.enqueue(message("x")))),
            Box::new(|| error(client.enqueue_many([message("x")]).remove(0))),
            Box::new(|| error(client.publish_each([message("x")]).next().expect("one"))),
        ];
        let waits = begun(scope, waits);
        client.closer().close();
        for wait in waits {
            closed(&wait.join().expect("no panic"), Some(Fate::NotSent));
        }
    });
    closed(&error(client.try_enqueue(message("x"))), Some(Fate::NotSent));
}

#[test]
fn a_closer_ends_the_waits_without_a_connection() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    drop((line, broker));
    eventually("the connection is lost", || !client.is_connected());
    thread::scope(|scope| {
        let publish = scope.spawn(|| error(client.publish("t", QoS::AtLeastOnce, "x")));
        eventually("it waits", || client.stats().outbox_messages == 1);
        client.closer().close();
        closed(&publish.join().expect("no panic"), Some(Fate::NotSent));
    });
}

#[test]
fn a_closer_ends_the_wait_for_a_token() {
    let broker = Broker::start();
    let tokens = Credentials::tokens("key", [(TokenKind::ReadWrite, "old")]);
    let (client, mut line) = broker.connect(broker.config().credentials(tokens));
    thread::scope(|scope| {
        let upload = scope.spawn(|| error(client.upload_token(Token::new(TokenKind::ReadWrite, "new"))));
        assert_eq!(line.expect(Kind::Publish).topic(), "$SYS/uploadToken");
        client.closer().close();
        closed(&upload.join().expect("no panic"), Some(Fate::Unknown));
    });
}

#[test]
fn after_a_closer_the_message_in_hand_is_acknowledged_and_the_rest_stays() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol).ack_mode(AckMode::Manual));
        for number in 1..=2 {
            line.publish("t", 1, number, false, &number.to_string());
        }
        mark(&client, &mut line);
        let mut handled = Vec::new();
        for message in client.messages() {
            let message = message.expect("alive");
            client.closer().close();
            message.ack().expect("the connection stands");
            handled.push(payload(&message).to_string());
        }
        assert_eq!(handled, ["1"]);
        assert_eq!(line.expect(Kind::PubAck).id(), 1, "acknowledged");
        assert_eq!(drain(|| client.try_recv().map_or(Ok(None), Ok)), ["2", ""], "they can still be looked at");
        assert!(client.is_connected());
        thread::spawn(move || line.serve_until(|_| false));
        client.disconnect().expect("clean");
    }
}

#[test]
fn a_closer_does_not_keep_the_client_alive_and_may_be_used_from_anywhere_at_any_time() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let closers: Vec<Closer> = (0..4).map(|_| client.closer().clone()).collect();
    let other = client.clone();
    thread::scope(|scope| {
        for closer in &closers {
            scope.spawn(|| (closer.close(), closer.close()));
        }
    });
    closed(&error(other.enqueue(message("x"))), Some(Fate::NotSent));
    drop((client, other));
    line.expect(Kind::Disconnect);
    for closer in closers {
        closer.close();
    }
}
