//! The main things in one run: no account, no configuration. Start here.
//!
//! It starts an emulator of the service in this process and talks to it as a program talks to the real one.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aliyun_mqtt::{Client, Config, ConfigBuilder, Credentials, QoS};
use aliyun_mqtt_emulator::Emulator;

type Outcome = Result<(), Box<dyn Error>>;

fn run() -> Outcome {
    let start = std::time::Instant::now();
    let emulator = Emulator::start()?;
    println!("a local ApsaraMQ for MQTT is up after {} ms: {}", start.elapsed().as_millis(), emulator.endpoint());
    let parent = emulator.parent_topic();

    println!("\n1. log in by signature");
    let client = connect(config(&emulator).device_id("0001"))?;

    println!("\n2. subscribe, publish and receive at each quality of service");
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let topic = format!("{parent}/hello/{}", qos.level());
        client.subscribe(&topic, qos)?;
        // Blocks until the service has acknowledged this very message (QoS 0: until it is written).
        client.publish(&topic, qos, format!("hello at {qos}"))?;
        receive(&client)?;
    }

    println!("\n3. peer to peer: to one client, which subscribes to nothing");
    let peer = connect(config(&emulator).device_id("0002"))?;
    client.send_p2p(parent, peer.config().client_id().as_str(), QoS::AtLeastOnce, "psst")?;
    receive(&peer)?;
    peer.disconnect()?;

    println!("\n4. ordered mode");
    let ordered = connect(config(&emulator).device_id("0003").ordered(true))?;
    for number in 1..=3 {
        ordered.publish(format!("{parent}/order"), QoS::AtLeastOnce, format!("step {number}"))?;
    }
    println!("three messages sent in order");
    ordered.disconnect()?;

    println!("\n5. over TLS, trusting the emulator's own CA");
    let tls = config(&emulator).endpoint(emulator.tls_endpoint()).ca_pem(emulator.ca_pem());
    connect(tls)?.disconnect()?;

    println!("\n6. a wrong secret is refused, and the error says why");
    let wrong = Credentials::signature(emulator.access_key_id(), "not-the-secret");
    match Client::connect(config(&emulator).credentials(wrong).build()?) {
        Err(error) => println!("refused, as it should be: {error}"),
        Ok(_) => return Err("the wrong secret was accepted".into()),
    }

    client.disconnect()?;
    println!();
    Ok(())
}

fn config(emulator: &Emulator) -> ConfigBuilder {
    Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
        .timeout(Duration::from_secs(10))
}

fn connect(config: ConfigBuilder) -> aliyun_mqtt::Result<Client> {
    let client = Client::connect(config.build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());
    Ok(client)
}

fn receive(client: &Client) -> Outcome {
    let message = client.recv_timeout(Duration::from_secs(10))?.ok_or("no message came within 10 seconds")?;
    println!("received on {}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
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
