//! The shared parts of the tests of the command line: the program as a child process, and an emulator.
#![allow(dead_code, unreachable_pub, unused_imports)]

pub mod doctor;
pub mod mosquitto;
#[cfg(target_os = "linux")]
pub mod terminal;

/// The scripted broker and the fault proxy of the library's tests, and the modules they need.
#[path = "../../../tests/support"]
pub mod library {
    pub mod broker;
    pub mod fault_proxy;
    pub mod http_proxy;
    #[path = "../../cli/tests/support/plain.rs"]
    pub mod matrix;
    pub mod port;
    pub mod random;

    pub use super::LONG;
    pub use matrix::protocol;

    pub fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    pub fn error<T: std::fmt::Debug>(result: Result<T, aliyun_mqtt::Error>) -> aliyun_mqtt::Error {
        result.expect_err("this must not work")
    }
}

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt_emulator::{Emulator, What};

/// A timeout far beyond what anything takes, so that tests do not fail on slow machines.
pub const LONG: Duration = Duration::from_secs(120);

pub fn emulator() -> Emulator {
    Emulator::start().expect("the emulator starts")
}

/// Returns a topic below the emulator's parent topic.
pub fn topic(emulator: &Emulator, rest: &str) -> String {
    format!("{}/{rest}", emulator.parent_topic())
}

/// Returns topic, QoS and payload of every message that arrived, in order, including repeated ones.
pub fn published(emulator: &Emulator) -> Vec<(String, u8, Vec<u8>)> {
    let entries = emulator.log().into_iter();
    entries
        .filter_map(|entry| match entry.what {
            What::Published { topic, qos, payload, .. } => Some((topic, qos, payload.to_vec())),
            _ => None,
        })
        .collect()
}

/// Returns the program with no environment but PATH, and without a home directory; the
/// metadata service of the machine is not asked for an AccessKey.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aliyun-mqtt"));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Returns the program with all settings of this emulator in its environment.
pub fn with(emulator: &Emulator) -> Command {
    let mut command = program();
    command
        .env("ALIYUN_MQTT_ENDPOINT", emulator.endpoint())
        .env("ALIYUN_MQTT_INSTANCE_ID", emulator.instance_id())
        .env("ALIYUN_MQTT_GROUP_ID", emulator.group_id())
        .env("ALIYUN_MQTT_TOPIC", emulator.parent_topic())
        .env("ALIYUN_MQTT_API_ENDPOINT", emulator.api_endpoint())
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", emulator.access_key_id())
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", emulator.access_key_secret());
    command
}

/// Returns the program run by a shell with these redirections: `>&-` closes its standard output.
#[cfg(unix)]
pub fn redirected<S: AsRef<OsStr>>(
    command: &Command,
    arguments: impl IntoIterator<Item = S>,
    redirections: &str,
) -> Command {
    by_shell(command, &format!("exec \"$0\" \"$@\" {redirections}"), arguments)
}

/// Returns the program run by a shell after this command: `ulimit -s 512` limits its stack.
#[cfg(unix)]
pub fn after<S: AsRef<OsStr>>(command: &Command, first: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    by_shell(command, &format!("{first}; exec \"$0\" \"$@\""), arguments)
}

fn by_shell<S: AsRef<OsStr>>(command: &Command, script: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(script).arg(command.get_program()).args(arguments);
    shell.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell
}

/// The result of a run of the program.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Output {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("UTF-8 on stdout")
    }

    pub fn lines(&self) -> Vec<&str> {
        self.text().lines().collect()
    }

    /// Panics with all output unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert!(
            self.code == Some(code),
            "expected exit code {code}, got {:?}\nstdout: {}\nstderr: {}",
            self.code,
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        );
        self
    }
}

/// Runs the program to its end.
pub fn run<S: AsRef<OsStr>>(mut command: Command, arguments: impl IntoIterator<Item = S>) -> Output {
    command.args(arguments);
    Running::start(command).wait()
}

/// Runs the program to its end with this input.
pub fn run_with_input<S: AsRef<OsStr>>(
    mut command: Command,
    arguments: impl IntoIterator<Item = S>,
    input: impl Into<Vec<u8>>,
) -> Output {
    command.args(arguments).stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().expect("a pipe");
    let input = input.into();
    // The program may end before it has read everything.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = running.wait();
    writer.join().expect("the writer ends");
    output
}

