//! A relay in front of an emulator.

use std::path::PathBuf;
use std::process::Command;

use aliyun_mqtt_emulator::Emulator;

use crate::http::{Http, eventually};
use crate::support::library::fault_proxy::Proxy;
use crate::support::{Folder, Output, Running, emulator, with};

/// An emulator, a proxy with faults in front of it, and the place of a relay.
pub struct Rig {
    pub emulator: Emulator,
    pub line: Proxy,
    pub folder: Folder,
    arguments: Vec<String>,
}

impl Rig {
    /// Prepares a relay with these arguments besides its socket and its store.
    pub fn new(arguments: &[&str]) -> Rig {
        let emulator = emulator();
        let address = emulator.endpoint();
        let address = address.trim_start_matches("mqtt://").parse().expect("an address");
        let line = Proxy::start(address);
        let arguments = arguments.iter().map(|argument| (*argument).to_string()).collect();
        Rig { emulator, line, folder: Folder::new(), arguments }
    }

    /// Prepares a relay that receives what is below the parent topic.
    pub fn receiving(arguments: &[&str]) -> Rig {
        Rig::new(&[&["--subscribe", "emulator/#", "--device-id", "relay"], arguments].concat())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path("s")
    }

    pub fn command(&self) -> Command {
        let mut command = with(&self.emulator);
        command.env("ALIYUN_MQTT_ENDPOINT", self.line.endpoint()).arg("relay");
        command.arg("--store").arg(self.folder.path("store")).args(["--log", "info"]);
        command
    }

    /// Starts the relay, which listens when this returns.
    pub fn start(&self) -> Running {
        let mut command = self.command();
        command.arg("--listen").arg(format!("unix:{}", self.socket().display())).args(&self.arguments);
        let mut running = Running::start(command);
        running.stderr_until("listening on");
        running
    }

    /// Starts the relay in a shell that does this before.
    pub fn start_after(&self, preparation: &str) -> Running {
        let mut program = self.command();
        program.arg("--listen").arg(format!("unix:{}", self.socket().display())).args(&self.arguments);
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("{preparation}; exec \"$0\" \"$@\""));
        shell.arg(program.get_program()).args(program.get_args()).env_clear();
        for (name, value) in program.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        let piped = std::process::Stdio::piped;
        shell.stdout(piped()).stderr(piped());
        let mut running = Running::start(shell);
        running.stderr_until("listening on");
        running
    }

    /// Starts the relay and waits until it is ready.
    pub fn ready(&self) -> Running {
        let running = self.start();
        self.until_ready();
        running
    }

    pub fn until_ready(&self) {
        eventually("ready", || {
            Http::unix(&self.socket())
                .and_then(|mut http| http.try_call("GET", "/readyz", &[], b""))
                .is_ok_and(|answer| answer.status == 200)
        });
    }

    pub fn http(&self) -> Http {
        Http::unix(&self.socket()).expect("the relay listens")
    }

    /// The value of a metric; 0 if it is not there yet.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.http().get("/metrics").expect(200).body;
        let text = String::from_utf8(text).expect("UTF-8");
        let name = format!("aliyun_mqtt_relay_{name} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// The payloads that arrived at this topic.
    pub fn arrived(&self, topic: &str) -> Vec<String> {
        let all = crate::support::published(&self.emulator).into_iter();
        all.filter(|(arrived, ..)| arrived == topic)
            .map(|(.., payload)| String::from_utf8(payload).expect("UTF-8"))
            .collect()
    }
}

/// Ends a relay by a signal, and expects that it ends well.
#[track_caller]
pub fn end(running: Running) -> Output {
    running.signal("TERM");
    running.wait().expect(0)
}
