//! The models: small programs on the library's public interface, with a broker on the other side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aliyun_mqtt::{Client, Credentials, ErrorKind, Event, Outgoing, QoS, Token, TokenKind};
use aliyun_mqtt_model_ground::broker::{Broker, Plan, Sessions};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::{FAR, Outcome, check, check_closed, config, connect, message, outcome, outcome_of};

type Outcomes = Arc<Mutex<Vec<Outcome>>>;

fn note(outcomes: &Outcomes, outcome: Outcome) {
    outcomes.lock().expect("no panic").push(outcome);
}

fn all(outcomes: &Outcomes) -> Vec<Outcome> {
    std::mem::take(&mut *outcomes.lock().expect("no panic"))
}

fn any_qos() -> QoS {
    QoS::try_from(thread_rng().gen_range(0..=2u8)).expect("a level")
}

/// Publishes messages one after the other, each to its acknowledgement.
fn publisher(client: &Client, outcomes: &Outcomes, messages: Vec<Outgoing>) -> thread::JoinHandle<()> {
    let (client, outcomes) = (client.clone(), Arc::clone(outcomes));
    thread::spawn(move || {
        for message in messages {
            let result = client.publish_message(message.clone());
            // How often it was sent is told with a `Delivery` only.
            note(&outcomes, outcome_of(&message, result.map(|()| 0)));
        }
    })
}

/// Hands messages over and then waits for them, last first or first first.
fn pipeline(client: &Client, outcomes: &Outcomes, messages: Vec<Outgoing>) -> thread::JoinHandle<()> {
    let (client, outcomes) = (client.clone(), Arc::clone(outcomes));
    thread::spawn(move || {
        let mut handed: Vec<_> = messages.into_iter().map(|m| (client.enqueue(m.clone()), m)).collect();
        if thread_rng().gen_ratio(1, 2) {
            handed.reverse();
        }
        for (delivery, message) in handed {
            note(&outcomes, outcome(&message, delivery));
        }
    })
}

