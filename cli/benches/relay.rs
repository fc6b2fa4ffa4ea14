//! The cost of a post through the relay above the library's own publish, and that of a waiting long poll.
//!
//!     cargo bench -p aliyun-mqtt-cli --bench relay
//!
//! Rounds of both are interleaved, so that a busy machine slows both down. Each is one message at a time over a
//! connection that is kept alive: a Unix socket to the relay, and TCP to an emulator in this process.
#![cfg_attr(not(all(unix, feature = "relay")), allow(unused))]

#[cfg(not(all(unix, feature = "relay")))]
fn main() {}

#[cfg(all(unix, feature = "relay"))]
fn main() {
    measured::main();
}

#[cfg(all(unix, feature = "relay"))]
mod measured {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use aliyun_mqtt::{Client, Config, ConfigBuilder, Credentials, Outgoing, QoS, Spool};
    use aliyun_mqtt_emulator::Emulator;

    const ROUNDS: usize = 40;
    const PER_ROUND: usize = 100;
    const POLLS: usize = 1_000;
    const TOPIC: &str = "emulator/bench";
    const PAYLOAD: &[u8] = &[b'x'; 100];

    /// The target for the median of a post above that of a publish.
    const TARGET: Duration = Duration::from_micros(150);

    struct Relay {
        child: Child,
        folder: PathBuf,
    }

    impl Drop for Relay {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    /// A connection to the relay that is kept alive.
    struct Http(BufReader<UnixStream>);

    impl Http {
        fn new(socket: &Path) -> Http {
            Http(BufReader::new(UnixStream::connect(socket).expect("the relay listens")))
        }

        fn send(&mut self, method: &str, uri: &str, headers: &str, body: &[u8]) {
            let head =
                format!("{method} {uri} HTTP/1.1\r\nHost: relay\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            self.0.get_mut().write_all(&[head.as_bytes(), body].concat()).expect("sent");
        }

        fn receive(&mut self) -> u16 {
            let (mut status, mut length) = (0, 0);
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).expect("a line");
                if line == "\r\n" {
                    break;
                }
                if status == 0 {
                    status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
                }
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().expect("a length");
                }
            }
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).expect("a body");
            status
        }

        fn call(&mut self, method: &str, uri: &str, headers: &str, body: &[u8]) -> u16 {
            self.send(method, uri, headers, body);
            self.receive()
        }
    }

    fn config(emulator: &Emulator) -> ConfigBuilder {
        Config::builder()
            .endpoint(emulator.endpoint())
            .instance_id(emulator.instance_id())
            .group_id(emulator.group_id())
            .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
    }

    fn relay(emulator: &Emulator) -> Relay {
        let folder = std::env::temp_dir().join(format!("aliyun-mqtt-relay-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let child = Command::new(env!("CARGO_BIN_EXE_aliyun-mqtt"))
            .args(["relay", "--device-id", "relay-bench", "--subscribe", "emulator/nothing", "--listen"])
            .arg(format!("unix:{}", folder.join("s").display()))
            .arg("--store")
            .arg(folder.join("store"))
            .env("ALIYUN_MQTT_ENDPOINT", emulator.endpoint())
            .env("ALIYUN_MQTT_INSTANCE_ID", emulator.instance_id())
            .env("ALIYUN_MQTT_GROUP_ID", emulator.group_id())
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", emulator.access_key_id())
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", emulator.access_key_secret())
            .stderr(Stdio::null())
            .spawn()
            .expect("the relay starts");
        let relay = Relay { child, folder };
        let end = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(relay.folder.join("s")).is_err()
            || Http::new(&relay.folder.join("s")).call("GET", "/readyz", "", b"") != 200
        {
            assert!(Instant::now() < end, "the relay is not ready");
            std::thread::sleep(Duration::from_millis(10));
        }
        relay
    }

    fn median(times: &mut [Duration]) -> Duration {
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// Interleaves rounds of two ways to send, and prints the medians.
    fn compare(what: &str, mut own: impl FnMut(), mut post: impl FnMut()) -> Duration {
        let (mut owns, mut posts) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (times, work) in [(&mut owns, &mut own as &mut dyn FnMut()), (&mut posts, &mut post)] {
                for _ in 0..PER_ROUND {
                    let since = Instant::now();
                    work();
                    times.push(since.elapsed());
                }
            }
        }
        let (own, post) = (median(&mut owns), median(&mut posts));
        let above = post.saturating_sub(own);
        println!("{what}: library {own:.1?}, relay {post:.1?}: {above:.1?} above");
        above
    }

    fn kilobytes(relay: &Relay, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", relay.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }

    pub(super) fn main() {
        let emulator = Emulator::start().expect("the emulator starts");
        let client = Client::connect(config(&emulator).build().expect("a configuration")).expect("a connection");
        let relay = relay(&emulator);
        let socket = relay.folder.join("s");
        let mut http = Http::new(&socket);
        let uri = format!("/v1/messages?topic={TOPIC}");

        let above = compare(
            "publish and wait for the acknowledgement",
            || client.publish(TOPIC, QoS::AtLeastOnce, PAYLOAD).expect("published"),
            || assert_eq!(http.call("POST", &uri, "", PAYLOAD), 200),
        );
        println!("  target: {TARGET:?} above; {}", if above <= TARGET { "met" } else { "MISSED" });

        let spool = Spool::at(relay.folder.join("spool"));
        let spooled = config(&emulator).spool(spool).build().expect("a configuration");
        let spooled = Client::connect(spooled).expect("a connection");
        compare(
            "store only (spool; respond-async)",
            || drop(spooled.enqueue(Outgoing::new(TOPIC, QoS::AtLeastOnce, PAYLOAD)).expect("stored")),
            || assert_eq!(http.call("POST", &uri, "Prefer: respond-async\r\n", PAYLOAD), 202),
        );
        let mut number = 0;
        compare(
            "store, send, note the answer (spool; Idempotency-Key)",
            || spooled.publish(TOPIC, QoS::AtLeastOnce, PAYLOAD).expect("published"),
            || {
                number += 1;
                let key = format!("Idempotency-Key: key-{number}\r\n");
                assert_eq!(http.call("POST", &uri, &key, PAYLOAD), 200);
            },
        );

        let before = kilobytes(&relay, "VmRSS:");
        let mut polls: Vec<Http> = (0..POLLS).map(|_| Http::new(&socket)).collect();
        for poll in &mut polls {
            poll.send("GET", "/v1/messages?wait=600", "", b"");
        }
        // The answer to a later call shows that all before it were read.
        assert_eq!(http.call("GET", "/healthz", "", b""), 200);
        let after = kilobytes(&relay, "VmRSS:");
        println!(
            "{POLLS} waiting long polls: {after} kB in all, {} kB above {before} kB",
            after.saturating_sub(before)
        );
        println!("  target: below 50 MB in all; {}", if after < 50 * 1024 { "met" } else { "MISSED" });
        println!("  threads: {}", kilobytes(&relay, "Threads:"));
    }
}
