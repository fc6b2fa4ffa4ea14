//! `bench`: how fast it is, from here, with these settings.

mod connect;
mod publish;
mod report;
mod subscribe;

use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Config, ConfigBuilder, QoS};
use clap::{Args, Subcommand};

use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::report as stderr;
use crate::settings::GlobalArgs;
use crate::settings::{Key, Settings};
use crate::values::{qos, rate, seconds};

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt bench publish -t demo/bench -C 10000
  aliyun-mqtt bench publish -t demo/bench --for 10 --clients 4 --json
  aliyun-mqtt bench subscribe -t demo/bench -C 1000 --rate 100
  aliyun-mqtt bench connect -C 100

The service advises at most 20 messages a second per client, and bills messages: --rate keeps to that.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Publish, and measure how long each acknowledgement takes
    Publish(MessageArgs),
    /// Publish and receive, and measure how long each message takes from one to the other
    Subscribe(MessageArgs),
    /// Connect and disconnect, and measure how long each connect takes
    Connect(ConnectArgs),
}

/// How much to measure.
#[derive(Debug, Args)]
struct Amount {
    /// How many in all [default: 1000, or as many as --for allows]
    #[arg(long, short = 'C', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// For how many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// How many clients at a time
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct MessageArgs {
    /// Topic
    #[arg(long, short = 't', value_name = "TOPIC")]
    topic: String,
    /// QoS, 0 to 2
    #[arg(long, short = 'q', value_name = "QOS", default_value = "1", value_parser = qos)]
    qos: QoS,
    /// Bytes of each payload, 16 to 65536
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=65536))]
    size: u32,
    /// Messages a client may have unacknowledged, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    window: u16,
    /// Messages per second and client [default: as fast as it goes]
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    rate: Option<f64>,
    #[command(flatten)]
    amount: Amount,
}

#[derive(Debug, Args)]
struct ConnectArgs {
    #[command(flatten)]
    amount: Amount,
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

/// What all measurements share: whose turn it is, and when it is over.
struct Run {
    /// Secrets are read once; each client built from it makes a device id of its own, if none is set.
    builder: ConfigBuilder,
    interrupt: Interrupt,
    clients: u16,
    count: u64,
    duration: Option<Duration>,
}

/// The default count, where no time is given either.
const COUNT: u64 = 1000;

impl Run {
    fn new(amount: &Amount, settings: &Settings) -> Result<Self> {
        // Two clients with one id would throw each other off the line.
        if amount.clients > 1 && (settings.text(Key::DeviceId).is_some() || settings.text(Key::ClientId).is_some()) {
            return Err(Failure::usage("several clients cannot have one device id or client id")
                .hint("leave it out: each client then makes one of its own"));
        }
        let count = amount.count.unwrap_or(if amount.duration.is_some() { u64::MAX } else { COUNT });
        let builder = settings.builder()?;
        let interrupt = Interrupt::listen()?;
        interrupt.on(|| stderr::note("interrupted: waiting for what is under way (again to end at once)"));
        Ok(Run { builder, interrupt, clients: amount.clients, count, duration: amount.duration })
    }

    /// How many are the share of this client.
    fn share(&self, client: u16) -> u64 {
        let clients = u64::from(self.clients);
        self.count / clients + u64::from(u64::from(client) < self.count % clients)
    }

    fn end(&self, start: Instant) -> Option<Instant> {
        start.checked_add(self.duration?)
    }

    fn is_over(&self, end: Option<Instant>) -> bool {
        self.interrupt.happened() || end.is_some_and(|end| Instant::now() >= end)
    }

    /// A configuration that sends as the arguments say.
    fn config(&self, args: &MessageArgs) -> Result<Config> {
        let mut builder = self.builder.clone().window(args.window);
        if let Some(rate) = args.rate {
            builder = builder.max_publish_rate(rate);
        }
        Ok(builder.build()?)
    }

    /// From now on there is something to report.
    fn begin(&self) -> Instant {
        self.interrupt.begin();
        Instant::now()
    }

    /// All clients, connected before anything is measured.
    fn connect(&self, args: &MessageArgs) -> Result<Vec<Client>> {
        (0..self.clients).map(|_| Ok(Client::connect(self.config(args)?)?)).collect()
    }
}

/// Says goodbye. What was measured stands, so that a client that is gone already is no failure of it.
fn leave<'a>(clients: impl IntoIterator<Item = &'a Client>) {
    for client in clients {
        if let Err(error) = client.disconnect() {
            stderr::warning(error);
        }
    }
}

/// A payload of this size, which begins with these 16 bytes.
fn payload(size: u32, head: [u8; 16]) -> Vec<u8> {
    let mut payload = vec![b'x'; size as usize];
    payload[..16].copy_from_slice(&head);
    payload
}
