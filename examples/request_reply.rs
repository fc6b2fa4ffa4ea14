//! Asks one client a question and waits for its answer: by a topic, and by the client's id. Several threads ask at
//! once.
//!
//! It plays both sides, and therefore sets two device ids itself.

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use aliyun_mqtt::{Client, ConfigBuilder, QoS};

const TIMEOUT: Duration = Duration::from_secs(10);

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn connect(device_id: &str) -> aliyun_mqtt::Result<Client> {
    let client = Client::connect(ConfigBuilder::from_env().device_id(device_id).build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());
    Ok(client)
}

/// Answers so many requests.
fn answer(client: &Client, count: usize) -> Outcome {
    for _ in 0..count {
        let message = client.recv_timeout(TIMEOUT)?.ok_or("no message came within 10 seconds")?;
        // Over MQTT 3.1.1 a request comes in an envelope, which this takes off.
        let request = message.request().ok_or("this is no request")?;
        let question = String::from_utf8_lossy(request.payload());
        println!("received on {}: {question}", message.topic());
        client.reply(&message, format!("you asked: {question}"))?;
    }
    Ok(())
}

fn run() -> Outcome {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    let parent = std::env::var("ALIYUN_MQTT_TOPIC")?;
    let topic = format!("{parent}/time");
    let (replier, requester) = (connect("replier")?, connect("requester")?);
    replier.subscribe(&topic, QoS::AtLeastOnce)?;
    let target = replier.config().client_id().as_str();

    thread::scope(|scope| -> Outcome {
        let answers = scope.spawn(|| answer(&replier, 4));

        // Every client that subscribes to the topic may answer. The reply comes by P2P: this client subscribes to
        // nothing.
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
        answers.join().map_err(|_| "a thread panicked")?
    })?;

    requester.disconnect()?;
    replier.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}
