//! `man`: the manual pages, one for the program and one for each command.

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory as _};

use crate::args::{Cli, GlobalArgs};
use crate::exit::{Exit, Failure, Result};
use crate::output::Out;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt man pub > pub.1 && man ./pub.1
  aliyun-mqtt man --output-dir ~/.local/share/man/man1";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Command whose page is printed, such as `pub` or `token apply` [default: the program's own]
    command: Vec<String>,
    /// Write all pages to this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    output_dir: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs, _global: &GlobalArgs) -> Result<Exit> {
    let mut root = Cli::command().disable_help_subcommand(true);
    // So that every command knows its whole name and the options of all.
    root.build();
    if let Some(folder) = &args.output_dir {
        let cannot = |error| Failure::io(format!("cannot write to {}", folder.display()), &error);
        std::fs::create_dir_all(folder).map_err(cannot)?;
        clap_mangen::generate_to(root, folder).map_err(cannot)?;
        report::note(format!("wrote the pages to {}", folder.display()));
        return Ok(Exit::Ok);
    }
    let mut page: &Command = &root;
    for name in &args.command {
        page = page.find_subcommand(name).ok_or_else(|| {
            Failure::usage(format!("there is no command {:?}", args.command.join(" ")))
                .hint("`aliyun-mqtt --help` shows all of them")
        })?;
    }
    let name = page.get_display_name().unwrap_or_else(|| page.get_name()).to_string();
    let mut text = Vec::new();
    clap_mangen::Man::new(page.clone()).title(name.to_uppercase()).render(&mut text)?;
    let mut out = Out::new();
    out.bytes(&text)?;
    out.flush()?;
    Ok(Exit::Ok)
}
