//! Where messages come from: the command line, a file, or standard input.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use aliyun_mqtt::{Config, Outgoing};

use super::PubArgs;
use super::feed::Fault;
use super::jsonl;
use super::lines::{Line, Lines};
use super::message::Template;
use super::report::{Length, Naming};
use super::room::Room;
use crate::exit::{Exit, Failure, Result};
use crate::report as stderr;

/// Lines read ahead. Few, since each may be as long as a payload.
const AHEAD: usize = 16;

/// What the command line asks for.
pub(super) enum Form {
    /// Only what the spool holds.
    Nothing,
    Text(Vec<u8>, u64),
    Whole(Place, u64),
    Lines(Place),
    JsonLines(Place),
}

/// Where to read.
pub(super) enum Place {
    Stdin,
    File(PathBuf),
}

/// The same with files open and whole messages read.
pub(super) enum Opened {
    Nothing,
    /// A message, and how often it is sent.
    Message(Outgoing, u64),
    /// A message per line, or per JSON line.
    Stream {
        from: Reader,
        json: bool,
    },
}

/// Something to read from.
pub(super) struct Reader {
    from: Box<dyn Read + Send>,
    /// For messages.
    name: String,
    /// Bytes to come, if that is known.
    size: Option<u64>,
}

/// A message of the input, or why there is none.
pub(super) struct Item {
    /// Its line, or its number.
    pub(super) number: u64,
    /// Bytes of the input up to its end.
    pub(super) end: u64,
    pub(super) message: Result<Outgoing, Fault>,
}

/// What the reading thread gives.
pub(super) enum Given {
    Item(Item),
    /// There may be news: look at the room.
    Wake,
    End,
}

/// Messages, one after another.
pub(super) enum Source {
    Nothing,
    Repeat { message: Outgoing, count: u64, given: u64 },
    Stream(Receiver<Given>),
}

impl Form {
    pub(super) fn of(args: &PubArgs) -> Result<Form> {
        let place = || match &args.file {
            Some(path) if path.as_os_str() != "-" => Place::File(path.clone()),
            _ => Place::Stdin,
        };
        let lines = args.lines || args.jsonl;
        let ways =
            [args.message.is_some(), args.file.is_some() && !lines, args.stdin, args.lines, args.jsonl, args.empty];
        let count = ways.iter().filter(|way| **way).count();
        if count == 0 && args.spool.is_some() {
            return Ok(Form::Nothing);
        }
        if count != 1 {
            let what = if count == 0 { "nothing to send is given" } else { "more than one thing to send is given" };
            return Err(Failure::usage(what).hint("give one of -m, -f, -s, -l, -n and --jsonl"));
        }
        if lines && (args.repeat.is_some() || args.repeat_delay.is_some()) {
            return Err(Failure::usage("--repeat and --repeat-delay are for a single message, not for lines")
                .hint("--rate sets the pace of lines"));
        }
        if !args.jsonl && args.topic.is_none() {
            return Err(Failure::usage("no topic is given").hint("use -t TOPIC"));
        }
        let times = args.repeat.unwrap_or(1);
        Ok(match &args.message {
            Some(text) => Form::Text(text.as_encoded_bytes().to_vec(), times),
            None if args.empty => Form::Text(Vec::new(), times),
            None if args.jsonl => Form::JsonLines(place()),
            None if args.lines => Form::Lines(place()),
            None => Form::Whole(place(), times),
        })
    }

    pub(super) fn reads_stdin(&self) -> bool {
        matches!(self, Form::Whole(Place::Stdin, _) | Form::Lines(Place::Stdin) | Form::JsonLines(Place::Stdin))
    }

    /// Opens files, reads whole messages, and checks what is common to all of them.
    pub(super) fn open(self, template: &Template, config: &Config, quiet: bool) -> Result<Opened> {
        let open = |place: Place| place.open(quiet);
        Ok(match self {
            Form::Nothing => Opened::Nothing,
            Form::Text(payload, times) => Opened::Message(template.message(payload)?, times),
            Form::Whole(place, times) => {
                let payload = open(place)?.whole(config.limits().payload_len)?;
                Opened::Message(template.message(payload)?, times)
            }
            Form::Lines(place) => {
                // The topic is that of every line.
                template.message(Vec::new())?;
                Opened::Stream { from: open(place)?, json: false }
            }
            Form::JsonLines(place) => Opened::Stream { from: open(place)?, json: true },
        })
    }
}

