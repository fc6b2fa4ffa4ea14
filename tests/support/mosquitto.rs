//! Debian's mosquitto as a second, independent broker.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aliyun_mqtt::{Config, ConfigBuilder, Credentials, Limits};

use super::{LONG, eventually};

/// A mosquitto of our own; it ends with this value.
pub struct Mosquitto {
    child: Child,
    folder: PathBuf,
    plain: SocketAddr,
    tls: SocketAddr,
    ca: String,
}

impl Mosquitto {
    /// Starts one on two free ports of loopback, plain and TLS.
    pub fn start() -> Mosquitto {
        Mosquitto::start_with("")
    }

    /// Starts one that keeps its sessions on disk when it is ended by [`restart`](Self::restart).
    pub fn start_with_persistence() -> Mosquitto {
        Mosquitto::start_with("persistence true\nautosave_interval 60\n")
    }

    fn start_with(more: &str) -> Mosquitto {
        let (plain, tls) = (free_port(), free_port());
        let folder = std::env::temp_dir().join(format!("aliyun-mqtt-test-{}-{}", std::process::id(), plain.port()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let ca = write_certificates(&folder);
        // Without a limit in flight: beyond one, mosquitto 2.0.11 was seen to let new messages overtake queued ones.
        let at = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "per_listener_settings false\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n\
             user root\n{more}persistence_location {}/\nlistener {} 127.0.0.1\nlistener {} 127.0.0.1\ncertfile {}\nkeyfile {}\n",
            folder.display(),
            plain.port(),
            tls.port(),
            at("server.pem"),
            at("server.key"),
        );
        std::fs::write(folder.join("mosquitto.conf"), config).expect("written");
        let child = launch(&folder);
        let mosquitto = Mosquitto { child, folder, plain, tls, ca };
        mosquitto.await_listeners();
        mosquitto
    }

    fn await_listeners(&self) {
        let ports = [self.plain, self.tls];
        eventually("mosquitto listens", || ports.iter().all(|addr| TcpStream::connect(addr).is_ok()));
    }

    /// Ends it as an operator would (SIGTERM), waits, and starts it again with the same ports and files.
    pub fn restart(&mut self, down: Duration) {
        let ended = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(ended.is_ok_and(|status| status.success()), "mosquitto took the signal");
        self.child.wait().expect("mosquitto has ended");
        std::thread::park_timeout(down);
        self.child = launch(&self.folder);
        self.await_listeners();
    }

    /// Where it listens without TLS.
    pub fn addr(&self) -> SocketAddr {
        self.plain
    }

    /// A configuration for a client of this broker, with the service's own rules in force.
    pub fn config(&self) -> ConfigBuilder {
        Config::builder()
            .protocol(super::protocol())
            .endpoint(format!("mqtt://{}", self.plain))
            .instance_id("post-cn-test")
            .group_id("GID_test")
            .credentials(Credentials::signature("test-access-key-id", "test-access-key-secret"))
            .limits(Limits::default().topic_len(128))
            .timeout(LONG)
    }

    /// The same over TLS, trusting this broker's CA.
    pub fn tls_config(&self) -> ConfigBuilder {
        self.config().endpoint(format!("mqtts://localhost:{}", self.tls.port())).ca_pem(self.ca.clone())
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn launch(folder: &Path) -> Child {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut mosquitto = Command::new("mosquitto");
    mosquitto.env("PATH", path).arg("-c").arg(folder.join("mosquitto.conf"));
    mosquitto.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("mosquitto is installed")
}

/// Free at this moment; mosquitto cannot choose a port itself.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
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
    ca_certificate.pem()
}
