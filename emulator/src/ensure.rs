//! An emulator for example programs that read their settings from the environment alone.

use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;

use crate::error::Error;
use crate::server::Server;

/// Makes sure that the environment of the program names a server. For the first line of an example's `main`.
///
/// Returns at once if `ALIYUN_MQTT_ENDPOINT` is set. Otherwise starts an emulator, runs this program again with the
/// same arguments and with the emulator's settings in its environment, and **exits the process** with the exit code of
/// that run. The rest of the program needs no account and no case distinction: it reads its settings from the
/// environment.
///
/// Variables that belong to another server, such as a CA file or a proxy, are removed from the environment of that run;
/// see [`Server::get`]. Ctrl-C is left to that run; other signals to this process end it and the emulator, and not that
/// run.
///
/// ```no_run
/// # fn main() -> Result<(), aliyun_mqtt_emulator::Error> {
/// aliyun_mqtt_emulator::ensure_server()?;
/// // From here on, ALIYUN_MQTT_ENDPOINT is set.
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Io`] and [`Error::Tls`] if the emulator or the program cannot be started.
pub fn ensure_server() -> Result<(), Error> {
    let server = Server::from_env_or_emulator()?;
    let Some(environment) = server.environment() else { return Ok(()) };
    println!("ALIYUN_MQTT_ENDPOINT is not set: using an emulator, no account needed");
    let mut command = Command::new(std::env::current_exe().map_err(|source| Error::io("find this program", source))?);
    command.args(std::env::args_os().skip(1));
    for (name, _) in std::env::vars_os() {
        let is_ours =
            name.to_str().is_some_and(|name| name.starts_with("ALIYUN_MQTT_") || name.starts_with("ALIBABA_"));
        if is_ours && name.to_str().and_then(|name| server.get(name)).is_none() {
            command.env_remove(name);
        }
    }
    command.envs(environment.variables().iter().map(|(name, value)| (name, value)));
    // Replaces the default action of Ctrl-C, which would end the emulator before the program that uses it.
    let ignored = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, ignored).map_err(|source| Error::io("register for Ctrl-C", source))?;
    let status = command.status().map_err(|source| Error::io("run this program again", source))?;
    drop(server);
    std::process::exit(code(status));
}

/// The exit code of the run; 128 and the signal where a signal ended it, as shells do.
fn code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(1)
}
