//! Promise 7 across processes: a program that dies between taking a message and being done with it loses nothing, if
//! it acknowledges by hand and keeps its session.
#![cfg(target_os = "linux")]

mod support;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use aliyun_mqtt::{AckMode, Client, ConfigBuilder, Event, Protocol, QoS, Subscription};
use support::broker::{Broker, Kind};
use support::folder::Folder;
use support::matrix::{config_from_env, environment};
use support::mosquitto::Mosquitto;
use support::process::{as_child, child};
use support::random::Random;
use support::{LONG, connect, emulator, event, eventually, payloads, protocol, text, topic};

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

/// Four messages are taken by a process that acknowledges the first, and is killed; three come again. `environment`
/// leads that process to the same broker.
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
    let mut command = child(module_path!(), "in_a_child_takes_and_hangs", "");
    let mut process = Process(command.envs(environment).stdout(Stdio::piped()).spawn().expect("this program again"));
    let output = BufReader::new(process.0.stdout.take().expect("its output"));
    let said: Vec<_> = output.lines().map_while(Result::ok).take_while(|line| line != "killable").collect();
    assert!(said.iter().any(|line| line.contains("taken: 0 1 2 3")), "{said:?}");
    drop(process);
    let successor = worker(config());
    let again: Vec<_> = successor.messages().idle(LONG).take(3).map(|message| message.expect("a message")).collect();
    let texts: Vec<_> = again.iter().map(|message| message.payload_str().expect("text")).collect();
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
    let taken: Vec<_> = worker.messages().idle(LONG).take(4).map(|message| message.expect("a message")).collect();
    taken[0].ack().expect("done with the first");
    eventually("its acknowledgement is handed over", || worker.stats().unacknowledged == 3);
    // Behind the acknowledgement on the same line: once this is answered, the broker has that.
    worker.publish(format!("{}/other", taken[0].topic()), QoS::AtLeastOnce, "").expect("published");
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
    assert_eq!(line.expect(Kind::PubAck).id(), 1);
    assert_eq!(client.stats().inbox_messages, 1);
}

/// The topics of jobs, below the one of the test. Those of the first have a stream of their own.
const KINDS: [&str; 3] = ["first", "rest/second", "rest/third"];

/// Where the jobs are: the topic, and the filter of the stream for the rest, below it.
#[derive(Debug, Clone, Copy)]
struct Jobs<'a> {
    topic: &'a str,
    rest: &'a str,
}

impl<'a> Jobs<'a> {
    /// Where a broker may send a message once for each filter that matches (MQTT-3.3.5-1), as the emulator does.
    fn apart(topic: &'a str) -> Self {
        Jobs { topic, rest: "rest/+" }
    }

    /// The second filter matches what the first does, too, where mosquitto sends one copy.
    fn at_mosquitto(topic: &'a str) -> Self {
        match protocol() {
            Protocol::V5 => Jobs::apart(topic),
            _ => Jobs { topic, rest: "#" },
        }
    }
}

/// Both streams, opened once messages of the kept session wait in the client's own queue: those come before the program
/// can ask for them.
fn streams(client: &Client, Jobs { topic, rest }: Jobs<'_>, waiting: u64) -> [Subscription; 2] {
    eventually("they wait", || client.stats().inbox_messages >= waiting);
    let open = |filter: String| client.subscription(&filter, QoS::ExactlyOnce).expect("subscribed");
    [open(format!("{topic}/first")), open(format!("{topic}/{rest}"))]
}

fn kept(config: ConfigBuilder, mode: AckMode) -> Client {
    connect(config.device_id("worker").clean_session(false).ack_mode(mode))
}

/// Makes the session, and publishes jobs for it while it is away.
fn publish_jobs(config: impl Fn() -> ConfigBuilder, jobs: Jobs<'_>, qos: &[QoS], count: usize) -> Client {
    let client = kept(config(), AckMode::Manual);
    let _streams = streams(&client, jobs, 0);
    // First, or the end of a stream would unsubscribe.
    client.disconnect().expect("gone");
    let sender = connect(config());
    for job in 0..count {
        let topic = format!("{}/{}", jobs.topic, KINDS[job % KINDS.len()]);
        sender.publish(&topic, qos[job % qos.len()], job.to_string()).expect("published");
    }
    sender
}

