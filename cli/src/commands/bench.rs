//! `bench`: measures the speed of publishing, receiving and connecting with these settings.

mod args;
mod connect;
mod publish;
mod report;
mod run;
mod subscribe;

use clap::{Args, Subcommand};

use crate::exit::{Exit, Result};
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use args::{ConnectArgs, MessageArgs};
use run::Run;

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt bench publish -t demo/bench -C 10000
  aliyun-mqtt bench publish -t demo/bench --for 10 --clients 4 --json
  aliyun-mqtt bench subscribe -t demo/bench -C 1000 --rate 100
  aliyun-mqtt bench connect -C 100

The service advises at most 20 messages per second and client, and bills messages: use --rate to limit them.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Publish, and measure the time to each acknowledgement
    #[command(visible_alias = "pub")]
    Publish(MessageArgs),
    /// Publish and receive, and measure the time of each message from one to the other
    #[command(visible_alias = "sub")]
    Subscribe(MessageArgs),
    /// Connect and disconnect, and measure the time of each connect
    #[command(visible_alias = "conn")]
    Connect(ConnectArgs),
}

pub(crate) fn run(args: &BenchArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    let (amount, report) = match &args.what {
        What::Publish(args) => (&args.amount, publish::run(args, &Run::new(&args.amount, &settings)?)?),
        What::Subscribe(args) => (&args.amount, subscribe::run(args, &Run::new(&args.amount, &settings)?)?),
        What::Connect(args) => (&args.amount, connect::run(&Run::new(&args.amount, &settings)?)?),
    };
    report.print(amount.json)?;
    Ok(report.exit())
}
