//! `bench publish`: measures the rate of publishing, and the time to the acknowledgement.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use aliyun_mqtt::{Bytes, Client, Delivery, Outgoing, QoS};

use super::args::MessageArgs;
use super::report::{Part, Report};
use super::run::{Run, leave, panicked, payload};
use crate::exit::Result;
use crate::threads;

pub(super) fn run(args: &MessageArgs, run: &Run) -> Result<Report> {
    // No more at a time than the window: time in the client's queue is not to be measured. At QoS 0 nothing is
    // acknowledged, and with so short a queue the threads would wait for each other.
    let window = usize::from(args.window);
    let queue = if args.qos == QoS::AtMostOnce { window.max(UNACKNOWLEDGED) } else { window };
    let limits = run.limits.clone().outbox(queue, run.limits.outbox_bytes);
    let connect = |_| Ok(Client::connect(run.config(args).limits(limits.clone()).build()?)?);
    let clients: Vec<Client> = (0..run.clients).map(connect).collect::<Result<_>>()?;
    let start = run.begin();
    let parts: Result<Vec<Part>> = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter()
            .zip(0..)
            .map(|(client, number)| threads::scoped(scope, "bench", move || one(client, args, run, number)))
            .collect::<Result<_>>()?;
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
    });
    let elapsed = start.elapsed();
    leave(&clients);
    Report::new(("publish", "messages"), elapsed, run.interrupt.happened(), parts?)
}

/// The length of the queue of QoS 0 messages.
const UNACKNOWLEDGED: usize = 2_048;

/// Of how many messages in flight one is timed, when all are there at once.
const TIMED: usize = 8;

/// Measures one client: this thread publishes, another one takes the acknowledgements.
fn one(client: &Client, args: &MessageArgs, run: &Run, number: u16) -> Result<Part> {
    let end = run.end(Instant::now());
    let (to, deliveries) = mpsc::channel();
    thread::scope(|scope| {
        let waiter = threads::scoped(scope, "bench-acks", move || acknowledgements(&deliveries))?;
        let payload = Bytes::from(payload(args.size, [b'x'; 16]));
        let mut refused = None;
        for _ in 0..run.share(number) {
            if run.is_over(end) {
                break;
            }
            match client.enqueue(Outgoing::new(&args.topic, args.qos, payload.clone())) {
                // From here on, since `enqueue` may have waited for room. The waiter ends only when `to` is dropped.
                Ok(delivery) => drop(to.send((Instant::now(), delivery))),
                Err(error) => {
                    // The client is dead or the message is invalid: the next one would fail as well.
                    refused = Some(error);
                    break;
                }
            }
        }
        drop(to);
        let mut part: Part = waiter.join().unwrap_or_else(|_| Err(panicked()))?;
        if let Some(error) = refused {
            part.fail(error);
        }
        Ok(part)
    })
}

/// Counts every message, and records the times of as many as do not slow down the others: to wait for each means to be
/// woken by each. A message that is alone in flight is always timed.
fn acknowledgements(deliveries: &Receiver<(Instant, Delivery)>) -> Result<Part> {
    let mut part = Part::new()?;
    let mut open = VecDeque::new();
    loop {
        if open.is_empty() {
            match deliveries.recv() {
                Ok(first) => open.push_back(first),
                Err(_) => return Ok(part),
            }
        }
        open.extend(deliveries.try_iter());
        let timed = open.len() / TIMED;
        let (start, delivery) = &open[timed];
        let result = delivery.wait();
        let time = start.elapsed();
        // Those before it have mostly been acknowledged by now.
        for (_, earlier) in open.drain(..timed) {
            match earlier.wait() {
                Ok(_) => part.count(),
                Err(error) => part.fail(error),
            }
        }
        open.pop_front();
        match result {
            Ok(_) => part.record(time),
            Err(error) => part.fail(error),
        }
    }
}
