//! `session`: queries which clients are online.

use std::io;

use aliyun_mqtt::openapi::Api;
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure, Result};
use crate::output::Out;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::small_text;
use crate::stdio::Stream;
use crate::table::Table;

/// The most client ids the service accepts in one request.
const BATCH: usize = 10;

/// The longest line with a client id, which has at most 64 bytes.
const LONGEST: u64 = 1024;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt session GID_demo@@@0001 GID_demo@@@0002
  aliyun-mqtt credential list -g GID_demo | aliyun-mqtt session -
  aliyun-mqtt session --check GID_demo@@@0001 && echo online

The service considers a client that has lost its connection online until 1.5 times its keep-alive interval has passed, \
or a little longer. It reports a client id that never existed as offline.")]
pub(crate) struct SessionArgs {
    /// Client ids to query; - reads them from stdin, one per line
    #[arg(value_name = "CLIENT_ID", required = true)]
    client_ids: Vec<String>,
    /// Exit with 1 unless all of them are online
    #[arg(long)]
    check: bool,
    /// Print a JSON object for each client
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SessionArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    if args.client_ids.iter().any(|id| id == "-") && settings.reads_stdin() {
        return Err(Failure::usage("a secret and the client ids cannot both come from stdin"));
    }
    let mut answers = Answers {
        api: settings.api()?,
        out: Out::new(),
        table: Table::new(["CLIENT ID", "STATE"]),
        json: args.json,
        all_online: true,
    };
    let mut batch = Vec::new();
    for id in &args.client_ids {
        if id != "-" {
            answers.add(&mut batch, id.clone())?;
            continue;
        }
        Stream::Input.check()?;
        let mut stdin = io::stdin().lock();
        let wrong = |why| Failure::usage(format!("cannot read the client ids from standard input: {why}"));
        while let Some(line) = small_text::line(&mut stdin, LONGEST).map_err(wrong)? {
            if !line.trim().is_empty() {
                answers.add(&mut batch, line.trim().to_string())?;
            }
        }
    }
    answers.ask(&mut batch)?;
    Ok(if args.check && !answers.all_online { Exit::Failure } else { Exit::Ok })
}

/// Queries client ids in batches and prints the results.
struct Answers {
    api: Api,
    out: Out,
    table: Table<2>,
    json: bool,
    all_online: bool,
}

impl Answers {
    fn add(&mut self, batch: &mut Vec<String>, id: String) -> Result<()> {
        batch.push(id);
        if batch.len() == BATCH { self.ask(batch) } else { Ok(()) }
    }

    /// In the order of the question.
    fn ask(&mut self, batch: &mut Vec<String>) -> Result<()> {
        let found = self.api.batch_query_session(batch)?;
        let mut rows = Vec::new();
        for id in batch.drain(..) {
            let answer = found.iter().find(|(known, _)| *known == id).map(|(_, online)| *online);
            let Some(online) = answer else {
                return Err(Failure::new(Exit::Network, format!("the service did not say whether {id:?} is online")));
            };
            self.all_online &= online;
            if self.json {
                self.out.json(&json!({ "client_id": id, "online": online }))?;
            } else {
                rows.push([id, if online { "online" } else { "offline" }.to_string()]);
            }
        }
        Ok(self.table.rows(&mut self.out, &rows)?)
    }
}
