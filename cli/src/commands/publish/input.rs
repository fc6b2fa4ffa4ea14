//! The source of the messages: the command line, a file, or standard input.

use std::io::BufReader;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{mem, vec};

use aliyun_mqtt::{Config, Outgoing};

use super::args::PubArgs;
use super::item::{Fault, Given, Item};
use super::jsonl;
use super::lines::{Line, Lines};
use super::message::Template;
use super::report::{Length, Naming};
use super::room::Room;
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::payload::{Place, Reader, one_way, too_long};
use crate::settings::Settings;
use crate::threads;

/// The number of bytes to read at a time. The lines among them are handed on together.
const READ: usize = 64 * 1024;

/// The most lines to hand on together: short ones take more memory than they have bytes.
const TOGETHER: usize = 1000;

/// The number of times to read ahead.
const AHEAD: usize = 1;

/// The kind of input that the command line requests.
pub(super) enum Form {
    /// Only the messages in the spool.
    Nothing,
    Text(Vec<u8>, u64),
    Whole(Place, u64),
    Lines(Place),
    JsonLines(Place),
}

/// An input with its files open and complete messages read.
pub(super) enum Opened {
    Nothing,
    /// A message, and how many times to send it.
    Message(Outgoing, u64),
    /// A message for each line or JSON object.
    Stream {
        from: Reader,
        json: bool,
    },
}

/// Yields the messages in order.
pub(super) enum Source {
    Nothing,
    Repeat { message: Outgoing, count: u64, given: u64 },
    Stream { from: Receiver<Given>, read: vec::IntoIter<Item> },
}

impl Form {
    pub(super) fn of(args: &PubArgs) -> Result<Form> {
        let place = || Place::of(args.file.as_deref());
        let lines = args.lines || args.jsonl;
        let ways =
            [args.message.is_some(), args.file.is_some() && !lines, args.stdin, args.lines, args.jsonl, args.empty];
        if args.spool.is_some() && !ways.contains(&true) {
            return Ok(Form::Nothing);
        }
        one_way(&ways, || phrase!("give one of -m, -f, -s, -l, -n and --jsonl"))?;
        if lines && (args.repeat.is_some() || args.repeat_delay.is_some()) {
            return Err(Failure::usage("--repeat and --repeat-delay apply only to a single message, not to lines")
                .hint(phrase!("use --rate to limit the rate of lines")));
        }
        if !args.jsonl && args.topic.is_none() {
            return Err(Failure::usage("no topic is specified").hint(phrase!("use -t TOPIC")));
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

    /// Fails if a secret is read from the same place.
    pub(super) fn check(&self, settings: &Settings) -> Result<()> {
        match self {
            Form::Nothing | Form::Text(..) => Ok(()),
            Form::Whole(place, _) | Form::Lines(place) | Form::JsonLines(place) => place.check(settings),
        }
    }

    /// Opens files, reads complete messages, and checks what is common to all of them.
    pub(super) fn open(self, template: &Template, config: &Config, quiet: bool) -> Result<Opened> {
        let open = |place: Place| place.open(quiet);
        Ok(match self {
            Form::Nothing => Opened::Nothing,
            Form::Text(payload, times) => Opened::Message(template.message(payload)?, times),
            Form::Whole(place, times) => {
                let payload = open(place)?.whole(config.limits().payload_len).map_err(raise)?;
                Opened::Message(template.message(payload)?, times)
            }
            Form::Lines(place) => {
                // Checks the topic, which is the same for all lines.
                template.message(Vec::new())?;
                Opened::Stream { from: open(place)?, json: false }
            }
            Form::JsonLines(place) => Opened::Stream { from: open(place)?, json: true },
        })
    }
}

/// Reads line by line until the end or until the receiver is gone. Before a read that may block, hands on everything
/// read so far.
fn give(from: Reader, json: bool, template: &Template, to: &SyncSender<Given>) {
    let _ending = Ending(to);
    let payload = template.config.limits().payload_len;
    let limit = if json { jsonl::longest_line(payload) } else { payload };
    let mut lines = Lines::new(BufReader::with_capacity(READ, from.from), limit);
    let mut read = Vec::new();
    for number in 1.. {
        let hand_on = !read.is_empty() && (read.len() == TOGETHER || !lines.has_next());
        if hand_on && to.send(Given::Items(mem::take(&mut read))).is_err() {
            break;
        }
        let message = match lines.next() {
            Ok(None) => break,
            Ok(Some(Line::TooLong)) => Err(Fault::Line(raise(too_long("the line", limit)))),
            Ok(Some(Line::Whole(line))) if json => match jsonl::message(behind_mark(&line, number), template) {
                Ok(None) => continue,
                Ok(Some(message)) => Ok(message),
                Err(failure) => Err(Fault::Line(failure)),
            },
            Ok(Some(Line::Whole(line))) => template.message(line).map_err(Fault::Line),
            Err(error) => Err(Fault::Input(Failure::io(format!("cannot read {}", from.name), &error))),
        };
        let end = matches!(message, Err(Fault::Input(_)));
        read.push(Item::new(number, lines.position, message));
        if end {
            // The receiver may be gone.
            let _ = to.send(Given::Items(read));
            break;
        }
    }
}

/// Removes the byte order mark that some editors write before the first line.
fn behind_mark(line: &[u8], number: u64) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).filter(|_| number == 1).unwrap_or(line)
}

/// Sends [`Given::End`], also if the reader panics. The room holds a sender as well, so the channel does not close by
/// itself.
struct Ending<'a>(&'a SyncSender<Given>);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // The receiver may be gone.
        let _ = self.0.send(Given::End);
    }
}

/// Adds the hint on how to send larger payloads.
fn raise(failure: Failure) -> Failure {
    match failure.exit {
        Exit::Usage => failure.hint(phrase!(
            "the service takes payloads of up to 64 KB; where your instance takes more, raise --max-payload"
        )),
        _ => failure,
    }
}

impl Opened {
    /// Returns how failures name their message.
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

    /// Starts reading.
    pub(super) fn start(self, template: Template, room: &Arc<Room>) -> Result<Source> {
        Ok(match self {
            Opened::Nothing => Source::Nothing,
            Opened::Message(message, count) => Source::Repeat { message, count, given: 0 },
            Opened::Stream { from, json } => {
                let (to, given) = sync_channel(AHEAD);
                room.wakes(to.clone());
                // Not joined: it may be stuck in a read forever.
                threads::needed("input", move || give(from, json, &template, &to))?;
                Source::Stream { from: given, read: Vec::new().into_iter() }
            }
        })
    }
}

impl Source {
    /// Returns the next message; `None` at the end, or after a stop.
    pub(super) fn next(&mut self, room: &Room) -> Option<Item> {
        while !room.is_stopped() {
            if let Some(item) = self.ready() {
                return Some(item);
            }
            let Source::Stream { from, read } = self else { return None };
            match from.recv().ok()? {
                Given::Items(items) => *read = items.into_iter(),
                Given::Wake => {}
                Given::End => return None,
            }
        }
        None
    }

    /// Returns the next message if it was read already; does not wait for input.
    pub(super) fn ready(&mut self) -> Option<Item> {
        match self {
            Source::Nothing => None,
            Source::Repeat { message, count, given } => {
                if given == count {
                    return None;
                }
                *given += 1;
                Some(Item::new(*given, 0, Ok(message.clone())))
            }
            Source::Stream { read, .. } => read.next(),
        }
    }
}
