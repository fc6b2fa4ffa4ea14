//! `man`: prints or writes the manual pages, one for the program and one for each command.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::exit::{Exit, Failure, Result};
use crate::lang::{self, phrase};
use crate::output::Out;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt man pub > pub.1 && man ./pub.1
  aliyun-mqtt man --output-dir ~/.local/share/man/man1
  aliyun-mqtt --lang zh man --output-dir ~/.local/share/man/zh_CN/man1";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Command whose page to print, such as `pub` or `token apply` [default: the program itself]
    command: Vec<String>,
    /// Write all pages to this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    output_dir: Option<PathBuf>,
}

impl ManArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        self.output_dir.is_none()
    }
}

/// `tree` is the whole command line.
pub(crate) fn run(args: &ManArgs, tree: Command) -> Result<Exit> {
    let mut root = with_all_help(tree.disable_help_subcommand(true));
    // Gives every command its full name and the global options.
    root.build();
    let root = lang::in_tree(root);
    if let Some(folder) = &args.output_dir {
        let cannot = |error| Failure::io(format!("cannot write to {}", folder.display()), &error);
        std::fs::create_dir_all(folder).map_err(cannot)?;
        write_all(&root, folder).map_err(cannot)?;
        let path = folder.display();
        report::status(&phrase!("wrote the pages to {path}", path));
        return Ok(Exit::Ok);
    }
    let mut page: &Command = &root;
    for name in &args.command {
        page = page.find_subcommand(name).ok_or_else(|| {
            Failure::usage(format!("there is no command {:?}", args.command.join(" ")))
                .hint(phrase!("`aliyun-mqtt --help` lists all commands"))
        })?;
    }
    let mut out = Out::new();
    out.bytes(&render(page)?)?;
    out.flush()?;
    Ok(Exit::Ok)
}

/// Works around clap_mangen, which omits the help of options hidden from `-h` unless they have a long help.
fn with_all_help(command: Command) -> Command {
    let command = command.mut_args(|argument| match (argument.get_long_help(), argument.get_help().cloned()) {
        (None, Some(help)) => argument.long_help(help),
        _ => argument,
    });
    command.mut_subcommands(with_all_help)
}

fn write_all(command: &Command, folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join(format!("{}.1", name(command))), render(command)?)?;
    command.get_subcommands().try_for_each(|command| write_all(command, folder))
}

/// Returns the name of a page, such as `aliyun-mqtt-token-apply`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn render(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .title(name(command).to_uppercase())
        .source(format!("aliyun-mqtt {}", env!("CARGO_PKG_VERSION")))
        .manual("aliyun-mqtt");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    synopsis(command, &mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_long_help() {
        let mut roff = Roff::new();
        roff.control("SH", ["NOTES"]).control("nf", []);
        for line in text.to_string().lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []).to_writer(&mut page)?;
    }
    Ok(lang::in_manual(page))
}

/// Prints the usage line of `--help`; that of clap_mangen would list some thirty global options.
fn synopsis(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]).control("nf", []);
    for line in usage.lines() {
        roff.text([roman(line.trim())]);
    }
    roff.control("fi", []).to_writer(page)
}
