//! `trace`: shows what the service recorded about a device or a message.

use std::time::SystemTime;

use aliyun_mqtt::openapi::{TraceEntry, TracePage, TraceRequest};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::exit::{Exit, Result};
use crate::lang::phrase;
use crate::output::Out;
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::{Key, Settings};
use crate::table::{NOTHING, Table};
use crate::time::{Moment, moment};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt trace device GID_demo@@@0001
  aliyun-mqtt trace messages GID_demo@@@0001 --begin 1d --all --json
  id=$(aliyun-mqtt send -t demo/hello -m Hello); aliyun-mqtt trace subscribe \"$id\"

Times are RFC 3339 with a zone (2026-01-31T08:00:00+08:00) or an age (30m, 12h, 1d). The service's console allows a \
span of one day. The texts and times of the entries are printed as the service returns them; the zone of its times is \
not documented. The API needs the region of the instance here, even if its URL is given.")]
pub(crate) struct TraceArgs {
    #[command(subcommand)]
    command: TraceCommand,
}

#[derive(Debug, Subcommand)]
enum TraceCommand {
    /// Show when a client connected and disconnected, and why
    Device {
        /// Client id, GroupID@@@DeviceID
        #[arg(id = "client", value_name = "CLIENT_ID")]
        client_id: String,
        #[command(flatten)]
        pages: PageArgs,
        #[command(flatten)]
        view: ViewArgs,
    },
    /// Show which messages a client sent and received
    Messages {
        /// Client id, GroupID@@@DeviceID
        #[arg(id = "client", value_name = "CLIENT_ID")]
        client_id: String,
        #[command(flatten)]
        pages: PageArgs,
        #[command(flatten)]
        view: ViewArgs,
    },
    /// Show where a message came from
    Publish {
        /// Message id, as `send` prints it or a trace shows it
        #[arg(value_name = "MESSAGE_ID")]
        message_id: String,
        #[command(flatten)]
        view: ViewArgs,
    },
    /// Show where a message went: to all clients, or to one of them
    Subscribe {
        /// Message id, as `send` prints it or a trace shows it
        #[arg(value_name = "MESSAGE_ID")]
        message_id: String,
        /// Only this client
        #[arg(id = "client", value_name = "CLIENT_ID")]
        client_id: Option<String>,
        #[command(flatten)]
        pages: PageArgs,
        #[command(flatten)]
        view: ViewArgs,
    },
}

#[derive(Debug, Args)]
struct ViewArgs {
    /// Start of the span: a time or an age
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = moment)]
    begin: Moment,
    /// End of the span: a time or an age
    #[arg(long, value_name = "TIME", default_value = "now", value_parser = moment)]
    end: Moment,
    /// Print a JSON object for each entry
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PageArgs {
    /// Number of the page, from 1
    #[arg(long, value_name = "NUMBER", default_value_t = 1, conflicts_with = "all")]
    page: u32,
    /// Entries per page, 1 to 100
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    page_size: u32,
    /// Print all pages
    #[arg(long)]
    all: bool,
    /// Print the newest entry first
    #[arg(long)]
    reverse: bool,
}

pub(crate) fn run(args: &TraceArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    let api = settings.api()?;
    if api.region().is_none() {
        return Err(settings.missing(Key::RegionId));
    }
    match &args.command {
        TraceCommand::Device { client_id, pages, view } => {
            let heading = ["TIME", "ACTION", "CHANNEL", "RESULT"];
            let ask = |request: &TraceRequest| api.device_trace(client_id, request);
            show(heading, view, Some(pages), ask, |entry| {
                [entry.time(), entry.action(), entry.channel_id(), entry.info()]
            })
        }
        TraceCommand::Messages { client_id, pages, view } => {
            let heading = ["TIME", "ACTION", "MESSAGE ID", "RESULT"];
            let ask = |request: &TraceRequest| api.client_message_trace(client_id, request);
            show(heading, view, Some(pages), ask, |entry| {
                [entry.time(), entry.action(), entry.message_id(), entry.info()]
            })
        }
        TraceCommand::Publish { message_id, view } => {
            let ask = |request: &TraceRequest| api.publish_trace(message_id, request);
            show(OF_MESSAGE, view, None, ask, of_message)
        }
        TraceCommand::Subscribe { message_id, client_id, pages, view } => {
            let ask = |request: &TraceRequest| api.subscribe_trace(message_id, client_id.as_deref(), request);
            show(OF_MESSAGE, view, Some(pages), ask, of_message)
        }
    }
}

const OF_MESSAGE: [&str; 4] = ["TIME", "ACTION", "CLIENT ID", "RESULT"];

fn of_message(entry: &TraceEntry) -> [Option<&str>; 4] {
    [entry.time(), entry.action(), entry.client_id(), entry.info()]
}

fn show(
    heading: [&'static str; 4],
    view: &ViewArgs,
    pages: Option<&PageArgs>,
    ask: impl Fn(&TraceRequest) -> aliyun_mqtt::Result<TracePage>,
    cells: impl Fn(&TraceEntry) -> [Option<&str>; 4],
) -> Result<Exit> {
    // The same span for all pages, so that they are consistent.
    let now = SystemTime::now();
    let mut request = TraceRequest::new(view.begin.before(now), view.end.before(now));
    if let Some(pages) = pages {
        request = request.page(pages.page).page_size(pages.page_size).reverse(pages.reverse);
    }
    let (mut out, mut table) = (Out::new(), Table::new(heading));
    let all = pages.is_some_and(|pages| pages.all);
    let (mut number, mut shown) = (pages.map_or(1, |pages| pages.page), 0);
    loop {
        let page = ask(&request)?;
        let entries = page.entries();
        shown += entries.len() as u64;
        if view.json {
            for entry in entries {
                out.json(&json(entry))?;
            }
        } else {
            let row = |entry| cells(entry).map(|cell| cell.unwrap_or(NOTHING).to_string());
            table.rows(&mut out, &entries.iter().map(row).collect::<Vec<_>>())?;
        }
        let Some(pages) = pages else { break };
        let before = u64::from(number - 1) * u64::from(pages.page_size);
        let more = match page.total() {
            Some(total) => before + (entries.len() as u64) < total,
            None => entries.len() as u64 == u64::from(pages.page_size),
        };
        // An empty page is the last one, whatever the total says.
        let more = more && !entries.is_empty();
        if all && more {
            number += 1;
            request = request.page(number);
            continue;
        }
        if more {
            let next = number + 1;
            report::status(&match page.total() {
                Some(total) => {
                    phrase!("{shown} of {total} entries; use --all or --page {next} for the others", shown, total, next)
                }
                None => phrase!("{shown} of more entries; use --all or --page {next} for the others", shown, next),
            });
        }
        break;
    }
    if shown == 0 {
        report::status(&phrase!("no entries; use --begin 1d to look back one day"));
    }
    Ok(Exit::Ok)
}

/// Fields that the service left out have no key.
fn json(entry: &TraceEntry) -> Value {
    let fields = [
        ("time", entry.time()),
        ("action", entry.action()),
        ("code", entry.code()),
        ("info", entry.info()),
        ("client_id", entry.client_id()),
        ("message_id", entry.message_id()),
        ("channel_id", entry.channel_id()),
    ];
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_string(), Value::from(value?))));
    Value::Object(there.collect::<Map<_, _>>())
}
