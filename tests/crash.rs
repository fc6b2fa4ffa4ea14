//! Promise 7 across processes: a program that dies between taking a message and being done with it loses nothing, if
//! it acknowledges by hand and keeps its session.
#![cfg(target_os = "linux")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread;

use aliyun_mqtt::{AckMode, Client, ConfigBuilder, QoS};
use support::broker::Broker;
use support::folder::Folder;
use support::matrix::{config_from_env, environment};
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

fn worker(config: ConfigBuilder) -> Client {
    connect(config.device_id("worker").clean_session(false).ack_mode(AckMode::Manual))
}

/// Four messages are taken by a process that acknowledges the first, and is killed; three come again. `environment` leads
/// that process to the same broker.
fn killed_between_taking_and_acknowledging(
    config: impl Fn() -> ConfigBuilder,
    environment: Vec<(String, String)>,
    topic: &str,
    qos: &[QoS],
) {
    let subscriber = worker(config());
    subscriber.subscribe(topic, QoS::ExactlyOnce).expect("subscribed");
    subscriber.disconnect().expect("gone");
    let sender = connect(config());
    for number in 0..4 {
        sender.publish(topic, qos[number % qos.len()], format!("{number}")).expect("published");
    }
    let mut command = child("in_a_child_takes_and_hangs", "");
    let mut process = Process(command.envs(environment).stdout(Stdio::piped()).spawn().expect("this program again"));
    let output = BufReader::new(process.0.stdout.take().expect("its output"));
    let said: Vec<_> = output.lines().map_while(Result::ok).take_while(|line| line != "killable").collect();
    assert!(said.iter().any(|line| line.contains("taken: 0 1 2 3")), "{said:?}");
    drop(process);
    let successor = worker(config());
    let again: Vec<_> = successor.messages().idle(LONG).limit(3).map(|message| message.expect("a message")).collect();
    let mut texts: Vec<_> = again.iter().map(|message| message.payload_str().expect("text")).collect();
    // In which order it sends them again is the broker's affair.
    texts.sort_unstable();
    assert_eq!(texts, ["1", "2", "3"], "all but the one that was acknowledged");
    again.iter().for_each(|message| message.ack().expect("counts"));
    eventually("acknowledged", || successor.stats().unacknowledged == 0);
    successor.disconnect().expect("gone");
    // Behind everything that could still come again.
    let last = worker(config());
    sender.publish(topic, QoS::AtLeastOnce, "last").expect("published");
    assert_eq!(payloads(&last, 1), ["last"], "what was acknowledged does not come again");
}

/// Not a test of its own: the process that is killed.
#[test]
fn in_a_child_takes_and_hangs() {
    let Some(_) = as_child() else { return };
    let worker = worker(config_from_env());
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
    let folder = Folder::new();
    let (config, environment) = (|| support::config(&emulator), environment(&emulator, &folder));
    // The service keeps no QoS 2 messages for who is away.
    killed_between_taking_and_acknowledging(config, environment, &topic(&emulator, "work"), &[QoS::AtLeastOnce]);
}

#[test]
#[ignore = "needs mosquitto"]
fn what_a_killed_process_had_taken_comes_again_at_qos_2_too() {
    let mosquitto = Mosquitto::start();
    let (config, environment) = (|| mosquitto.config(), mosquitto.environment());
    killed_between_taking_and_acknowledging(config, environment, "demo/work", &[QoS::AtLeastOnce, QoS::ExactlyOnce]);
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
