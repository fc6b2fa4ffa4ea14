//! The shared parts of the tests of `doctor`: its findings, and servers that do not speak MQTT.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;

use super::{Output, run};

/// Variables whose value must never be shown.
const SECRETS: [&str; 4] = [
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIYUN_MQTT_TOKEN",
    "ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
];

/// The output of `doctor --json`.
#[derive(Debug)]
pub struct Found {
    pub output: Output,
    pub steps: Vec<Value>,
    pub summary: Value,
}

/// Runs `doctor --json`; the secrets in its environment must not show up.
#[track_caller]
pub fn examine(command: Command, arguments: &[&str]) -> Found {
    let secrets: Vec<String> = command
        .get_envs()
        .filter(|(name, _)| SECRETS.iter().any(|secret| name == secret))
        .filter_map(|(_, value)| value?.to_str().map(str::to_string))
        .collect();
    let output = run(command, [&["doctor", "--json"], arguments].concat());
    for secret in secrets {
        // A token stands behind its kind.
        for part in secret.split('|').filter(|part| part.len() > 2) {
            let shown = output.text().contains(part) || output.stderr.contains(part);
            assert!(!shown, "a secret is shown");
        }
    }
    let mut steps: Vec<Value> =
        output.lines().into_iter().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let summary = steps.pop().unwrap_or_else(|| panic!("no output: {output:?}"));
    assert_eq!(summary["type"], "summary", "{output:?}");
    assert_eq!(summary["exit_code"].as_i64(), output.code.map(i64::from), "{output:?}");
    Found { output, steps, summary }
}

impl Found {
    #[track_caller]
    pub fn step(&self, name: &str) -> &Value {
        let step = self.steps.iter().find(|step| step["step"] == name);
        step.unwrap_or_else(|| panic!("no step {name}: {self:?}"))
    }

    /// The step names this cause, and the program ends with this code.
    #[track_caller]
    pub fn expect(&self, what: &str, step: &str, cause: &str, exit: i32) {
        let found = self.step(step);
        assert_eq!(found["cause"], cause, "{what}: {found:#}\nall: {:#?}", self.steps);
        assert!(!found["cure"].as_str().unwrap_or_default().is_empty(), "{what}: {found:#}");
        assert_eq!(self.output.code, Some(exit), "{what}: {:#?}", self.steps);
        let result = if exit == 0 { "warning" } else { "failed" };
        assert!(exit == 0 || found["result"] == "warning" || found["result"] == result, "{what}: {found:#}");
    }

    /// Returns true if the step ended well.
    pub fn is_ok(&self, step: &str) -> bool {
        self.step(step)["result"] == "ok"
    }

    /// Returns true if the server has acknowledged the message of this step.
    pub fn is_acknowledged(&self, step: &str) -> bool {
        self.step(step)["saw"]["puback_ms"].is_number()
    }

    /// Every step is fine, or does not apply.
    #[track_caller]
    pub fn healthy(&self, what: &str, skipped: &[&str]) {
        for step in &self.steps {
            let name = step["step"].as_str().expect("a name");
            let expected = if skipped.contains(&name) { "skipped" } else { "ok" };
            assert_eq!(step["result"], expected, "{what}: {step:#}\nall: {self:?}");
            assert!(step["duration_ms"].is_number(), "{step:#}");
        }
        assert_eq!(self.output.code, Some(0), "{what}: {self:?}");
    }
}

/// Runs with a timeout that has to pass, in seconds: a short one, or longer ones on a machine that does not get there
/// before a short one ends.
#[track_caller]
pub fn in_time(run: impl Fn(&str) -> Found, got_there: impl Fn(&Found) -> bool) -> Found {
    let short = ["1", "6"].into_iter().map(&run).find(|found| got_there(found));
    short.unwrap_or_else(|| run("36"))
}

/// A listener that does the same with each connection; it ends when it is dropped.
pub struct Responder {
    address: SocketAddr,
    leaving: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    pub fn start(respond: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let leaving = Arc::new(AtomicBool::new(false));
        let (theirs, respond) = (Arc::clone(&leaving), Arc::new(respond));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let respond = Arc::clone(&respond);
                // It ends with its connection.
                std::thread::spawn(move || respond(stream));
            }
        });
        Responder { address, leaving, thread: Some(thread) }
    }

    /// Hears something, says this, and closes.
    pub fn says(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Responder::start(move |mut stream| {
            let mut heard = [0; 4096];
            if stream.read(&mut heard).is_ok_and(|length| length > 0) {
                let _ = stream.write_all(&answer);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                drain(&mut stream);
            }
        })
    }

    /// An answer in HTTP.
    pub fn http(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Responder::says(format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
        ))
    }

    /// Accepts, and says nothing.
    pub fn silent() -> Self {
        Responder::start(|mut stream| drain(&mut stream))
    }

    /// Accepts, and closes.
    pub fn closes() -> Self {
        Responder::start(drop)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Reads until the other side closes, so that no reset overtakes what was said.
pub fn drain(stream: &mut TcpStream) {
    let mut part = [0; 4096];
    while stream.read(&mut part).is_ok_and(|length| length > 0) {}
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
