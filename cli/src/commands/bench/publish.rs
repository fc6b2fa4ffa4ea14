//! `bench publish`: measures the time from the call to the acknowledgement.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use aliyun_mqtt::{Client, Delivery, Outgoing};

use super::args::MessageArgs;
use super::report::{Part, Report};
use super::run::{Run, leave, panicked, payload};
use crate::exit::Result;
use crate::threads;

pub(super) fn run(args: &MessageArgs, run: &Run) -> Result<Report> {
    let clients = run.connect(args)?;
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

/// Measures one client: this thread publishes, another one waits for the acknowledgements in order.
fn one(client: &Client, args: &MessageArgs, run: &Run, number: u16) -> Result<Part> {
    let end = run.end(Instant::now());
    // No more in flight than the window: time in our own queue is not to be measured.
    let (to, deliveries) = mpsc::sync_channel::<(Instant, Delivery)>(usize::from(args.window) - 1);
    thread::scope(|scope| {
        let waiter = threads::scoped(scope, "bench-acks", move || {
            let mut part = Part::new()?;
            for (start, delivery) in deliveries {
                match delivery.wait() {
                    Ok(_) => part.times.record(start.elapsed()),
                    Err(error) => part.fail(error),
                }
            }
            Ok(part)
        })?;
        let payload = payload(args.size, [b'x'; 16]);
        let mut refused = None;
        for _ in 0..run.share(number) {
            if run.is_over(end) {
                break;
            }
            let start = Instant::now();
            match client.enqueue(Outgoing::new(&args.topic, args.qos, payload.clone())) {
                // The waiter ends only when `to` is dropped.
                Ok(delivery) => drop(to.send((start, delivery))),
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
