//! The Rust blocks of the book and the READMEs, compiled and run as documentation tests, and what their hidden lines
//! call.
#![forbid(unsafe_code)]

use aliyun_mqtt::openapi::ApiBuilder;
use aliyun_mqtt::{Client, Config, ConfigBuilder, Result};
use aliyun_mqtt_emulator::{Emulator, Environment, Transport};

/// Connects to an emulator of its own, which runs until the process ends.
pub fn client() -> Result<Client> {
    Client::connect(config()?)
}

/// Returns the configuration of a client of [`client`].
pub fn config() -> Result<Config> {
    builder().build()
}

/// Returns the settings of an emulator of its own, credentials included. It runs until the process ends.
///
/// # Panics
/// If no emulator can be started.
pub fn builder() -> ConfigBuilder {
    builders().0
}

/// Returns the settings of a client and of the API of the same emulator.
///
/// # Panics
/// If no emulator can be started.
pub fn builders() -> (ConfigBuilder, ApiBuilder) {
    let environment = emulator();
    let lookup = |name: &str| environment.get(name);
    (ConfigBuilder::from_vars(lookup), ApiBuilder::from_vars(lookup))
}

/// Starts an emulator that runs until the process ends, and returns what a client needs. Its group is `GID_demo`, its
/// parent topic `demo`.
///
/// # Panics
/// If no emulator can be started.
pub fn emulator() -> Environment {
    let emulator = Emulator::builder().group_id("GID_demo").parent_topic("demo").start();
    let emulator = Box::leak(Box::new(emulator.expect("an emulator on loopback")));
    emulator.environment(Transport::Tcp, None).expect("the environment of a client over TCP")
}

/// Declares a module for each page, whose documentation is the page.
macro_rules! chapters {
    ($($chapter:ident $file:literal)*) => {
        $(#[doc = include_str!(concat!("../../en/src/", $file))] mod $chapter {})*
    };
}

chapters! {
    readme "../../../../README.md"
    readme_zh "../../../../README.zh-CN.md"
    introduction "introduction.md"
    first_message "first-message.md"
    program "program.md"
    login "login.md"
    sending "sending.md"
    receiving "receiving.md"
    tokens "tokens.md"
    requests "requests.md"
    ordered "ordered.md"
    mqtt5 "mqtt5.md"
    spool "spool.md"
    network "network.md"
    settings "settings.md"
    command_line "command-line.md"
    relay "relay.md"
    emulator_chapter "emulator.md"
    emulator_in_ci "emulator-in-ci.md"
    languages "languages.md"
    limits "limits.md"
    troubleshooting "troubleshooting.md"
    moving_over "moving-over.md"
    keys "keys.md"
    ram_policies "ram-policies.md"
}
