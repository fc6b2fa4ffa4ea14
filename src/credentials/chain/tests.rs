//! Each place alone, their order, broken places, and the renewal of temporary keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::SystemTime;

use aliyun_mqtt_emulator::Emulator;

use super::clock::Now;
use super::source::Source;
use super::*;
use crate::error::Stage;

mod files;
mod metadata;
mod order;
mod renewing;
mod scripted;

const ROLE: &str = "test-role";
const ARN: &str = "acs:ram::123456:role/test-role";
const PROVIDER_ARN: &str = "acs:ram::123456:oidc-provider/test";

/// A home directory, which ends with this value.
struct Home(std::path::PathBuf);

impl Home {
    fn new() -> Home {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("aliyun-mqtt-home-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        Home(path)
    }

    fn write(&self, path: &str, text: &str) -> String {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().expect("it is below")).expect("a directory");
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_string()
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.0.join(path)).expect("it was there");
    }

    /// A chain with these variables. The metadata service is off, unless one of them names it.
    fn chain(&self, variables: &[(&str, &str)]) -> AccessKeyChain {
        AccessKeyChain::from_vars(|name| {
            let given = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_string());
            match name {
                "HOME" => Some(self.0.to_str().expect("UTF-8").to_string()),
                "ALIBABA_CLOUD_ECS_METADATA_DISABLED" if !names(variables, "ALIYUN_MQTT_METADATA_ENDPOINT") => {
                    Some(given.unwrap_or_else(|| "true".to_string()))
                }
                _ => given,
            }
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A URL of this machine at which nobody listens as long as the socket lives.
fn nobody() -> (socket2::Socket, String) {
    let kept = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    kept.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = kept.local_addr().expect("an address").as_socket().expect("an address of TCP");
    (kept, format!("http://{address}"))
}

fn names(variables: &[(&str, &str)], name: &str) -> bool {
    variables.iter().any(|(known, _)| *known == name)
}

/// An emulator that hands out keys of [`ROLE`].
fn emulator() -> Emulator {
    Emulator::builder().ram_role(ROLE).start().expect("the emulator starts")
}

/// Looks for a key as if it were `now`.
fn at(chain: &AccessKeyChain, now: SystemTime) -> Result<ChainKey> {
    set_clock(chain, now);
    chain.find()
}

/// Sets the clock on, or back, and lets as much time pass.
fn set_clock(chain: &AccessKeyChain, time: SystemTime) {
    let mut set = lock(&chain.0.clock.set);
    let Now { time: old, instant } = set.unwrap_or_else(Now::of_system);
    let instant = match time.duration_since(old) {
        Ok(passed) => instant + passed,
        Err(back) => instant.checked_sub(back.duration()).unwrap_or(instant),
    };
    *set = Some(Now { time, instant });
}

fn secret(key: &ChainKey) -> (&str, Option<&str>) {
    (&key.key().secret, key.key().security_token.as_ref().map(|token| token.as_str()))
}

fn refusal(chain: &AccessKeyChain) -> Error {
    let error = chain.find().expect_err("no key");
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Credentials, Some(Fate::NotSent)), "{error}");
    let shown = format!("{error} {error:?} {chain:?}");
    assert!(!shown.contains("geheim"), "{shown}");
    error
}
