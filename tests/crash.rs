//! Promise 7 across processes: a program that dies between taking a message and being done with it loses nothing, if
//! it acknowledges by hand and keeps its session.
#![cfg(target_os = "linux")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread;

use aliyun_mqtt::{AckMode, Client, Config, ConfigBuilder, Credentials, QoS};
use support::broker::Broker;
use support::mosquitto::Mosquitto;
use support::process::{as_child, child};
use support::{LONG, connect, emulator, eventually, payloads, topic};

/// A child that ends with the test, whatever happens.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL: nothing of the process runs any more, the end of its connections is the system's.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a client reaches its broker, in words that can be handed to a child.
struct Way {
    endpoint: String,
    instance: String,
    group: String,
    key: String,
    secret: String,
}

impl Way {
    fn from_words(words: &str) -> Way {
        let mut words = words.split(' ').map(ToString::to_string);
        let mut word = || words.next().expect("five words");
        Way { endpoint: word(), instance: word(), group: word(), key: word(), secret: word() }
    }

    fn words(&self) -> String {
        [&*self.endpoint, &self.instance, &self.group, &self.key, &self.secret].join(" ")
    }

    fn config(&self) -> ConfigBuilder {
        Config::builder()
            .endpoint(&*self.endpoint)
            .instance_id(&*self.instance)
            .group_id(&*self.group)
            .credentials(Credentials::signature(&*self.key, &*self.secret))
            .timeout(LONG)
    }

    fn worker(&self) -> Client {
        connect(self.config().device_id("worker").clean_session(false).ack_mode(AckMode::Manual))
    }
}

/// Four messages are taken by a process that acknowledges the first, and is killed; three come again.
fn killed_between_taking_and_acknowledging(way: &Way, topic: &str, qos: &[QoS]) {
    let subscriber = way.worker();
    subscriber.subscribe(topic, QoS::ExactlyOnce).expect("subscribed");
    subscriber.disconnect().expect("gone");
    let sender = connect(way.config());
    for number in 0..4 {
        sender.publish(topic, qos[number % qos.len()], format!("{number}")).expect("published");
    }
    let mut command = child("in_a_child_takes_and_hangs", &way.words());
    let mut process = Process(command.stdout(Stdio::piped()).spawn().expect("this program again"));
    let output = BufReader::new(process.0.stdout.take().expect("its output"));
    let said: Vec<_> = output.lines().map_while(Result::ok).take_while(|line| line != "killable").collect();
    assert!(said.iter().any(|line| line.contains("taken: 0 1 2 3")), "{said:?}");
    drop(process);
    let successor = way.worker();
    let again: Vec<_> = successor.messages().idle(LONG).limit(3).map(|message| message.expect("a message")).collect();
    let mut texts: Vec<_> = again.iter().map(|message| message.payload_str().expect("text")).collect();
    // In which order it sends them again is the broker's affair.
    texts.sort_unstable();
    assert_eq!(texts, ["1", "2", "3"], "all but the one that was acknowledged");
    again.iter().for_each(|message| message.ack().expect("counts"));
    eventually("acknowledged", || successor.stats().unacknowledged == 0);
    successor.disconnect().expect("gone");
    // Behind everything that could still come again.
    let last = way.worker();
    sender.publish(topic, QoS::AtLeastOnce, "last").expect("published");
    assert_eq!(payloads(&last, 1), ["last"], "what was acknowledged does not come again");
}

/// Not a test of its own: the process that is killed.
#[test]
fn in_a_child_takes_and_hangs() {
    let Some(words) = as_child() else { return };
    let worker = Way::from_words(&words).worker();
    let taken: Vec<_> = worker.messages().idle(LONG).limit(4).map(|message| message.expect("a message")).collect();
    taken[0].ack().expect("done with the first");
    eventually("its acknowledgement is handed over", || worker.stats().unacknowledged == 3);
    // Behind the acknowledgement on the same line: once this is answered, the broker has that.
    worker.publish(&format!("{}/other", taken[0].topic()), QoS::AtLeastOnce, "").expect("published");
    let texts: Vec<_> = taken.iter().map(|message| message.payload_str().expect("text")).collect();
    println!("taken: {}\nkillable", texts.join(" "));
    // Until it is killed, or nobody is there to do that.
    thread::park_timeout(LONG);
}

#[test]
fn what_a_killed_process_had_taken_comes_again_to_its_successor() {
    let emulator = emulator();
    let way = Way {
        endpoint: emulator.endpoint(),
        instance: emulator.instance_id().into(),
        group: emulator.group_id().into(),
        key: emulator.access_key_id().into(),
        secret: emulator.access_key_secret().into(),
    };
    // The service keeps no QoS 2 messages for who is away.
    killed_between_taking_and_acknowledging(&way, &topic(&emulator, "work"), &[QoS::AtLeastOnce]);
}

#[test]
#[ignore = "needs mosquitto"]
fn what_a_killed_process_had_taken_comes_again_at_qos_2_too() {
    let mosquitto = Mosquitto::start();
    let word = |word: &str| word.to_string();
    let way = Way {
        endpoint: format!("mqtt://{}", mosquitto.addr()),
        instance: word("post-cn-test"),
        group: word("GID_test"),
        key: word("test-access-key-id"),
        secret: word("test-access-key-secret"),
    };
    killed_between_taking_and_acknowledging(&way, "demo/work", &[QoS::AtLeastOnce, QoS::ExactlyOnce]);
}

#[test]
fn a_message_on_arrival_is_gone_with_the_process() {
    // What the choice of `OnArrival` means, against what is held above: it is acknowledged before anybody has it.
    let broker = Broker::start();
    let config = broker.config().device_id("worker").clean_session(false).ack_mode(AckMode::OnArrival);
    let (client, mut line) = broker.connect(config);
    line.publish("t", 1, 1, false, "x");
    assert_eq!(line.expect(4).id(), 1);
    assert_eq!(client.stats().inbox_messages, 1);
}
