//! `bench connect`: measures the time to an accepted login.

use std::thread;
use std::time::Instant;

use aliyun_mqtt::Client;

use super::report::{Part, Report};
use super::run::{Run, panicked};
use crate::exit::Result;
use crate::threads;

pub(super) fn run(run: &Run) -> Result<Report> {
    let start = run.begin();
    let parts: Result<Vec<Part>> = thread::scope(|scope| {
        let configs: Result<Vec<_>> = (0..run.clients).map(|_| Ok(run.builder.clone().build()?)).collect();
        let threads: Vec<_> = configs?
            .into_iter()
            .zip(0..)
            .map(|(config, number)| {
                threads::scoped(scope, "bench", move || {
                    let end = run.end(start);
                    let mut part = Part::new()?;
                    for _ in 0..run.share(number) {
                        if run.is_over(end) {
                            break;
                        }
                        let begin = Instant::now();
                        match Client::connect(config.clone()) {
                            Ok(client) => {
                                part.record(begin.elapsed());
                                if let Err(error) = client.disconnect() {
                                    part.fail(error);
                                }
                            }
                            // A refusal is permanent, so repeating it is pointless.
                            Err(error) if !error.is_retryable() => {
                                part.fail(error);
                                break;
                            }
                            Err(error) => part.fail(error),
                        }
                    }
                    Ok(part)
                })
            })
            .collect::<Result<_>>()?;
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
    });
    Report::new(("connect", "connects"), start.elapsed(), run.interrupt.happened(), parts?)
}
