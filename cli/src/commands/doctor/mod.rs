//! `doctor`: walks the way from the settings to a message that comes back, and says where it ends, why, and what helps.
//!
//! * `cause` is the list of causes; `show` prints what was found.
//! * `setup`, `reach`, `connect`, `rights` and `api` are the steps, in the order of the walk.
//! * `net`, `tls` and `speaks` look at the line below MQTT; MQTT itself is the library's.

mod api;
mod cause;
mod chain;
mod connect;
mod net;
mod reach;
mod rights;
mod setup;
mod show;
mod speaks;
mod tls;

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::openapi::Api;
use aliyun_mqtt::{Client, Config, Endpoint, Error, Events, Proxy};
use clap::Args;

use crate::exit::{Exit, Result};
use crate::interrupt::Interrupt;
use crate::output::Out;
use crate::report::LogLevel;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::threads;

use self::api::NoApi;
use self::cause::Cause;
use self::show::{Outcome, Saw, Show, Trouble};
use self::tls::Trust;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Pauses between attempts to connect and to call again: a cut is made on purpose here, and an answer is wanted soon.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// How long a step may go on after Ctrl-C. What it waits for can mostly not be broken off, and nothing is lost by it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt doctor                       # with what is configured
  aliyun-mqtt doctor -t demo/orders --no-publish
  aliyun-mqtt doctor --region-id cn-hangzhou   # the API as a second witness
  aliyun-mqtt doctor --json | jq 'select(.result == \"failed\")'

Each step ends as ok, warn, FAIL or skip; a step that fails names its likely cause and the cure. The exit code is that of \
the first failure, 0 with warnings alone. Unless --no-publish is given, it publishes a marked message to the topic and one to \
itself. Where a permission seems to be missing, it applies for a token for the topic and revokes it at once, if the API is \
configured.")]
pub(crate) struct DoctorArgs {
    /// Topic whose rights are tried [default: {parent topic}/aliyun-mqtt-doctor]
    #[arg(long, short = 't', value_name = "TOPIC")]
    topic: Option<String>,
    /// Publish nothing
    #[arg(long)]
    no_publish: bool,
    /// Log in even if a client with this id is online, whose connection that closes
    #[arg(long)]
    take_over: bool,
    /// Check only what needs no network
    #[arg(long)]
    offline: bool,
    /// One JSON object for each step, and one for the sum of them
    #[arg(long)]
    json: bool,
    /// Print all causes with their cures, in Markdown
    #[arg(long, exclusive = true)]
    list_causes: bool,
}

/// The steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Settings,
    Dns,
    Tcp,
    Tls,
    Clock,
    Names,
    Login,
    Connect,
    Subscribe,
    Publish,
    P2p,
    Stay,
    Token,
    Api,
}

type Run = fn(&mut Patient<'_>, &mut Saw) -> Outcome;

const WALK: [(Step, Run); 14] = [
    (Step::Settings, setup::settings),
    (Step::Dns, reach::dns),
    (Step::Tcp, reach::tcp),
    (Step::Tls, reach::tls),
    (Step::Clock, reach::clock),
    (Step::Names, setup::names),
    (Step::Login, setup::login),
    (Step::Connect, connect::connect),
    (Step::Subscribe, rights::subscribe),
    (Step::Publish, rights::publish),
    (Step::P2p, rights::p2p),
    (Step::Stay, rights::stay),
    (Step::Token, api::token),
    (Step::Api, api::api),
];

impl Step {
    fn name(self) -> &'static str {
        match self {
            Step::Settings => "settings",
            Step::Dns => "dns",
            Step::Tcp => "tcp",
            Step::Tls => "tls",
            Step::Clock => "clock",
            Step::Names => "names",
            Step::Login => "login",
            Step::Connect => "connect",
            Step::Subscribe => "subscribe",
            Step::Publish => "publish",
            Step::P2p => "p2p",
            Step::Stay => "stay",
            Step::Token => "token",
            Step::Api => "api",
        }
    }

    /// Whether it works without the network.
    fn is_offline(self) -> bool {
        matches!(self, Step::Settings | Step::Names | Step::Login)
    }
}