/// Twenty jobs wait for a worker that comes back, works, and leaves as it should.
fn each_job_once(config: impl Fn() -> ConfigBuilder, jobs: Jobs<'_>, qos: &[QoS]) {
    for mode in [AckMode::Manual, AckMode::OnTake] {
        let sender = publish_jobs(&config, jobs, qos, 20);
        let worker = kept(config(), mode);
        let events = worker.events();
        let streams = streams(&worker, jobs, 20);
        assert!(worker.try_recv().expect("alive").is_none(), "the client's own queue has nothing any more");
        let mut done: Vec<usize> = Vec::new();
        for (stream, count) in streams.iter().zip([7, 13]) {
            let got = stream.messages().idle(LONG).take(count).map(|message| {
                let message = message.expect("a job");
                message.ack().expect("counts");
                message.payload_str().expect("text").parse::<usize>().expect("a number")
            });
            let got: Vec<_> = got.collect();
            assert!(got.is_sorted(), "{got:?}");
            done.extend(got);
        }
        done.sort_unstable();
        assert_eq!(done, (0..20).collect::<Vec<_>>(), "each once");
        eventually("all acknowledgements have left", || worker.stats().unacknowledged == 0);
        worker.disconnect().expect("gone");
        let left = event(&events, "the end", |event| match event {
            Event::Ended { untaken, unsent_acks, .. } => Some((untaken, unsent_acks)),
            _ => None,
        });
        assert_eq!(left, (None, 0));
        let worker = kept(config(), mode);
        let streams = self::streams(&worker, jobs, 0);
        sender.publish(format!("{}/rest/third", jobs.topic), QoS::AtLeastOnce, "last").expect("published");
        let next = streams[1].recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!(text(next.payload()), "last", "nothing comes again after its acknowledgement has left");
        next.ack().expect("counts");
        assert!(streams[0].try_recv().expect("alive").is_none() && worker.try_recv().expect("alive").is_none());
        eventually("that one, too", || worker.stats().unacknowledged == 0);
        worker.disconnect().expect("gone");
    }
}

#[test]
fn a_worker_with_streams_gets_each_job_of_its_kept_session_once() {
    let emulator = emulator();
    // The service keeps no QoS 2 messages for who is away.
    each_job_once(|| support::config(&emulator), Jobs::apart(&topic(&emulator, "jobs")), &[QoS::AtLeastOnce]);
}

#[test]
#[ignore = "needs mosquitto"]
fn a_worker_with_streams_gets_each_job_of_its_kept_session_once_and_in_order() {
    let mosquitto = Mosquitto::start();
    each_job_once(|| mosquitto.config(), Jobs::at_mosquitto("demo/jobs"), &[QoS::AtLeastOnce, QoS::ExactlyOnce]);
}

/// Not a test of its own: the worker that is killed. The argument: how it acknowledges, and where the jobs are.
#[test]
fn in_a_child_works_off_jobs() {
    let Some(argument) = as_child() else { return };
    let [mode, topic, rest] = argument.split(' ').collect::<Vec<_>>().try_into().expect("three words");
    let mode = if mode == "manual" { AckMode::Manual } else { AckMode::OnTake };
    let worker = kept(config_from_env(), mode);
    let say = |words: String| {
        let mut out = std::io::stdout().lock();
        out.write_all(format!("#{words}\n").as_bytes()).and_then(|()| out.flush()).expect("the parent listens");
    };
    say("up".to_string());
    let streams = streams(&worker, Jobs { topic, rest }, 1);
    let mut sure: Vec<String> = Vec::new();
    let mut left = 40;
    // More than its parent waits for; then it waits for its end.
    while left > 0 {
        let mut idle = true;
        for stream in &streams {
            let Some(message) = stream.try_recv().expect("alive") else { continue };
            idle = false;
            left -= 1;
            // What a job takes, so that most kills come in the middle.
            thread::park_timeout(Duration::from_millis(1));
            let job = text(message.payload());
            say(format!("done {job}"));
            message.ack().expect("counts");
            sure.push(job);
        }
        // Every acknowledgement given has left, in front of this on the same line: once it is answered, the broker has
        // them.
        if sure.len() >= 5 && worker.stats().held_back == 0 {
            worker.publish(format!("{topic}-other"), QoS::AtLeastOnce, "").expect("published");
            sure.drain(..).for_each(|job| say(format!("sure {job}")));
        }
        if idle {
            thread::park_timeout(Duration::from_millis(5));
        }
    }
    thread::park_timeout(LONG);
}

