//! Asks one client a question and waits for its answer: by a topic, and by the client's id. Several threads ask at once.
//!
//! It plays both sides, and therefore sets two device ids itself.

mod support;

use std::time::Duration;

use aliyun_mqtt::{Client, QoS};

const TIMEOUT: Duration = Duration::from_secs(10);

fn main() -> std::process::ExitCode {
    support::run(|| {
        let service = support::Service::find()?;
        let parent = service.parent_topic()?;
        let topic = format!("{parent}/time");
        let replier = support::connect(service.config()?.device_id("replier").build()?)?;
        let requester = support::connect(service.config()?.device_id("requester").build()?)?;
        replier.subscribe(&topic, QoS::AtLeastOnce)?;
        let target = replier.config().client_id().as_str();

        std::thread::scope(|scope| -> support::Outcome {
            let answers = scope.spawn(|| answer(&replier, 4));

            // Whoever subscribes to the topic may answer. The reply comes by P2P: this client subscribes to nothing.
            let reply = requester.request(&topic, "what time is it?", TIMEOUT)?;
            println!("answered: {}", String::from_utf8_lossy(reply.payload()));

            let reply = requester.request_p2p(&parent, target, "and you?", TIMEOUT)?;
            println!("{target} answered: {}", String::from_utf8_lossy(reply.payload()));

            // Each thread gets the reply to its own question.
            let ask = |question: &'static str| requester.request(&topic, question, TIMEOUT);
            let both = [scope.spawn(move || ask("first?")), scope.spawn(move || ask("second?"))];
            for asked in both {
                let reply = asked.join().map_err(|_| "a thread panicked")??;
                println!("a thread was answered: {}", String::from_utf8_lossy(reply.payload()));
            }
            answers.join().map_err(|_| "a thread panicked")?.map_err(|error| error.to_string().into())
        })?;

        requester.disconnect()?;
        replier.disconnect()?;
        Ok(())
    })
}

/// Answers so many requests.
fn answer(client: &Client, count: usize) -> Result<(), String> {
    for _ in 0..count {
        let message = support::receive(client).map_err(|error| error.to_string())?;
        // Over MQTT 3.1.1 a request comes in an envelope, which this takes off.
        let request = message.request().ok_or("this is no request")?;
        let question = String::from_utf8_lossy(request.payload());
        client.reply(&message, format!("you asked: {question}")).map_err(|error| error.to_string())?;
    }
    Ok(())
}