/// What is known so far. Each step needs what earlier ones have found, and is skipped where that is missing.
struct Patient<'a> {
    args: &'a DoctorArgs,
    settings: Settings,
    interrupt: Interrupt,
    timeout: Duration,
    endpoint: Option<Endpoint>,
    /// On the way to the endpoint: what lies below is then the proxy's business.
    proxy: Option<Proxy>,
    addresses: Vec<SocketAddr>,
    /// The first address that answered.
    reached: Option<SocketAddr>,
    trust: OnceCell<Result<Trust, String>>,
    /// TLS is fine, or not wanted.
    secured: bool,
    /// Settings or names are not as they must be.
    misconfigured: bool,
    /// The client id, where it is not made for this run.
    given_id: Option<String>,
    topic: Option<String>,
    parent: Option<String>,
    config: Option<Config>,
    line: Option<Line>,
    subscribed: bool,
    api: OnceCell<Result<Api, NoApi>>,
    groups: OnceCell<Result<Vec<String>, Error>>,
}

/// A client that is logged in.
struct Line {
    client: Client,
    events: Events,
}

impl Patient<'_> {
    /// Whom to trust; the error is what is wrong with a file.
    fn trust(&self) -> Result<&Trust, Trouble> {
        let trust = self.trust.get_or_init(|| Trust::load(&self.settings));
        trust.as_ref().map_err(|why| Trouble::new(Cause::CaFileUnusable, why.as_str()))
    }

    /// Ctrl-C wakes whatever waits for this client.
    fn interrupt_ends(&self, client: &Client) {
        let client = client.with_timeout(Duration::ZERO);
        // What is not delivered is a test message.
        self.interrupt.on(move || drop(client.disconnect()));
    }
}

pub(crate) fn run(args: &DoctorArgs, global: &GlobalArgs) -> Result<Exit> {
    if args.list_causes {
        Out::new().text(&Cause::table())?;
        return Ok(Exit::Ok);
    }
    let mut patient = Patient {
        args,
        settings: Settings::load(global)?,
        interrupt: Interrupt::listen()?,
        timeout: TIMEOUT,
        endpoint: None,
        proxy: None,
        addresses: Vec::new(),
        reached: None,
        trust: OnceCell::new(),
        secured: false,
        misconfigured: false,
        given_id: None,
        topic: None,
        parent: None,
        config: None,
        line: None,
        subscribed: false,
        api: OnceCell::new(),
        groups: OnceCell::new(),
    };
    if global.log == LogLevel::Warn {
        // What the library warns of is what the steps tell.
        log::set_max_level(log::LevelFilter::Error);
    }
    patient.interrupt.begin();
    let show = Arc::new(Mutex::new(Show::new(args.json)));
    let shown = Arc::clone(&show);
    patient.interrupt.on(move || {
        let later = Arc::clone(&shown);
        if threads::start("end", move || end_soon(&later)).is_err() {
            end_soon(&shown);
        }
    });
    for (step, run) in WALK {
        let (start, mut saw) = (Instant::now(), Saw::default());
        let outcome = match args.offline && !step.is_offline() {
            true => Outcome::skipped("--offline"),
            false => run(&mut patient, &mut saw),
        };
        if patient.interrupt.happened() {
            break;
        }
        lock(&show).step(step, &outcome, saw, start.elapsed())?;
    }
    if let Some(line) = patient.line.take() {
        // Everything was told already.
        let _ = line.client.with_timeout(patient.timeout.min(GOODBYE)).disconnect();
    }
    lock(&show).summary(patient.interrupt.happened())
}

/// Ends the program with its report, unless it ends by itself before that.
fn end_soon(show: &Mutex<Show>) {
    thread::sleep(PATIENCE);
    // Nobody else reports from now on.
    let mut shown = lock(show);
    let exit = match shown.summary(true) {
        Ok(exit) => exit,
        Err(failure) => failure.exit,
    };
    std::process::exit(exit as i32);
}

fn lock(show: &Mutex<Show>) -> MutexGuard<'_, Show> {
    show.lock().unwrap_or_else(PoisonError::into_inner)
}
