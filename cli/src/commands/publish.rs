//! `pub`: publishes one message, or those of an input, and reports the outcome of each.

mod args;
mod feed;
mod input;
mod item;
mod jsonl;
mod lines;
mod message;
mod report;
mod room;
mod settle;
mod tally;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use aliyun_mqtt::{Client, Config, QoS, Spool};

use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::lang::phrase;
use crate::report as stderr;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::threads;
use feed::Pace;
use input::Form;
use item::Rules;
use report::Report;
use room::Room;
use settle::Settler;

pub(crate) use args::PubArgs;
#[cfg(all(unix, feature = "relay"))]
pub(crate) use jsonl::{LineMessage, longest_line, parts as message_of_line};
pub(crate) use message::{Properties, Template};

pub(crate) fn run(args: &PubArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    let form = Form::of(args)?;
    form.check(&settings)?;
    let config = config(args, &settings)?;
    let template = template(args, &config)?;
    // Everything that can be checked is checked before anything is sent.
    let form = form.open(&template, &config, args.quiet)?;

    let started = Instant::now();
    let interrupt = Interrupt::listen()?;
    let room = Arc::new(Room::new(config.max_window()));
    let client = Client::connect(config)?;
    interrupt.begin();
    {
        let (room, quiet) = (Arc::clone(&room), args.quiet);
        interrupt.on(move || {
            if !quiet {
                stderr::note("interrupted: waiting for the messages in flight (press Ctrl-C again to exit at once)");
            }
            room.stop();
        });
    }
    let rules = Rules { fail_fast: args.fail_fast, one_topic: !args.jsonl };
    let report = Report { naming: form.naming(), length: form.length(), json: args.json, quiet: args.quiet, started };
    let (to, sent) = channel();
    let settler = Settler { client: client.clone(), rules, room: Arc::clone(&room), spools: args.spool.is_some() };
    let mut source = form.start(template, &room)?;
    let settling = threads::needed("settling", {
        let report = report.clone();
        move || settler.run(&sent, report.reporter())
    })?;
    let fed = feed::feed(&client, &mut source, Pace::of(args), rules, &room, &to);
    drop(to);
    let mut tally =
        settling.join().map_err(|_| Failure::new(Exit::Failure, "the thread that counts the messages panicked"))?;
    settle::leave(&client, &mut tally, args.spool.is_some(), &interrupt);
    report.conclude(tally, fed, interrupt.happened())
}

fn config(args: &PubArgs, settings: &Settings) -> Result<Config> {
    let mut limits = settings.limits()?;
    let mut builder = settings.builder()?.ordered(args.order);
    if let Some(window) = args.window {
        builder = builder.window(window);
    }
    if let Some(window) = args.max_window {
        builder = builder.max_window(window);
    }
    if let Some(path) = &args.spool {
        if args.qos == QoS::AtMostOnce && !args.jsonl {
            return Err(Failure::usage("--spool stores no QoS 0 messages").hint(phrase!("use -q 1")));
        }
        // Messages left by an earlier run are in memory, too, in addition to those read now.
        limits = limits.outbox(usize::MAX, usize::MAX);
        builder = builder.spool(Spool::at(path));
    }
    Ok(builder.limits(limits).build()?)
}

fn template(args: &PubArgs, config: &Config) -> Result<Template> {
    let properties = Properties {
        content_type: args.content_type.clone(),
        user: args.user_property.clone(),
        expiry: args.message_expiry,
        response_topic: args.response_topic.clone(),
        correlation: args.correlation_data.as_ref().map(|data| data.as_encoded_bytes().to_vec()),
        text: args.text,
    };
    Template::new(args.topic.clone(), args.qos, properties, config)
}
