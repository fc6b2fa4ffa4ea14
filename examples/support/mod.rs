//! What the examples share: where to connect to, and how to end.
#![allow(dead_code, unreachable_pub)] // each example uses a part of it

use std::process::ExitCode;
use std::time::Duration;

use aliyun_mqtt::openapi::{Api, TokenRequest};
use aliyun_mqtt::{AuthMode, Client, Config, ConfigBuilder, Credentials, Message, QoS, TokenKind};
use aliyun_mqtt_emulator::Emulator;

/// An example ends with success or with an error to show.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The service the environment names, or an emulator of our own.
pub enum Service {
    Real,
    Local(Box<Emulator>),
}

impl Service {
    /// The real service if `ALIYUN_MQTT_ENDPOINT` is set, otherwise an emulator in this process.
    pub fn find() -> Result<Service, Box<dyn std::error::Error>> {
        if std::env::var_os("ALIYUN_MQTT_ENDPOINT").is_some_and(|value| !value.is_empty()) {
            return Ok(Service::Real);
        }
        println!("ALIYUN_MQTT_ENDPOINT is not set: using an emulator in this process, no account needed");
        Ok(Service::Local(Box::new(Emulator::start()?)))
    }

    /// A configuration that logs in as `ALIYUN_MQTT_AUTH` says.
    pub fn config(&self) -> aliyun_mqtt::Result<ConfigBuilder> {
        self.config_for(AuthMode::from_env()?)
    }

    /// A configuration that logs in by this mode.
    pub fn config_for(&self, mode: AuthMode) -> aliyun_mqtt::Result<ConfigBuilder> {
        let credentials = match self {
            Service::Real => Credentials::from_env(mode)?,
            // As from the environment without ALIYUN_MQTT_TOKEN: the library applies for a token and renews it.
            Service::Local(emulator) if mode == AuthMode::Token => {
                let topics = [format!("{}/#", emulator.parent_topic())];
                Credentials::apply_tokens(&self.api()?, [TokenRequest::new(TokenKind::ReadWrite, topics)])
            }
            Service::Local(emulator) => Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()),
        };
        Ok(self.config_without_credentials().credentials(credentials))
    }

    /// A configuration that lacks only its credentials.
    pub fn config_without_credentials(&self) -> ConfigBuilder {
        match self {
            Service::Real => ConfigBuilder::from_env(),
            Service::Local(emulator) => Config::builder()
                .endpoint(emulator.endpoint())
                .instance_id(emulator.instance_id())
                .group_id(emulator.group_id()),
        }
    }

    /// The service's HTTPS API.
    pub fn api(&self) -> aliyun_mqtt::Result<Api> {
        match self {
            Service::Real => Api::from_env(),
            Service::Local(emulator) => Api::builder()
                .endpoint(emulator.api_endpoint())
                .instance_id(emulator.instance_id())
                .access_key(emulator.access_key_id(), emulator.access_key_secret())
                .build(),
        }
    }

    /// The parent topic: the first level, which has to exist in the service's console.
    pub fn parent_topic(&self) -> aliyun_mqtt::Result<String> {
        match self {
            Service::Real => aliyun_mqtt::topic_from_env(),
            Service::Local(emulator) => Ok(emulator.parent_topic().to_string()),
        }
    }
}

/// Connects and says so.
pub fn connect(config: Config) -> aliyun_mqtt::Result<Client> {
    let client = Client::connect(config)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());
    Ok(client)
}

/// The next message, printed, a request without its envelope; none within ten seconds is an error.
pub fn receive(client: &Client) -> Result<Message, Box<dyn std::error::Error>> {
    let message = client.recv_timeout(Duration::from_secs(10))?.ok_or("no message came within 10 seconds")?;
    let payload = message.request().map_or(message.payload(), |request| request.payload());
    println!("received on {}: {}", message.topic(), String::from_utf8_lossy(payload));
    Ok(message)
}

/// Subscribes, publishes one message, receives it, and leaves.
pub fn round_trip(client: &Client, topic: &str, qos: QoS) -> Outcome {
    println!("subscribed to {topic}, granted {}", client.subscribe(topic, qos)?);
    client.publish(topic, qos, "hello")?;
    println!("published to {topic} at {qos}: the service has it");
    receive(client)?;
    client.disconnect()?;
    Ok(())
}

/// Runs an example; a failing step ends it with the reason and a non-zero code.
pub fn run(example: impl FnOnce() -> Outcome) -> ExitCode {
    match example() {
        Ok(()) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
