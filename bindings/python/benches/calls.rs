//! The rows of Rust for `calls.py`: runs one case and prints wall time and the time of the processor, in seconds.
//!
//! Usage: calls one|pipeline|each|recv COUNT

use std::env;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, ConfigBuilder, Limits, Outgoing, QoS, Result};

const PAYLOAD: [u8; 100] = [b'x'; 100];
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let case = arguments.next().unwrap_or_default();
    let count: usize = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    let topic = format!("{}/bench", env::var("ALIYUN_MQTT_TOPIC").unwrap_or_default());
    let limits = Limits::default().outbox(1_000_000, 1 << 30).inbox(1_000_000, 1 << 30);
    let client = Client::connect(ConfigBuilder::from_env().limits(limits.clone()).window(1_000).build()?)?;
    let message = |topic: &str| Outgoing::new(topic, QoS::AtLeastOnce, PAYLOAD.as_slice());
    if case == "recv" {
        let receiver = Client::connect(ConfigBuilder::from_env().limits(limits).build()?)?;
        let topic = format!("{topic}/recv");
        receiver.subscribe(&topic, QoS::AtLeastOnce)?;
        client.publish_each((0..count).map(|_| message(&topic))).for_each(drop);
        while receiver.stats().inbox_messages < count as u64 {
            std::thread::sleep(Duration::from_millis(10));
        }
        return measure(|| {
            for _ in 0..count {
                receiver.recv_timeout(PATIENCE)?;
            }
            Ok(())
        });
    }
    measure(|| {
        match case.as_str() {
            "one" => {
                for _ in 0..count {
                    client.publish(&topic, QoS::AtLeastOnce, PAYLOAD.as_slice())?;
                }
            }
            "pipeline" => {
                for _ in 0..count {
                    client.enqueue(message(&topic))?;
                }
                client.flush(PATIENCE)?;
            }
            _ => client.publish_each((0..count).map(|_| message(&topic))).for_each(drop),
        }
        Ok(())
    })
}

fn measure(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let (begin, used) = (Instant::now(), processor());
    work()?;
    println!("{} {}", begin.elapsed().as_secs_f64(), (processor() - used).as_secs_f64());
    Ok(())
}

/// The time of the processor that this process has used, in steps of 10 ms.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
