//! The program with too few threads and processes.

use std::process::Command;

use crate::support;
use crate::support::{Folder, Output, emulator, run, topic, with};
use aliyun_mqtt_emulator::Emulator;

/// Each command that starts threads, with an emulator whose host is a name.
fn commands(topic: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["sub", "-t", topic, "-W", "1"],
        vec!["pub", "-t", topic, "-m", "x"],
        vec!["pub", "-t", topic, "-l"],
        vec!["rr", "reply", "-t", topic, "--echo", "-W", "1"],
        vec!["p2p", "listen", "--device-id", "few", "-W", "1"],
        vec!["send", "-t", topic, "-m", "x"],
        vec!["token", "apply"],
        vec!["doctor"],
        vec!["bench", "publish", "-t", topic, "-C", "3", "--clients", "2"],
        vec!["bench", "subscribe", "-t", topic, "-C", "3", "--clients", "2"],
        vec!["bench", "connect", "-C", "2"],
    ]
}

/// Connects to a name, which has to be looked up.
fn named(emulator: &Emulator) -> Command {
    let mut command = with(emulator);
    command
        .env("ALIYUN_MQTT_ENDPOINT", emulator.endpoint().replace("127.0.0.1", "localhost"))
        .env("ALIYUN_MQTT_API_ENDPOINT", emulator.api_endpoint().replace("127.0.0.1", "localhost"));
    command
}

#[track_caller]
fn told(what: &str, output: &Output) {
    let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), output.stderr);
    assert!(!all.contains("panicked"), "{what}: {all}");
    assert!(output.code == Some(0) || output.code == Some(1), "{what}: {:?}: {all}", output.code);
    let why = all.contains("thread") || all.contains("Resource temporarily unavailable");
    assert_eq!(why, output.code == Some(1), "{what}: {all}");
}

#[test]
fn where_no_thread_can_be_started_every_command_says_so() {
    let emulator = emulator();
    let topic = topic(&emulator, "few");
    for mut arguments in commands(&topic).into_iter().chain([vec!["emulator", "--for", "1"]]) {
        let mut command = if arguments[0] == "emulator" { support::program() } else { named(&emulator) };
        // The standard library uses it for the stacks of its threads, and no machine has that much memory.
        command.env("RUST_MIN_STACK", (1_u64 << 48).to_string());
        if arguments[0] != "emulator" {
            arguments.splice(0..0, ["--timeout", "20"]);
        }
        let output = run(command, &arguments).expect(1);
        told(&arguments.join(" "), &output);
    }
}

#[cfg(target_os = "linux")]
mod few {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::path::Path;
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use super::*;

    /// A user without processes, so that a limit counts only those of the command. Limits do not apply to root.
    struct Nobody {
        folder: Folder,
        id: u32,
    }

    impl Nobody {
        /// Returns `None` if this process cannot become another user.
        fn new(id: u32) -> Option<Nobody> {
            if std::fs::metadata("/proc/self").map(|data| std::os::unix::fs::MetadataExt::uid(&data)).ok() != Some(0) {
                return None;
            }
            let folder = Folder::new();
            std::fs::copy(env!("CARGO_BIN_EXE_aliyun-mqtt"), folder.path("aliyun-mqtt")).expect("a copy");
            let everybody = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder.as_path(), everybody).expect("a folder of ours");
            Some(Nobody { folder, id })
        }

        /// Returns the command with a limit on threads and processes.
        fn with_room_for(&self, count: u64, command: &Command) -> Command {
            let mut limited = Command::new(self.folder.path("aliyun-mqtt"));
            limited.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            for (name, value) in command.get_envs() {
                limited.env(name, value.unwrap_or_default());
            }
            limited.uid(self.id).gid(self.id).current_dir("/");
            let limit = move || {
                let limit = libc::rlimit { rlim_cur: count, rlim_max: count };
                // SAFETY: the pointer is to a structure that outlives the call.
                match unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) } {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            };
            // SAFETY: the closure only makes a system call.
            unsafe { limited.pre_exec(limit) };
            limited
        }

        /// Returns the command lines of this user's processes.
        fn running(&self) -> Vec<String> {
            let processes = std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
            let own = |path: &Path| {
                let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
                let zombie = status.contains("State:\tZ");
                !zombie && status.lines().any(|line| line.starts_with(&format!("Uid:\t{}\t", self.id)))
            };
            let line = |path: &Path| std::fs::read_to_string(path.join("cmdline")).unwrap_or_default();
            processes.filter(|path| own(path)).map(|path| line(&path).replace('\0', " ")).collect()
        }

        /// Waits until none of this user's processes is left: one that was killed still ends for a moment.
        #[track_caller]
        fn expect_all_gone(&self, what: &str) {
            let end = Instant::now() + support::LONG;
            loop {
                let running = self.running();
                if running.is_empty() {
                    return;
                }
                assert!(Instant::now() < end, "{running:?} goes on: {what}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Allows one more thread each time, until the command works.
    #[test]
    fn wherever_the_threads_run_out_every_command_says_so() {
        let Some(nobody) = Nobody::new(61_183) else { return };
        let emulator = emulator();
        let topic = topic(&emulator, "few");
        for mut arguments in commands(&topic) {
            arguments.splice(0..0, ["--timeout", "20"]);
            let what = arguments.join(" ");
            let works = (1..20).find(|count| {
                let output = run(nobody.with_room_for(*count, &named(&emulator)), &arguments);
                told(&format!("{what}, {count} threads"), &output);
                output.code == Some(0)
            });
            assert!(works.is_some_and(|count| count > 1), "{what}");
        }
    }

    #[test]
    fn no_command_of_exec_is_left_behind_where_the_threads_run_out() {
        let Some(nobody) = Nobody::new(61_184) else { return };
        let emulator = emulator();
        let topic = topic(&emulator, "few");
        let keep = ["--timeout", "20", "sub", "-c", "--device-id", "few", "-t", &topic];
        run(with(&emulator), [&keep[..], &["-E"]].concat()).expect(0);
        emulator.publish_as_service(&topic, 1, "x").expect("published");
        // In a process of its own, which outlives the shell.
        let exec = [&keep[..], &["--exec", "sleep 600 & wait", "--exec-timeout", "1"]].concat();
        let works = (1..20).find(|count| {
            let output = run(nobody.with_room_for(*count, &with(&emulator)), &exec).expect(1);
            assert!(!output.stderr.contains("panicked"), "{count}: {}", output.stderr);
            nobody.expect_all_gone(&format!("{count}: {}", output.stderr));
            output.stderr.contains("did not end within 1 s")
        });
        assert!(works.is_some_and(|count| count > 1), "{works:?}");
    }
}