/// Lets the program heed SIGHUP and SIGINT, which are ignored where these tests run under `nohup` or in the background
/// of a script.
#[cfg(unix)]
pub fn heed_signals(command: &mut Command) {
    let heed = || {
        for signal in [libc::SIGHUP, libc::SIGINT] {
            // SAFETY: a system call with constants.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: the closure only makes system calls.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, heed) };
}

/// A running program; ended when dropped.
pub struct Running {
    pub child: Child,
    stdout: Option<mpsc::Receiver<Vec<u8>>>,
    stderr: Option<mpsc::Receiver<Vec<u8>>>,
    /// The output read so far, including lines already taken by [`line`](Running::line).
    seen: Vec<u8>,
    taken: usize,
    /// The part of stderr read by [`stderr_until`](Running::stderr_until).
    told: Vec<u8>,
}

impl Running {
    /// Starts the program and reads its stdout and stderr if they are pipes.
    pub fn start(mut command: Command) -> Self {
        Running::new(command.spawn().expect("the program starts"))
    }

    pub fn new(mut child: Child) -> Self {
        let stdout = child.stdout.take().map(pump);
        let stderr = child.stderr.take().map(pump);
        Running { child, stdout, stderr, seen: Vec::new(), taken: 0, told: Vec::new() }
    }

    /// Returns the next line of stdout; panics at the end of the program or after a timeout.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let end = Instant::now() + LONG;
        loop {
            if let Some(length) = self.seen[self.taken..].iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8(self.seen[self.taken..self.taken + length].to_vec()).expect("UTF-8");
                self.taken += length + 1;
                return line;
            }
            let stdout = self.stdout.as_ref().expect("stdout is a pipe");
            match stdout.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(part) => self.seen.extend(part),
                Err(error) => panic!("no further line on stdout ({error}); so far: {:?}", text(&self.seen)),
            }
        }
    }

    /// Waits until stdout has this text after what was taken; for prompts, which do not end with a newline.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: &str) {
        let end = Instant::now() + LONG;
        while !text(&self.seen[self.taken..]).contains(wanted) {
            let stdout = self.stdout.as_ref().expect("stdout is a pipe");
            match stdout.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(part) => self.seen.extend(part),
                Err(error) => panic!("{wanted:?} is not on stdout ({error}); so far: {:?}", text(&self.seen)),
            }
        }
    }

    /// Waits until stderr has this text; panics at the end of the program or after a timeout.
    #[track_caller]
    pub fn stderr_until(&mut self, words: &str) {
        let end = Instant::now() + LONG;
        while !text(&self.told).contains(words) {
            let stderr = self.stderr.as_ref().expect("stderr is a pipe");
            match stderr.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(part) => self.told.extend(part),
                Err(error) => panic!("{words:?} is not on stderr ({error}); so far: {:?}", text(&self.told)),
            }
        }
    }

    /// Returns the rest of the line on stderr, read so far, that begins with this text.
    #[track_caller]
    pub fn told_after(&self, words: &str) -> String {
        let told = text(&self.told);
        told.lines().find_map(|line| line.strip_prefix(words)).expect("such a line").to_string()
    }

    /// Writes to stdin, which stays open.
    pub fn type_in(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is a pipe");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("it reads its stdin");
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        let end = Instant::now() + LONG;
        let mut stdout = std::mem::take(&mut self.seen);
        let rest = self.stdout.take().map(|from| collect(&from, end));
        let mut stderr = std::mem::take(&mut self.told);
        stderr.extend(self.stderr.take().map(|from| collect(&from, end)).unwrap_or_default());
        stdout.extend(rest.unwrap_or_default());
        let status = self.status(end);
        let code = status.and_then(|status| status.code());
        let output = Output { code, stdout, stderr: text(&stderr) };
        assert!(status.is_some(), "the program did not end: {output:?}");
        output
    }

    fn status(&mut self, end: Instant) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return Some(status);
            }
            if Instant::now() >= end {
                return None;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal: `INT`, `TERM`, `KILL`.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pump(mut from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (to, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut part = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut part) {
            if to.send(part[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn collect(from: &mpsc::Receiver<Vec<u8>>, end: Instant) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match from.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(part) => all.extend(part),
            Err(mpsc::RecvTimeoutError::Disconnected) => return all,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("its output is still open, with {:?} so far", text(&all)),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory that is removed after the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("aliyun-mqtt-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the file");
        std::fs::write(&path, content).expect("the file is written");
        path
    }

    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