fn messages(thread: usize, count: usize, qos: QoS) -> Vec<Outgoing> {
    (0..count).map(|number| message(thread, number, qos)).collect()
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// Two threads publish, each message to its acknowledgement, through a window of one.
pub fn blocking() {
    let broker = Broker::begin(Plan::new(1));
    let (client, outcomes) = (connect(config(1)), Outcomes::default());
    join((0..2).map(|n| publisher(&client, &outcomes, messages(n, 2, QoS::AtLeastOnce))).collect());
    client.disconnect().expect("everything was acknowledged");
    let outcomes = all(&outcomes);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    assert_eq!(check(&broker, &outcomes).goodbyes, 1);
    check_closed(&client);
}

/// Two threads fill an outbox with room for two and a window of two, and a third flushes; lines break twice.
pub fn crowded() {
    let broker = Broker::begin(Plan { cuts: 2, refuses: true, ..Plan::new(2) });
    // The first connection is not to be refused, or there is nothing to look at.
    let limits = aliyun_mqtt::Limits::default().outbox(2, 10_000);
    let Ok(client) = Client::connect(config(2).limits(limits).build().expect("a good configuration")) else { return };
    let outcomes = Outcomes::default();
    let mut threads: Vec<_> = (0..2).map(|n| pipeline(&client, &outcomes, messages(n, 3, any_qos()))).collect();
    let flusher = client.clone();
    threads.push(thread::spawn(move || flusher.flush(FAR).expect("every failure is seen by its thread")));
    join(threads);
    client.flush(FAR).expect("nothing is open, and everything was seen");
    client.disconnect().expect("nothing is open");
    let outcomes = all(&outcomes);
    assert_eq!(outcomes.len(), 6);
    check(&broker, &outcomes);
    check_closed(&client);
}

/// Whoever has flushed, or disconnected with time enough, finds everything settled that was handed over before.
pub fn draining() {
    let broker = Broker::begin(Plan::new(2));
    let (client, outcomes) = (connect(config(2)), Outcomes::default());
    let other = pipeline(&client, &outcomes, messages(0, 2, QoS::AtLeastOnce));
    let handed: Vec<_> = messages(1, 3, any_qos()).into_iter().map(|m| client.enqueue(m)).collect();
    let flushes = thread_rng().gen_ratio(1, 2);
    if flushes { client.flush(FAR) } else { client.disconnect() }.expect("everything was acknowledged");
    for delivery in handed {
        let settled = delivery.expect("there is room").try_wait().expect("it was acknowledged");
        assert!(settled.is_some(), "still open");
    }
    join(vec![other]);
    let _ = client.disconnect();
    check(&broker, &all(&outcomes));
    check_closed(&client);
}

/// One thread disconnects while others publish.
pub fn leaving() {
    let broker = Broker::begin(Plan { cuts: 1, ..Plan::new(2) });
    let Ok(client) = Client::connect(config(2).build().expect("a good configuration")) else { return };
    let outcomes = Outcomes::default();
    let mut threads = vec![
        publisher(&client, &outcomes, messages(0, 2, any_qos())),
        pipeline(&client, &outcomes, messages(1, 2, QoS::AtLeastOnce)),
    ];
    let (leaver, at_once) = (client.clone(), thread_rng().gen_ratio(1, 2));
    threads.push(thread::spawn(move || {
        // Without any time, what is under way is given up.
        let leaver = if at_once { leaver.with_timeout(Duration::ZERO) } else { leaver };
        let _ = leaver.disconnect();
    }));
    let other = client.clone();
    threads.push(thread::spawn(move || {
        let _ = other.flush(FAR);
    }));
    join(threads);
    let outcomes = all(&outcomes);
    assert_eq!(outcomes.len(), 4);
    check(&broker, &outcomes);
    check_closed(&client);
}

/// The last handle is dropped by whoever is last, with messages under way that nobody waits for.
pub fn dropping() {
    let broker = Broker::begin(Plan { cuts: 1, ..Plan::new(1) });
    let Ok(client) = Client::connect(config(1).build().expect("a good configuration")) else { return };
    let outcomes = Outcomes::default();
    let threads = vec![
        pipeline(&client, &outcomes, messages(0, 2, QoS::AtLeastOnce)),
        pipeline(&client, &outcomes, messages(1, 2, QoS::ExactlyOnce)),
    ];
    drop(client.enqueue(message(2, 0, QoS::AtLeastOnce)));
    drop(client);
    join(threads);
    check(&broker, &all(&outcomes));
}

/// A subscriber waits without end while messages come; then the client is closed under it.
pub fn receiving() {
    let broker = Broker::begin(Plan { cuts: 1, offers: 2, ..Plan::new(2) });
    let Ok(client) = Client::connect(config(2).build().expect("a good configuration")) else { return };
    let (receiver, listener) = (client.clone(), client.events());
    let mut threads = vec![
        thread::spawn(move || {
            let error = loop {
                if let Err(error) = receiver.recv() {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::Closed);
        }),
        // It hears of the cut, and of the end.
        thread::spawn(move || while listener.recv().is_some() {}),
    ];
    let subscriber = client.clone();
    threads.push(thread::spawn(move || {
        subscriber.subscribe("model/a", QoS::AtLeastOnce).expect("the broker grants it");
        if let Ok(stream) = subscriber.subscription("model/b", QoS::AtLeastOnce) {
            stream.recv().expect("two were sent");
        }
        subscriber.unsubscribe("model/a").expect("the broker obeys");
        subscriber.disconnect().expect("nothing is open");
    }));
    join(threads);
    check(&broker, &[]);
    check_closed(&client);
}

/// A program that is far behind: the line is left unread until it has caught up, or something is awaited.
pub fn resting() {
    let broker = Broker::begin(Plan { offers: 8, ..Plan::new(2) });
    let limits = aliyun_mqtt::Limits::default().inbox(4, 100_000);
    let client = connect(config(2).limits(limits));
    let outcomes = Outcomes::default();
    client.subscribe("model/a", QoS::AtLeastOnce).expect("the broker grants it");
    let mut threads = vec![publisher(&client, &outcomes, messages(0, 2, any_qos()))];
    for _ in 0..2 {
        let receiver = client.clone();
        threads.push(thread::spawn(move || {
            for _ in 0..2 {
                receiver.recv().expect("four of eight fit in any case");
            }
        }));
    }
    join(threads);
    client.disconnect().expect("nothing is open");
    check(&broker, &all(&outcomes));
    check_closed(&client);
}

/// A program that leaves one queue full and waits for the messages of another.
pub fn neglecting() {
    let broker = Broker::begin(Plan { offers: 7, ..Plan::new(2) });
    let limits = aliyun_mqtt::Limits::default().inbox(8, 100_000);
    let client = connect(config(2).limits(limits));
    client.subscribe("model/a", QoS::AtLeastOnce).expect("the broker grants it");
    let stream = client.subscription("model/b", QoS::AtLeastOnce).expect("the broker grants it");
    stream.recv().expect("there is room for one of these");
    client.disconnect().expect("nothing is open");
    check(&broker, &[]);
    check_closed(&client);
}

/// A listener waits for the ends of two connections before anything else is done.
pub fn listening() {
    let broker = Broker::begin(Plan { restless: true, ..Plan::new(1) });
    let (client, outcomes) = (connect(config(1)), Outcomes::default());
    let listener = client.events();
    let listens = thread::spawn(move || {
        for _ in 0..2 {
            while !matches!(listener.recv().expect("the client lives"), Event::Disconnected { .. }) {}
        }
    });
    broker.allow_cuts(2);
    join(vec![publisher(&client, &outcomes, messages(0, 1, QoS::AtLeastOnce)), listens]);
    client.disconnect().expect("nothing is open");
    check(&broker, &all(&outcomes));
    check_closed(&client);
}

/// Sessions that may or may not survive, with messages of every QoS: what is under way goes on under its packet id.
pub fn resumed() {
    let sessions = if thread_rng().gen_ratio(1, 2) { Sessions::Kept } else { Sessions::Either };
    let broker = Broker::begin(Plan { cuts: 3, sessions, ..Plan::new(2) });
    let Ok(client) = Client::connect(config(2).clean_session(false).build().expect("a good configuration")) else {
        return;
    };
    let outcomes = Outcomes::default();
    let threads = vec![
        pipeline(&client, &outcomes, messages(0, 3, QoS::ExactlyOnce)),
        pipeline(&client, &outcomes, messages(1, 3, any_qos())),
    ];
    join(threads);
    client.disconnect().expect("nothing is open");
    let outcomes = all(&outcomes);
    let seen = check(&broker, &outcomes);
    if sessions == Sessions::Kept {
        for outcome in outcomes.iter().filter(|outcome| outcome.qos == QoS::ExactlyOnce) {
            let copies =
                seen.messages.iter().filter(|(to, text)| *to == outcome.topic && text == outcome.payload.as_bytes());
            assert!(copies.count() <= 1, "{} {} came twice", outcome.topic, outcome.payload);
        }
    }
    check_closed(&client);
}

/// The clock passes some deadlines while the broker keeps its acknowledgements to itself.
pub fn expiring() {
    let broker = Broker::begin(Plan { cuts: 1, silent: true, ..Plan::new(1) });
    let Ok(client) = Client::connect(config(1).build().expect("a good configuration")) else { return };
    let outcomes = Outcomes::default();
    let due = |message: Outgoing, seconds| message.timeout(Duration::from_secs(seconds));
    let threads = vec![
        pipeline(&client, &outcomes, vec![due(message(0, 0, any_qos()), 60), due(message(0, 1, any_qos()), 120)]),
        publisher(&client, &outcomes, vec![due(message(1, 0, any_qos()), 60), due(message(1, 1, any_qos()), 100)]),
        thread::spawn(|| {
            for _ in 0..8 {
                aliyun_mqtt_model_ground::advance(Duration::from_secs(60));
                thread::yield_now();
            }
        }),
    ];
    // Eight minutes are enough for all of them only if nobody begins late; so time goes on until they are done.
    let going = thread::spawn({
        let outcomes = Arc::clone(&outcomes);
        move || {
            while outcomes.lock().expect("no panic").len() < 4 {
                aliyun_mqtt_model_ground::advance(Duration::from_secs(60));
                thread::yield_now();
            }
        }
    });
    join(threads);
    join(vec![going]);
    broker.speak();
    // What was given up no longer stands in the way of what comes after it.
    join(vec![publisher(&client, &outcomes, messages(2, 1, QoS::AtLeastOnce))]);
    let _ = client.with_timeout(Duration::ZERO).disconnect();
    check(&broker, &all(&outcomes));
    check_closed(&client);
}

/// Time runs out while a client is closed, so that its worker is left behind, and ends at about that moment.
pub fn stranding() {
    let broker = Broker::begin(Plan::new(1));
    let (client, outcomes) = (connect(config(1)), Outcomes::default());
    let publishes = publisher(&client, &outcomes, messages(0, 1, QoS::AtLeastOnce));
    let clock = thread::spawn(|| {
        for _ in 0..3 {
            aliyun_mqtt_model_ground::advance(Duration::from_secs(3));
            thread::yield_now();
        }
    });
    let watch = thread::spawn(|| {
        for _ in 0..4 {
            let stranded = aliyun_mqtt::stranded_workers();
            assert!(stranded < 1_000, "{stranded} workers are stranded");
        }
    });
    let _ = client.with_timeout(Duration::from_secs(2)).disconnect();
    join(vec![publishes, clock, watch]);
    check(&broker, &all(&outcomes));
    check_closed(&client);
}

/// The line panics: every handle is settled all the same, and the worker ends.
pub fn panicking() {
    let broker = Broker::begin(Plan { panics: true, ..Plan::new(2) });
    let Ok(client) = Client::connect(config(2).build().expect("a good configuration")) else { return };
    let outcomes = Outcomes::default();
    join((0..2).map(|n| pipeline(&client, &outcomes, messages(n, 2, QoS::AtLeastOnce))).collect());
    let _ = client.disconnect();
    let outcomes = all(&outcomes);
    assert_eq!(outcomes.len(), 4);
    assert!(broker.seen().violations.is_empty());
    assert_eq!(client.stats().outbox_messages, 0);
}

/// Tokens of a provider: it is asked on a thread of its own, and a thread that renews waits for a time that never
/// comes.
pub fn tokens() {
    let broker = Broker::begin(Plan { cuts: 1, ..Plan::new(2) });
    let credentials = Credentials::token_provider("key", || {
        thread::yield_now();
        Ok(vec![Token::new(TokenKind::ReadWrite, "text").expires_in(FAR * 1_000)])
    });
    let config = config(2).credentials(credentials).build().expect("a good configuration");
    let Ok(client) = Client::connect(config) else { return };
    let outcomes = Outcomes::default();
    join(vec![publisher(&client, &outcomes, messages(0, 1, QoS::AtLeastOnce))]);
    client.disconnect().expect("nothing is open");
    check(&broker, &all(&outcomes));
    check_closed(&client);
}

/// Asks, one request after the other; `all` of them are answered, or else the client comes to its end. Counts replies.
fn asker(client: &Client, thread: usize, all: bool, replies: &Arc<AtomicU64>) -> thread::JoinHandle<()> {
    let (client, replies) = (client.clone(), Arc::clone(replies));
    thread::spawn(move || {
        for number in 0..2 {
            let asked = format!("{thread} {number}");
            match client.request("model/ask", asked.as_str(), FAR) {
                Ok(reply) => {
                    assert_eq!(reply.payload(), asked.as_bytes(), "somebody else's reply");
                    replies.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    assert!(!all && error.kind() == ErrorKind::Closed, "{error}");
                    assert!(error.fate().is_some(), "{error}");
                }
            }
        }
    })
}

/// Two threads ask at the same time, and each gets its own replies.
pub fn asking() {
    let broker = Broker::begin(Plan { answers: true, ..Plan::new(2) });
    let client = connect(config(2));
    join((0..2).map(|n| asker(&client, n, true, &Arc::default())).collect());
    let stats = client.stats();
    assert_eq!((stats.replies, stats.late_replies, stats.waiting_requests), (4, 0, 0));
    client.disconnect().expect("nothing is open");
    check(&broker, &[]);
    check_closed(&client);
}

/// A line breaks, by which replies are lost, and the client is closed under those who wait for them.
pub fn unanswered() {
    let broker = Broker::begin(Plan { answers: true, cuts: 1, ..Plan::new(2) });
    let Ok(client) = Client::connect(config(2).build().expect("a good configuration")) else { return };
    let replies = Arc::default();
    let threads: Vec<_> = (0..2).map(|n| asker(&client, n, false, &replies)).collect();
    let _ = client.disconnect();
    join(threads);
    let stats = client.stats();
    assert_eq!(stats.waiting_requests, 0);
    assert_eq!(stats.replies, replies.load(Ordering::Relaxed), "a reply that was taken for a request was given to it");
    check(&broker, &[]);
    check_closed(&client);
}
