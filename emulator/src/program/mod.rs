//! The command line of the program `aliyun-mqtt-emulator`: the options that it shares with `aliyun-mqtt emulator`, and
//! the settings file of both.

mod file;
mod limit;
mod options;
mod private;

use crate::builder::Builder;

pub use self::options::{Given, Options};

/// The result of options and settings file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Configured {
    /// The builder with all settings.
    pub builder: Builder,
    /// Warnings for the user, as sentences without a full stop.
    pub warnings: Vec<String>,
}
