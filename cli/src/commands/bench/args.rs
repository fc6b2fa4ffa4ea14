//! The options of the measurements.

use std::time::Duration;

use aliyun_mqtt::QoS;
use clap::Args;

use crate::values::{qos, rate, seconds};

/// The amount to measure.
#[derive(Debug, Args)]
pub(super) struct Amount {
    /// Number of messages or connects in total [default: 1000, or as many as --for allows]
    #[arg(long, short = 'C', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Duration in seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub(super) duration: Option<Duration>,
    /// Number of clients that run at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) clients: u16,
    /// Print a JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct MessageArgs {
    /// Topic
    #[arg(long, short = 't', value_name = "TOPIC")]
    pub(super) topic: String,
    /// QoS
    #[arg(long, short = 'q', value_name = "QOS", default_value = "1", value_parser = qos())]
    pub(super) qos: QoS,
    /// Size of each payload in bytes, 16 to 65536
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=65536))]
    pub(super) size: u32,
    /// Maximum number of unacknowledged messages per client, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) window: u16,
    /// Maximum messages per second and client [default: no limit]
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    pub(super) rate: Option<f64>,
    #[command(flatten)]
    pub(super) amount: Amount,
}

#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    #[command(flatten)]
    pub(super) amount: Amount,
}
