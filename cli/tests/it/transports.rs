//! The same commands work with each MQTT version and transport; only the environment differs.

use std::process::Command;

use crate::support::doctor::examine;
use crate::support::{Folder, LONG, Running, emulator, program, run, topic};
use aliyun_mqtt_emulator::{Emulator, Environment, Listener, LogEntry, Transport, Version, What};

/// One of the eight combinations, with an emulator of its own.
struct Way {
    emulator: Emulator,
    environment: Environment,
    protocol: &'static str,
    transport: Transport,
}

impl Way {
    fn new(folder: &Folder, protocol: &'static str, transport: Transport) -> Self {
        let emulator = emulator();
        let environment = emulator.environment(transport, Some(&folder.path("ca.pem"))).expect("the CA is written");
        Way { emulator, environment, protocol, transport }
    }

    fn program(&self) -> Command {
        let mut command = program();
        command.envs(self.environment.variables().iter().map(|(name, value)| (name, value)));
        command.env("ALIYUN_MQTT_PROTOCOL", self.protocol);
        command
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.program();
        command.args(arguments);
        Running::start(command)
    }

    fn until(&self, what: impl Fn(&LogEntry) -> bool) {
        self.emulator.wait_for_log(LONG, what).expect("it is in the log");
    }

    /// Starts a receiver and waits until the server has its subscription.
    fn subscriber(&self, topic: &str, arguments: &[&str]) -> Running {
        let running = self.start(arguments);
        self.until(|entry| matches!(&entry.what, What::Subscribed { filter, .. } if filter == topic));
        running
    }

    fn messages(&self) {
        let topic = topic(&self.emulator, "temperature");
        let receiver = self.subscriber(&topic, &["sub", "-t", &topic, "-C", "1", "-v"]);
        run(self.program(), ["pub", "-t", &topic, "-m", "二十一度"]).expect(0);
        assert_eq!(receiver.wait().expect(0).text(), format!("{topic} 二十一度\n"));
    }

    fn p2p(&self) {
        let to = format!("{}@@@receiver", self.emulator.group_id());
        let receiver = self.start(&["p2p", "listen", "--device-id", "receiver", "-C", "1"]);
        self.until(|entry| matches!(entry.what, What::Connected { .. }) && entry.client_id == to);
        run(self.program(), ["p2p", "send", &to, "-m", "psst"]).expect(0);
        assert_eq!(receiver.wait().expect(0).text(), "psst\n");
    }

    fn request(&self) {
        let topic = topic(&self.emulator, "ask");
        let replier = self.subscriber(&topic, &["rr", "reply", "-t", &topic, "-m", "21", "-C", "1"]);
        assert_eq!(run(self.program(), ["rr", "-t", &topic, "-m", "?"]).expect(0).text(), "21\n");
        replier.wait().expect(0);
    }

    /// Checks that all connections used this combination.
    fn was_taken(&self) {
        let version = if self.protocol == "5" { Version::V5 } else { Version::V311 };
        let listener = match self.transport {
            Transport::Tcp => Listener::Tcp,
            Transport::Tls => Listener::Tls,
            Transport::Ws => Listener::Ws,
            Transport::Wss => Listener::Wss,
        };
        let logins: Vec<_> = self
            .emulator
            .log()
            .into_iter()
            .filter_map(|entry| match entry.what {
                What::Connected { version, listener, .. } => Some((version, listener)),
                _ => None,
            })
            .collect();
        // Two of each pair, two of `bench`, and at least one of `doctor`.
        assert!(logins.len() >= 9, "{logins:?}");
        assert!(logins.iter().all(|login| *login == (version, listener)), "{logins:?}");
    }
}

#[test]
fn every_command_goes_each_way_by_the_environment_alone() {
    let folder = Folder::new();
    for protocol in ["3.1.1", "5"] {
        for transport in Transport::ALL {
            let way = Way::new(&folder, protocol, transport);
            // First, because a failure to connect is explained here, and not by a timeout.
            run(way.program(), ["bench", "connect", "-C", "2"]).expect(0);
            way.messages();
            way.p2p();
            way.request();
            let skipped: &[&str] = if transport.is_tls() { &["token"] } else { &["tls", "token"] };
            examine(way.program(), &[]).healthy(&format!("{protocol} over {transport}"), skipped);
            way.was_taken();
        }
    }
}
