//! `group`: manages the groups of the instance.

use aliyun_mqtt::openapi::Api;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::confirm::confirm;
use crate::exit::{Exit, Result};
use crate::lang::phrase;
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
    /// List the groups and when they were created
    List {
        /// Print a JSON object for each group
        #[arg(long)]
        json: bool,
    },
    /// Create a group; it cannot be renamed
    Create {
        /// GID_ or GID-, then letters, digits, - or _; 7 to 64 characters
        #[arg(id = "group", value_name = "GROUP_ID")]
        group_id: String,
    },
    /// Delete a group; its clients can no longer log in
    Delete {
        /// Group id
        #[arg(id = "group", value_name = "GROUP_ID")]
        group_id: String,
        /// Do not ask for confirmation; without a terminal there is none
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
            report::status(&phrase!("created {group_id}", group_id));
        }
        GroupCommand::Delete { group_id, yes } => {
            confirm(&format!("Delete {group_id}? Its clients can no longer log in."), *yes)?;
            settings.api()?.delete_group(group_id)?;
            report::status(&phrase!("deleted {group_id}", group_id));
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