impl Place {
    fn open(self, quiet: bool) -> Result<Reader> {
        match self {
            Place::File(path) => {
                let name = path.display().to_string();
                let cannot = |error: io::Error| Failure::usage(format!("cannot read {name}: {error}"));
                let file = File::open(&path).map_err(cannot)?;
                let data = file.metadata().map_err(cannot)?;
                if data.is_dir() {
                    return Err(cannot(io::ErrorKind::IsADirectory.into()));
                }
                Ok(Reader { from: Box::new(file), size: data.is_file().then_some(data.len()), name })
            }
            Place::Stdin => {
                if !quiet && io::stdin().is_terminal() && io::stderr().is_terminal() {
                    stderr::note("reading from the terminal; Ctrl-D ends the input");
                }
                let name = "standard input".to_string();
                Ok(Reader { size: rest_of_stdin(), from: Box::new(io::stdin()), name })
            }
        }
    }
}

/// How much there is to read, where standard input is a file.
#[cfg(unix)]
fn rest_of_stdin() -> Option<u64> {
    use std::io::Seek as _;
    use std::os::fd::AsFd as _;
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let data = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    data.len().checked_sub(file.stream_position().ok()?)
}

#[cfg(not(unix))]
fn rest_of_stdin() -> Option<u64> {
    None
}

impl Reader {
    /// All of it, which must be no more than that.
    fn whole(self, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.from.take(limit as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::io(format!("cannot read {}", self.name), &error))?;
        if bytes.len() > limit {
            return Err(too_long(&self.name, limit));
        }
        Ok(bytes)
    }

    /// Reads line by line, until the end or until nobody wants more.
    fn give(self, json: bool, template: &Template, to: &SyncSender<Given>) {
        let _ending = Ending(to);
        let payload = template.config.limits().payload_len;
        let limit = if json { jsonl::longest_line(payload) } else { payload };
        let mut lines = Lines::new(BufReader::with_capacity(64 * 1024, self.from), limit);
        for number in 1.. {
            let message = match lines.next() {
                Ok(None) => break,
                Ok(Some(Line::TooLong)) => Err(Fault::Line(too_long("it", limit))),
                Ok(Some(Line::Whole(line))) if json => match jsonl::message(&line, template) {
                    Ok(None) => continue,
                    Ok(Some(message)) => Ok(message),
                    Err(failure) => Err(Fault::Line(failure)),
                },
                Ok(Some(Line::Whole(line))) => template.message(line).map_err(Fault::Line),
                Err(error) => Err(Fault::Input(Failure::io(format!("cannot read {}", self.name), &error))),
            };
            let end = matches!(message, Err(Fault::Input(_)));
            if to.send(Given::Item(Item { number, end: lines.position, message })).is_err() || end {
                break;
            }
        }
    }
}

/// Says that nothing more comes, also when the reading panics: the room holds a sender as well, so that the channel alone
/// would not tell.
struct Ending<'a>(&'a SyncSender<Given>);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // Nobody may be there any more.
        let _ = self.0.send(Given::End);
    }
}

fn too_long(what: &str, limit: usize) -> Failure {
    Failure::new(Exit::Usage, format!("{what} is longer than {limit} bytes"))
        .hint("the service takes payloads of up to 64 KB; where your instance takes more, raise --max-payload")
}

impl Opened {
    /// How failures name their message.
    pub(super) fn naming(&self) -> Naming {
        match self {
            Opened::Nothing | Opened::Message(_, 1) => Naming::Single,
            Opened::Message(..) => Naming::Message,
            Opened::Stream { .. } => Naming::Line,
        }
    }

    pub(super) fn length(&self) -> Length {
        match self {
            Opened::Nothing => Length::Unknown,
            Opened::Message(_, times) => Length::Messages(*times),
            Opened::Stream { from, .. } => from.size.map_or(Length::Unknown, Length::Bytes),
        }
    }

    /// Starts to read.
    pub(super) fn start(self, template: Template, room: &Arc<Room>) -> Source {
        match self {
            Opened::Nothing => Source::Nothing,
            Opened::Message(message, count) => Source::Repeat { message, count, given: 0 },
            Opened::Stream { from, json } => {
                let (to, given) = sync_channel(AHEAD);
                room.wakes(to.clone());
                // It may be stuck in a read for ever, so nobody waits for it.
                thread::spawn(move || from.give(json, &template, &to));
                Source::Stream(given)
            }
        }
    }
}

impl Source {
    /// The next message; `None` at the end, or when the room is closed.
    pub(super) fn next(&mut self, room: &Room) -> Option<Item> {
        match self {
            Source::Nothing => None,
            Source::Repeat { message, count, given } => {
                if given == count || room.is_stopped() {
                    return None;
                }
                *given += 1;
                Some(Item { number: *given, end: 0, message: Ok(message.clone()) })
            }
            Source::Stream(items) => loop {
                if room.is_stopped() {
                    return None;
                }
                match items.recv().ok()? {
                    Given::Item(item) => return Some(item),
                    Given::Wake => {}
                    Given::End => return None,
                }
            },
        }
    }
}
