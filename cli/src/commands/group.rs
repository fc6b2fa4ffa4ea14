//! `group`: the groups of the instance.

use aliyun_mqtt::openapi::Api;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::confirm::confirm;
use crate::exit::{Exit, Result};
use crate::output::Out;
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::table::{NOTHING, Table};
use crate::time::rfc3339;

#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Debug, Subcommand)]
enum GroupCommand {
    /// List the groups, with the time they were made
    List {
        /// A JSON object for each
        #[arg(long)]
        json: bool,
    },
    /// Make a group; it cannot be renamed
    Create {
        /// GID_ or GID-, then letters, digits, - or _; 7 to 64 characters
        #[arg(id = "group", value_name = "GROUP_ID")]
        group_id: String,
    },
    /// Take a group away: its clients cannot log in any more
    Delete {
        /// Group id
        #[arg(id = "group", value_name = "GROUP_ID")]
        group_id: String,
        /// Do not ask on the terminal; without a terminal nothing is asked
        #[arg(long)]
        yes: bool,
    },
}

impl GroupArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        matches!(self.command, GroupCommand::List { .. })
    }
}

pub(crate) fn run(args: &GroupArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    match &args.command {
        GroupCommand::List { json } => list(&settings.api()?, *json)?,
        GroupCommand::Create { group_id } => {
            settings.api()?.create_group(group_id)?;
            report::note(format!("made {group_id}"));
        }
        GroupCommand::Delete { group_id, yes } => {
            confirm(&format!("Delete {group_id}? Its clients cannot log in any more."), *yes)?;
            settings.api()?.delete_group(group_id)?;
            report::note(format!("deleted {group_id}"));
        }
    }
    Ok(Exit::Ok)
}

fn list(api: &Api, as_json: bool) -> Result<()> {
    let mut out = Out::new();
    let groups = api.list_groups()?;
    if as_json {
        for group in &groups {
            let (created, updated) = (group.created().map(rfc3339), group.updated().map(rfc3339));
            out.json(&json!({ "group_id": group.id(), "created": created, "updated": updated }))?;
        }
        return Ok(());
    }
    let time = |time: Option<std::time::SystemTime>| time.map_or(NOTHING.to_string(), rfc3339);
    let rows: Vec<[String; 2]> = groups.iter().map(|group| [group.id().to_string(), time(group.created())]).collect();
    Ok(Table::new(["GROUP ID", "CREATED"]).rows(&mut out, &rows)?)
}
