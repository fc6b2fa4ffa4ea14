//! How models are run, and what is held against every one of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use aliyun_mqtt::{Client, Config, ConfigBuilder, Credentials, Delivery, ErrorKind, Fate, Outgoing, QoS};
use aliyun_mqtt_model_ground::broker::{Broker, Seen};
use aliyun_mqtt_model_ground::faults;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};

/// Far away: in a model that does not move the clock, only wake-ups end a wait.
pub const FAR: Duration = Duration::from_secs(3600);

/// What became of one message.
pub struct Outcome {
    pub topic: String,
    pub payload: String,
    pub qos: QoS,
    pub result: Result<u32, aliyun_mqtt::Error>,
}

/// Runs a model under many schedules: half of them random, half by PCT, which finds rare orders of few steps. The seed
/// and the number are fixed, so that a change is judged by the same schedules twice; `MODEL_SEED` and `MODEL_RUNS` (a
/// factor) ask for others.
pub fn explore(runs: usize, model: impl Fn() + Send + Sync + 'static) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("MODEL_SEED").unwrap_or(1);
    let runs = runs * number("MODEL_RUNS").unwrap_or(1) as usize;
    let model = Arc::new(model);
    for depth in [None, Some(2), Some(4)] {
        let model = Arc::clone(&model);
        match depth {
            None => run(RandomScheduler::new_from_seed(seed, runs), move || model()),
            Some(depth) => run(PctScheduler::new_from_seed(seed, depth, runs / 4), move || model()),
        }
    }
}

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) {
    let mut config = shuttle::Config::new();
    // A schedule that fails is shown, and can be run again with `shuttle::replay`; not where faults are meant to fail.
    if faults::are_set() {
        config.failure_persistence = shuttle::FailurePersistence::None;
    }
    // The library formats errors; shuttle's default is small for that.
    config.stack_size = 0x4_0000;
    config.silence_warnings = true;
    // A model takes some hundred steps; one that goes round for ever is as bad as one that waits for ever.
    config.max_steps = shuttle::MaxSteps::FailAfter(50_000);
    shuttle::Runner::new(scheduler, config).run(model);
}

/// Whether the checker finds something wrong.
#[allow(dead_code, reason = "only of use to the tests of faults")]
pub fn finds(runs: usize, model: impl Fn() + Send + Sync + 'static) -> bool {
    catch_unwind(AssertUnwindSafe(|| explore(runs, model))).is_err()
}

pub fn config(window: u16) -> ConfigBuilder {
    Config::builder()
        .endpoint("mqtt://127.0.0.1:1883")
        .instance_id("post-cn-model")
        .group_id("GID_model")
        .device_id("1")
        .credentials(Credentials::signature("key", "secret"))
        .window(window)
        .timeout(FAR)
        // Such pauses end at once here.
        .backoff(Duration::from_millis(10), Duration::from_millis(10))
}

pub fn connect(config: ConfigBuilder) -> Client {
    Client::connect(config.build().expect("a good configuration")).expect("a connection")
}

/// The message `number` of a thread.
pub fn message(thread: usize, number: usize, qos: QoS) -> Outgoing {
    Outgoing::new(format!("model/{thread}"), qos, number.to_string())
}

/// Waits for a message that was handed over.
#[allow(dead_code, reason = "not every file of tests hands over without waiting")]
pub fn outcome(message: &Outgoing, delivery: aliyun_mqtt::Result<Delivery>) -> Outcome {
    outcome_of(
        message,
        delivery.and_then(|delivery| {
            let first = delivery.wait();
            let again = delivery.wait();
            // It resolves once: what it says then, it says for ever.
            assert_eq!(format!("{first:?}"), format!("{again:?}"));
            first.map(|receipt| receipt.attempts)
        }),
    )
}

pub fn outcome_of(message: &Outgoing, result: aliyun_mqtt::Result<u32>) -> Outcome {
    let payload = String::from_utf8_lossy(message.payload()).into_owned();
    Outcome { topic: message.topic().to_string(), payload, qos: message.qos(), result }
}

/// The promises, as far as caller and broker together can see them.
pub fn check(broker: &Broker, outcomes: &[Outcome]) -> Seen {
    let seen = broker.seen();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    for Outcome { topic, payload, qos, result } in outcomes {
        let copies = seen.messages.iter().filter(|(to, text)| to == topic && text == payload.as_bytes()).count();
        match result {
            Ok(attempts) => {
                let least = usize::from(*qos != QoS::AtMostOnce);
                assert!(copies >= least, "{topic} {payload} is said to be acknowledged, but never arrived");
                assert!(*attempts == 0 || copies <= *attempts as usize, "{copies} copies of {attempts} attempts");
            }
            Err(error) => {
                assert!(error.kind() != ErrorKind::Internal, "{error}");
                let fate = error.fate().expect("a fate");
                assert!(fate != Fate::NotSent || copies == 0, "{topic} {payload} is said to be not sent: {error}");
            }
        }
    }
    in_order(&seen);
    seen
}

/// By first arrival, each topic has its messages in the order given. Each thread has a topic of its own.
fn in_order(seen: &Seen) {
    let mut last: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (topic, payload) in &seen.messages {
        let Some(number) = std::str::from_utf8(payload).ok().and_then(|text| text.parse().ok()) else { continue };
        let arrived = last.entry(topic).or_default();
        if !arrived.contains(&number) {
            assert!(arrived.iter().all(|earlier| *earlier < number), "{topic}: {number} arrived after {arrived:?}");
            arrived.push(number);
        }
    }
}

/// Nothing is left in a client that was closed.
pub fn check_closed(client: &Client) {
    let stats = client.stats();
    assert_eq!((stats.outbox_messages, stats.outbox_bytes), (0, 0));
    assert!(!client.is_connected());
    let refused = client.publish("model/late", QoS::AtLeastOnce, "").expect_err("the client is closed");
    assert_eq!(refused.fate(), Some(Fate::NotSent));
    assert!(aliyun_mqtt::stranded_workers() < 1_000, "{} workers are stranded", aliyun_mqtt::stranded_workers());
}