/// A worker is killed again and again, at any moment, until all jobs are done. The next one comes at once, whether or
/// not the broker has noticed.
fn killed_at_random(
    config: impl Fn() -> ConfigBuilder,
    environment: &[(String, String)],
    jobs: Jobs<'_>,
    qos: &[QoS],
    mode: AckMode,
) {
    const JOBS: usize = 150;
    const KILLS: usize = 12;
    let seed = std::env::var("CRASH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("CRASH_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let sender = publish_jobs(&config, jobs, qos, JOBS);
    let word = if mode == AckMode::Manual { "manual" } else { "taking" };
    let (mut done, mut sure) = (HashSet::new(), HashSet::new());
    let (mut kills, mut again) = (0, 0);
    let mut note = |line: String, done: &mut HashSet<String>| {
        // Among the words of the test harness; a killed process may leave half a line.
        let Some((kind, job)) = line.split_once('#').and_then(|(_, words)| words.split_once(' ')) else { return };
        match kind {
            "sure" => assert!(sure.insert(job.to_string()), "{job} was acknowledged twice"),
            _ => {
                assert!(!sure.contains(job), "{job} came again after its acknowledgement had left");
                again += usize::from(!done.insert(job.to_string()));
            }
        }
    };
    while kills < KILLS && done.len() < JOBS - 20 {
        let mut command =
            child(module_path!(), "in_a_child_works_off_jobs", &format!("{word} {} {}", jobs.topic, jobs.rest));
        command.envs(environment.iter().cloned()).stdout(Stdio::piped());
        let mut process = Process(command.spawn().expect("this program again"));
        let mut lines = BufReader::new(process.0.stdout.take().expect("its output")).lines().map_while(Result::ok);
        // It is connected, or at work.
        lines.by_ref().take(2 + random.within(0..25) as usize).for_each(|line| note(line, &mut done));
        thread::park_timeout(Duration::from_micros(random.within(0..3_000)));
        drop(process);
        kills += 1;
        // What it said before it died counts.
        lines.for_each(|line| note(line, &mut done));
    }
    assert!(kills >= 3, "{kills} kills are no test");
    // The last worker is let alone. On taking, the job in hand of each one before it may be gone for good.
    sender.publish(format!("{}/first", jobs.topic), QoS::AtLeastOnce, "last").expect("published");
    let worker = kept(config(), mode);
    let streams = streams(&worker, jobs, 1);
    let lost = if mode == AckMode::Manual { 0 } else { kills };
    let mut last = false;
    let mut take = |done: &mut HashSet<String>| {
        for message in streams.iter().filter_map(|stream| stream.try_recv().expect("alive")) {
            let job = text(message.payload());
            last |= job == "last";
            if job != "last" {
                note(format!("#done {job}"), done);
            }
            message.ack().expect("counts");
        }
        last
    };
    eventually("all jobs are done that are not lost", || take(&mut done) && done.len() + lost >= JOBS);
    // Whatever is still to come is here by then: nothing is owed, and the last one has passed.
    eventually("nothing is left", || take(&mut done) && worker.stats().unacknowledged == 0);
    println!("{kills} kills, {} of {JOBS} jobs done, {again} came again", done.len());
    worker.disconnect().expect("gone");
}

fn killed_at_random_at_the_emulator(mode: AckMode) {
    let (emulator, folder) = (emulator(), Folder::new());
    let (config, environment) = (|| support::config(&emulator), environment(&emulator, &folder));
    let topic = topic(&emulator, "jobs");
    killed_at_random(config, &environment, Jobs::apart(&topic), &[QoS::AtLeastOnce], mode);
}

#[test]
fn a_worker_that_is_killed_at_random_loses_no_job_by_hand() {
    killed_at_random_at_the_emulator(AckMode::Manual);
}

#[test]
fn a_worker_that_is_killed_at_random_loses_at_most_the_job_in_hand_on_taking() {
    killed_at_random_at_the_emulator(AckMode::OnTake);
}

#[test]
#[ignore = "needs mosquitto"]
fn the_same_at_mosquitto_and_at_qos_2_too() {
    for mode in [AckMode::Manual, AckMode::OnTake] {
        let mosquitto = Mosquitto::start();
        let (config, environment) = (|| mosquitto.config(), mosquitto.environment());
        killed_at_random(
            config,
            &environment,
            Jobs::at_mosquitto("demo/jobs"),
            &[QoS::AtLeastOnce, QoS::ExactlyOnce],
            mode,
        );
    }
}
