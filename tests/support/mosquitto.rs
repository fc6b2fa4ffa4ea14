//! Debian's mosquitto as a second, independent broker.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aliyun_mqtt::{Config, ConfigBuilder, Credentials, Limits};

use super::folder::Folder;
use super::matrix::{self, Transport};
use super::port::Port;
use super::{LONG, eventually};

// It asks nobody who he is.
const INSTANCE: &str = "post-cn-test";
const GROUP: &str = "GID_test";
const KEY: &str = "test-access-key-id";
const SECRET: &str = "test-access-key-secret";

/// A mosquitto of our own; it ends with this value.
pub struct Mosquitto {
    child: Child,
    folder: Folder,
    port: Port,
    ca: String,
    /// See [`start_with`](Self::start_with).
    _other: Port,
}

impl Mosquitto {
    /// Starts one on a free port of loopback, for the tests' transport.
    pub fn start() -> Mosquitto {
        Mosquitto::start_with("")
    }

    /// Starts one that keeps its sessions on disk when it is ended by [`restart`](Self::restart).
    pub fn start_with_persistence() -> Mosquitto {
        Mosquitto::start_with("persistence true\nautosave_interval 60\n")
    }

    fn start_with(more: &str) -> Mosquitto {
        // It does not start with WebSocket listeners alone.
        let (port, other) = (Port::reserve(), Port::reserve());
        let folder = Folder::new();
        let ca = write_certificates(folder.path());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let transport = matrix::transport();
        // Without a limit in flight: beyond one, mosquitto 2.0.11 was seen to let new messages overtake queued ones.
        let mut config = format!(
            "per_listener_settings false\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n\
             user root\n{more}persistence_location {}/\nlistener {} 127.0.0.1\nlistener {} 127.0.0.1\n",
            folder.path().display(),
            other.number(),
            port.number(),
        );
        if matches!(transport, Transport::Ws | Transport::Wss) {
            // Else it listens on every address.
            config += "protocol websockets\nsocket_domain ipv4\n";
        }
        if transport.is_tls() {
            config += &format!("certfile {}\nkeyfile {}\n", at("server.pem"), at("server.key"));
        }
        std::fs::write(folder.path().join("mosquitto.conf"), config).expect("written");
        let child = launch(folder.path());
        let mosquitto = Mosquitto { child, folder, port, ca, _other: other };
        mosquitto.await_listener();
        mosquitto
    }

    fn await_listener(&self) {
        eventually("mosquitto listens", || TcpStream::connect(self.addr()).is_ok());
    }

    /// Ends it as an operator would (SIGTERM), waits, and starts it again with the same ports and files.
    pub fn restart(&mut self, down: Duration) {
        let ended = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(ended.is_ok_and(|status| status.success()), "mosquitto took the signal");
        self.child.wait().expect("mosquitto has ended");
        std::thread::park_timeout(down);
        self.child = launch(self.folder.path());
        self.await_listener();
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// A configuration for a client of this broker, with the service's own rules in force.
    pub fn config(&self) -> ConfigBuilder {
        let config = Config::builder()
            .protocol(matrix::protocol())
            .endpoint(matrix::endpoint(self.addr()))
            .instance_id(INSTANCE)
            .group_id(GROUP)
            .credentials(Credentials::signature(KEY, SECRET))
            .limits(Limits::default().topic_len(128))
            .timeout(LONG);
        matrix::trusting(config, &self.ca)
    }

    /// See [`matrix::environment`].
    pub fn environment(&self) -> Vec<(String, String)> {
        let ca = self.folder.path().join("ca.pem").display().to_string();
        let variables = [
            ("ALIYUN_MQTT_ENDPOINT", matrix::endpoint(self.addr())),
            ("ALIYUN_MQTT_INSTANCE_ID", INSTANCE.to_string()),
            ("ALIYUN_MQTT_GROUP_ID", GROUP.to_string()),
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.to_string()),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET.to_string()),
            ("ALIYUN_MQTT_CA_FILE", ca),
        ];
        variables.map(|(name, value)| (name.to_string(), value)).into()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &Path) -> Child {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut mosquitto = Command::new("mosquitto");
    mosquitto.env("PATH", path).arg("-c").arg(folder.join("mosquitto.conf"));
    mosquitto.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("mosquitto is installed")
}

/// A CA, and a server certificate for localhost that it signed; returns the CA in PEM.
fn write_certificates(folder: &Path) -> String {
    let ca_key = rcgen::KeyPair::generate().expect("a key");
    let mut ca = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("a CA");
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let server = rcgen::CertificateParams::new(vec!["localhost".to_string()]).expect("parameters");
    let certificate = server.signed_by(&key, &issuer).expect("a certificate");
    std::fs::write(folder.join("server.pem"), certificate.pem()).expect("written");
    std::fs::write(folder.join("server.key"), key.serialize_pem()).expect("written");
    std::fs::write(folder.join("ca.pem"), ca_certificate.pem()).expect("written");
    ca_certificate.pem()
}
