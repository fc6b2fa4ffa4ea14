//! The loop over received messages, which acknowledges each one once it is processed.

use std::time::{Duration, Instant};

use aliyun_mqtt::Message;

use super::{Next, Ready, Receiver, deadline};
use crate::exit::{Failure, Result};
use crate::message::View;
use crate::report;
use crate::time::now;

/// The most messages that wait for their acknowledgement, and for how long. The service sends unacknowledged messages
/// again after 5 to 10 s (help page "Limits").
const BATCH: usize = 256;
const PATIENCE: Duration = Duration::from_secs(1);

/// The most unacknowledged messages that are listed.
const NAMED: usize = 10;

/// Processes messages.
pub(crate) trait Sink {
    /// Returns true if taking a message writes it, so that a part may be written when that fails.
    fn writes(&self) -> bool {
        true
    }

    /// Takes a message. It is processed after the next successful [`settle`](Sink::settle).
    fn take(&mut self, message: &Message, view: &View<'_>) -> Result<()>;

    /// Completes the processing of the messages taken, unless taking does that.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Returns true if each message has to be settled before the next one, because taking one may take long.
    fn one_by_one(&self) -> bool {
        false
    }

    /// Returns the failure to report at the end.
    fn verdict(&self) -> Result<()> {
        Ok(())
    }
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// After this many messages.
    pub(crate) count: Option<u64>,
    /// After this time, which starts when the subscriptions are made.
    pub(crate) duration: Option<Duration>,
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Count,
    Time,
    /// The user has interrupted it, or it cannot continue; [`Receiver::finish`] returns the reason.
    Stopped,
}

/// The interval at which the loop checks whether the subscriptions are made.
const GLANCE: Duration = Duration::from_millis(20);

/// Gives messages to the sink until the bounds are reached. Their time starts when `ready` is set. Messages on topics
/// that are not `wanted` are only acknowledged.
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
            // No message is waiting: flush the output now.
            None => {
                settle(sink, &mut unsettled)?;
                match receiver.next(if running { until } else { deadline(GLANCE) })? {
                    Next::Message(message) => message,
                    Next::Timeout => continue,
                    Next::Stop => break End::Stopped,
                }
            }
        };
        let counts = wanted(message.topic());
        if counts {
            let time = now();
            if let Err(failure) = sink.take(&message, &View::new(&message, &time)) {
                // Complete messages need not be sent again.
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

/// Messages that are not acknowledged yet, each with whether it was given to the sink.
#[derive(Default)]
struct Unsettled {
    messages: Vec<(Message, bool)>,
}

impl Unsettled {
    fn acknowledge(&mut self) {
        for (message, _) in self.messages.drain(..) {
            if let Err(error) = message.ack() {
                // Its connection is gone, so the message may be sent again. If the client is dead, the next call fails.
                log::debug!("not acknowledged: {error}");
            }
        }
    }

    /// Lists messages that may be written already although they are not acknowledged, except after a closed pipe.
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
            "{} received messages may have been written, completely or in part, but are not acknowledged; with \
             --keep-session, QoS 1 or 2 and the same client id they are sent again:",
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

/// Settles the sink and acknowledges its messages.
fn settle(sink: &mut impl Sink, unsettled: &mut Unsettled) -> Result<()> {
    if let Err(failure) = sink.settle() {
        unsettled.tell(&failure);
        return Err(failure);
    }
    unsettled.acknowledge();
    Ok(())
}
