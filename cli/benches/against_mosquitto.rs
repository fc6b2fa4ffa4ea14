//! `pub` beside mosquitto_pub, as whole processes against one mosquitto on loopback: `cargo bench -p aliyun-mqtt-cli`.
//!
//! 1. One message of QoS 1, from the start of the process to its end. Wanted: at most 2 times mosquitto_pub.
//! 2. 1,000 lines of QoS 1 over a line with a round trip of 40 ms (20 ms each way; only the TCP handshake is without).
//!    Wanted: at most a fifth of mosquitto_pub.
//!
//! The runs alternate, so that whatever else the machine does hits both, and medians are compared. Needs mosquitto and
//! mosquitto_pub. Both log in with a client id and a user name; mosquitto takes anybody.

#[path = "../../tests/support"]
#[allow(dead_code, unreachable_pub)]
mod library {
    pub(crate) mod fault_proxy;
    #[path = "../../cli/tests/support/plain.rs"]
    pub(crate) mod matrix;
    pub(crate) mod port;
    pub(crate) mod random;
}

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use library::fault_proxy::Proxy;
use library::port::Port;

const PAIRS: usize = 15;
const ONE_WAY: Duration = Duration::from_millis(20);
const LINES: usize = 1000;

fn main() {
    let broker = Broker::start();
    println!("medians of {PAIRS} runs each, in ms (fastest to slowest)\n");
    compare("pub -q 1 -m, loopback", 2.0, &[], broker.address);
    let proxy = Proxy::start(broker.address);
    proxy.delay(ONE_WAY);
    let lines: Vec<u8> = (0..LINES).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
    compare("pub -q 1 -l, 1,000 lines, 40 ms round trip", 0.2, &lines, proxy.addr());
}

/// Runs both in turn, and prints what they took. `lines`: none for one message.
fn compare(what: &str, wanted: f64, lines: &[u8], address: SocketAddr) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first pair only warms the caches.
    for pair in 0..=PAIRS {
        for turn in [pair % 2 == 0, pair % 2 != 0] {
            let time = timed(if turn { aliyun_mqtt(address) } else { mosquitto_pub(address) }, lines);
            if pair > 0 {
                if turn { ours.push(time) } else { theirs.push(time) }
            }
        }
    }
    let (ours, theirs) = (Spread::of(ours), Spread::of(theirs));
    let ratio = ours.median / theirs.median;
    let verdict = if ratio <= wanted { "reached" } else { "missed" };
    println!(
        "{what}\n  aliyun-mqtt   {ours}\n  mosquitto_pub {theirs}\n  ratio {ratio:.2}, wanted {wanted}: {verdict}\n"
    );
}

fn aliyun_mqtt(address: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aliyun-mqtt"));
    command
        .env_clear()
        .env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{address}"))
        .env("ALIYUN_MQTT_INSTANCE_ID", "post-cn-test")
        .env("ALIYUN_MQTT_GROUP_ID", "GID_test")
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "test-access-key-id")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret")
        .arg("pub");
    command
}

fn mosquitto_pub(address: SocketAddr) -> Command {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
    command.args([
        "-i",
        "GID_test@@@mosquitto",
        "-u",
        "Signature|test-access-key-id|post-cn-test",
        "-P",
        "not-a-secret",
    ]);
    command
}

/// How long the process takes, from before its start to after its end, in milliseconds.
fn timed(mut command: Command, lines: &[u8]) -> f64 {
    command.args(["-t", "demo/bench", "-q", "1"]);
    match lines {
        [] => command.args(["-m", "Hello"]).stdin(Stdio::null()),
        _ => command.arg("-l").stdin(Stdio::piped()),
    };
    let started = Instant::now();
    let mut child = command.stderr(Stdio::null()).spawn().expect("mosquitto-clients is installed");
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines).expect("read");
    }
    let status = child.wait().expect("ended");
    let time = started.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    time.as_secs_f64() * 1000.0
}

struct Spread {
    median: f64,
    fastest: f64,
    slowest: f64,
}

impl Spread {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Spread { median: times[times.len() / 2], fastest: times[0], slowest: times[times.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8.2} ({:.2} to {:.2})", self.median, self.fastest, self.slowest)
    }
}

/// A mosquitto of our own.
struct Broker {
    child: Child,
    address: SocketAddr,
    /// Kept for it alone.
    _port: Port,
}

impl Broker {
    fn start() -> Self {
        let port = Port::reserve();
        let address = port.addr();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("mosquitto");
        command.env("PATH", path).args(["-p", &address.port().to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("mosquitto is installed");
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Broker { child, address, _port: port }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
