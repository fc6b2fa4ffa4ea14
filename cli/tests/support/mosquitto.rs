//! mosquitto and its clients, if they are installed: a broker without the rules of the service, and another `sub`.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::library::port::Port;
use super::{Folder, LONG, program};

/// A broker that ends when this value is dropped.
pub struct Mosquitto {
    child: Child,
    port: Port,
    _folder: Folder,
}

impl Mosquitto {
    /// Starts a broker; prints a note and returns `None` if it is not installed.
    pub fn start() -> Option<Mosquitto> {
        for part in ["mosquitto", "mosquitto_sub", "mosquitto_pub"] {
            let found = Command::new(part).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if found.is_err() {
                eprintln!("skipped: {part} is not installed");
                return None;
            }
        }
        let port = Port::reserve();
        let folder = Folder::new();
        let limits = "max_queued_messages 0\nmax_inflight_messages 0";
        let config = format!("listener {} 127.0.0.1\nallow_anonymous true\n{limits}\n", port.number());
        let config = folder.write("mosquitto.conf", config);
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let mosquitto = Mosquitto { child: command.spawn().expect("mosquitto starts"), port, _folder: folder };
        let end = Instant::now() + LONG;
        while TcpStream::connect(mosquitto.port.addr()).is_err() {
            assert!(Instant::now() < end, "mosquitto does not listen");
            std::thread::yield_now();
        }
        Some(mosquitto)
    }

    /// Returns our program with settings for this broker.
    pub fn with(&self) -> Command {
        let mut command = program();
        command
            .env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{}", self.port.addr()))
            .env("ALIYUN_MQTT_INSTANCE_ID", "post-cn-none")
            .env("ALIYUN_MQTT_GROUP_ID", "GID_none")
            .env("ALIYUN_MQTT_TOPIC", "demo")
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "none")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret");
        command
    }

    /// Returns one of mosquitto's clients.
    pub fn client(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["-h", "127.0.0.1", "-p", &self.port.number().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Publishes with mosquitto_pub.
    pub fn publish(&self, arguments: &[&str]) {
        let status = self.client("mosquitto_pub").args(arguments).status().expect("mosquitto_pub runs");
        assert!(status.success(), "mosquitto_pub {arguments:?}");
    }

    /// Publishes each line with QoS 1.
    pub fn publish_lines(&self, topic: &str, lines: &str) {
        let mut command = self.client("mosquitto_pub");
        let mut child = command.args(["-q", "1", "-t", topic, "-l"]).stdin(Stdio::piped()).spawn().expect("it runs");
        child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
        assert!(child.wait().expect("it ends").success());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
