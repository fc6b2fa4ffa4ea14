//! The loop over received messages: each is acknowledged once it is safe.

use std::time::{Duration, Instant};

use aliyun_mqtt::Message;

use super::{Next, Ready, Receiver, deadline};
use crate::exit::{Failure, Result};
use crate::message::View;
use crate::report;
use crate::time::now;

/// How many messages wait for their acknowledgement at most, and how long. The service pushes again what is not acknowledged
/// for 5 to 10 s (help page "Limits").
const BATCH: usize = 256;
const PATIENCE: Duration = Duration::from_secs(1);

/// How many messages are named where they could not be acknowledged.
const NAMED: usize = 10;

/// Where messages go.
pub(crate) trait Sink {
    /// Whether taking a message writes it, so that half of it may be there when that fails.
    fn writes(&self) -> bool {
        true
    }

    /// Takes a message. It is safe after the next [`settle`](Sink::settle) that succeeds.
    fn take(&mut self, message: &Message, view: &View<'_>) -> Result<()>;

    /// Makes what was taken safe; nothing to do where taking does that.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether a message should be safe before the next one is looked at: because taking one may take long.
    fn one_by_one(&self) -> bool {
        false
    }

    /// What is to be said at the end.
    fn verdict(&self) -> Result<()> {
        Ok(())
    }
}

/// When to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// After this many messages.
    pub(crate) count: Option<u64>,
    /// After this time, from when it is ready.
    pub(crate) duration: Option<Duration>,
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Count,
    Time,
    /// The user has interrupted it, or it cannot go on: [`Receiver::finish`] knows.
    Stopped,
}

/// How often it is looked whether the subscriptions are made, before they are.
const GLANCE: Duration = Duration::from_millis(20);

/// Gives messages to the sink until the bounds are reached. `ready` tells whether the time of the bounds runs, once it has
/// said so it is asked no more. `wanted` tells whether a topic counts; the others are only acknowledged.
pub(crate) fn consume(
    receiver: &Receiver,
    bounds: Bounds,
    ready: &Ready,
    wanted: impl Fn(&str) -> bool,
    sink: &mut impl Sink,
) -> Result<End> {
    let mut taken = 0;
    let mut settled = Instant::now();
    let (mut running, mut until) = (false, None);
    let mut unsettled = Unsettled::default();
    let end = loop {
        if bounds.count.is_some_and(|count| taken >= count) {
            break End::Count;
        }
        if !running && ready.is() {
            (running, until) = (true, bounds.duration.and_then(deadline));
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            break End::Time;
        }
        let message = match receiver.waiting()? {
            Some(message) => message,
            // Nothing waits: whoever reads the output should see all of it now.
            None => {
                settle(sink, &mut unsettled)?;
                match receiver.next(if running { until } else { deadline(GLANCE) })? {
                    Next::Message(message) => message,
                    Next::TimeOut => continue,
                    Next::Stop => break End::Stopped,
                }
            }
        };
        let counts = wanted(message.topic());
        if counts {
            let time = now();
            if let Err(failure) = sink.take(&message, &View::new(&message, &time)) {
                // What is whole need not come again.
                if sink.settle().is_ok() {
                    unsettled.acknowledge();
                }
                if sink.writes() {
                    unsettled.messages.push((message, true));
                }
                unsettled.tell(&failure);
                return Err(failure);
            }
            taken += 1;
        }
        unsettled.messages.push((message, counts));
        if unsettled.messages.len() >= BATCH || settled.elapsed() >= PATIENCE || sink.one_by_one() {
            settle(sink, &mut unsettled)?;
            settled = Instant::now();
        }
    };
    settle(sink, &mut unsettled)?;
    sink.verdict()?;
    Ok(end)
}

/// What was taken and is not acknowledged, each with whether it counts: the others were not given to the sink.
#[derive(Default)]
struct Unsettled {
    messages: Vec<(Message, bool)>,
}

impl Unsettled {
    fn acknowledge(&mut self) {
        for (message, _) in self.messages.drain(..) {
            if let Err(error) = message.ack() {
                // The connection it came over is gone: the message may come again. If the client is dead, the next call
                // says so.
                log::debug!("not acknowledged: {error}");
            }
        }
    }

    /// Names what may be written already, and comes again all the same or, at QoS 0, does not, since it cannot be
    /// acknowledged. Whoever has closed a pipe knows.
    fn tell(&self, failure: &Failure) {
        if failure.is_silent() {
            return;
        }
        let written: Vec<&Message> =
            self.messages.iter().filter(|(_, counts)| *counts).map(|(message, _)| message).collect();
        if written.is_empty() {
            return;
        }
        report::warning(format!(
            "{} received messages may be written, in whole or in part, but are not acknowledged; with --keep-session, QoS 1 \
             or 2 and the same client id they come again:",
            written.len()
        ));
        for message in written.iter().take(NAMED) {
            let len = message.payload().len();
            report::note(format!("  {}, {len} bytes, {}", message.topic(), message.qos()));
        }
        if written.len() > NAMED {
            report::note(format!("  and {} more", written.len() - NAMED));
        }
    }
}

/// Acknowledges what is safe now.
fn settle(sink: &mut impl Sink, unsettled: &mut Unsettled) -> Result<()> {
    if let Err(failure) = sink.settle() {
        unsettled.tell(&failure);
        return Err(failure);
    }
    unsettled.acknowledge();
    Ok(())
}
