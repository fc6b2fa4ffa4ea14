//! `doctor`: checks everything from the settings to a message that comes back, and explains what fails and what helps.
//!
//! * `cause` lists the causes with their cures; `outcome` is what a step finds, and `show` prints it.
//! * `setup`, `reach`, `clock`, `connect`, `rights` and `api` are the steps; `step` has their names and `STEPS` their
//!   order. `examination` holds what the steps have learned so far.
//! * `host`, `net`, `tls`, `tls_cause` and `probe` look at the layers below MQTT; MQTT itself is left to the library.
//!   `witness` asks the service's API for what MQTT does not tell.

mod api;
mod args;
mod cause;
mod clock;
mod connect;
mod examination;
mod host;
mod net;
mod outcome;
mod probe;
mod reach;
mod rights;
mod setup;
mod show;
mod step;
mod tls;
mod tls_cause;
mod witness;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::exit::{Exit, Result};
use crate::interrupt::Interrupt;
use crate::lang::Phrase;
use crate::output::Out;
use crate::report::LogLevel;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::threads;

pub(crate) use self::args::DoctorArgs;
use self::cause::Cause;
use self::examination::Examination;
use self::outcome::{Facts, Outcome};
use self::show::{Show, Style};
use self::step::Step;

/// How long a step may continue after Ctrl-C. Most of what the steps wait for cannot be interrupted.
const PATIENCE: Duration = Duration::from_secs(1);

/// The timeout for disconnecting at the end.
const GOODBYE: Duration = Duration::from_secs(5);

type Run = fn(&mut Examination<'_>, &mut Facts) -> Outcome;

const STEPS: [(Step, Run); 14] = [
    (Step::Settings, setup::settings),
    (Step::Dns, reach::dns),
    (Step::Tcp, reach::tcp),
    (Step::Tls, reach::tls),
    (Step::Clock, clock::clock),
    (Step::Names, setup::names),
    (Step::Login, setup::login),
    (Step::Connect, connect::connect),
    (Step::Subscribe, rights::subscribe),
    (Step::Publish, rights::publish),
    (Step::P2p, rights::p2p),
    (Step::Stay, rights::stay),
    (Step::Token, api::token),
    (Step::Api, api::api),
];

pub(crate) fn run(args: &DoctorArgs, global: &GlobalArgs) -> Result<Exit> {
    if args.list_causes {
        Out::new().text(&Cause::table())?;
        return Ok(Exit::Ok);
    }
    let mut exam = Examination::new(args, Settings::load(global)?, Interrupt::listen()?);
    if global.log == LogLevel::Warn {
        // The steps report what the library warns about.
        log::set_max_level(log::LevelFilter::Error);
    }
    exam.interrupt.begin();
    let style = match (args.json, args.verbose) {
        (true, _) => Style::Json,
        (false, true) => Style::Details,
        (false, false) => Style::Lines,
    };
    let show = Arc::new(Mutex::new(Show::new(style, exam.here)));
    let shown = Arc::clone(&show);
    exam.interrupt.on(move || {
        let later = Arc::clone(&shown);
        if threads::start("end", move || end_soon(&later)).is_err() {
            end_soon(&shown);
        }
    });
    for (step, run) in STEPS {
        let (start, mut facts) = (Instant::now(), Facts::default());
        let outcome = match args.offline && !step.is_offline() {
            true => Outcome::skipped(Phrase::untranslated("--offline")),
            false => run(&mut exam, &mut facts),
        };
        if exam.interrupt.happened() {
            break;
        }
        lock(&show).step(step, &outcome, facts, start.elapsed())?;
    }
    if let Some(session) = exam.session.take() {
        // Nothing is left to report.
        let _ = session.client.with_timeout(exam.timeout.min(GOODBYE)).disconnect();
    }
    lock(&show).summary(exam.interrupt.happened())
}

/// Prints the summary and ends the program, unless it ends by itself before that.
fn end_soon(show: &Mutex<Show>) {
    thread::sleep(PATIENCE);
    // Keeps the lock, so that no step is printed behind the summary.
    let mut shown = lock(show);
    let exit = match shown.summary(true) {
        Ok(exit) => exit,
        Err(failure) => failure.exit,
    };
    std::process::exit(exit as i32);
}

fn lock(show: &Mutex<Show>) -> MutexGuard<'_, Show> {
    show.lock().unwrap_or_else(PoisonError::into_inner)
}
