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
        notes(&text.to_string()).to_writer(&mut page)?;
    }
    Ok(lang::in_manual(page))
}

/// Returns what follows the options in `--help`: a section for each list or example that has a title, and before them
/// the rest as notes.
fn notes(text: &str) -> Roff {
    let (mut notes, mut titled) = (Roff::new(), Roff::new());
    for paragraph in text.split("\n\n") {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let title = first.strip_suffix([':', '：']).filter(|_| rest.starts_with(' '));
        if let Some(title) = title {
            titled.control("SH", [&*title.to_uppercase()]);
            as_it_is(&mut titled, rest);
        } else if paragraph.starts_with(' ') {
            as_it_is(&mut notes, paragraph);
        } else {
            notes.control("PP", []).text([roman(paragraph)]);
        }
    }
    let mut all = Roff::new();
    if notes != Roff::new() {
        all.control("SH", ["NOTES"]).extend([notes]);
    }
    all.extend([titled]);
    all
}

/// Adds lines that are not to be filled.
fn as_it_is(roff: &mut Roff, lines: &str) {
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// Prints the usage line of `--help`; that of clap_mangen would list some thirty global options.
fn synopsis(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    as_it_is(&mut roff, &usage.lines().map(str::trim).collect::<Vec<_>>().join("\n"));
    roff.to_writer(page)
}
