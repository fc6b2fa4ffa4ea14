//! An application server that hands out narrow tokens, and a device that lives on them.
//!
//! Only the server holds the account's key. For each device it applies for two tokens: to read what is meant for that
//! device, and to write what comes from it. The device gets nothing but them, through one line of text over TCP here;
//! a real server would use HTTPS and know its devices. The client asks again by itself when they have to be renewed.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aliyun_mqtt::openapi::{Api, TokenRequest};
use aliyun_mqtt::{Client, ConfigBuilder, Credentials, QoS, Token, TokenKind};

/// How long the tokens live; the service allows 60 s to 30 days.
const LIFE: Duration = Duration::from_secs(3600);

const DEVICE: &str = "thermometer";

fn run() -> Result<(), Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    let parent = std::env::var("ALIYUN_MQTT_TOPIC")?;
    let (up, down) = (format!("{parent}/up/{DEVICE}"), format!("{parent}/down/{DEVICE}"));

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    let api = Api::from_env()?;
    let access_key_id = api.access_key_id().to_string();
    let topics = parent.clone();
    // Its thread ends with the program.
    std::thread::spawn(move || serve(&listener, &api, &topics));

    // The device knows the id of the key alone. The function is called at the first login and before the tokens end, on
    // a thread of its own.
    let credentials = Credentials::token_provider(access_key_id, move || Ok(fetch(server, DEVICE)?));
    let config = ConfigBuilder::from_env().credentials(credentials).device_id(DEVICE).build()?;
    let client = Client::connect(config)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());
    client.subscribe(&down, QoS::AtLeastOnce)?;
    client.publish(&up, QoS::AtLeastOnce, "21.5")?;
    println!("published to {up}");

    // The server may write where the device reads; it needs no connection for one message.
    Api::from_env()?.send_message(&down, "sampling every minute, please")?;
    let message = client.recv_timeout(Duration::from_secs(10))?.ok_or("no message came within 10 seconds")?;
    println!("received on {}: {}", message.topic(), String::from_utf8_lossy(message.payload()));

    // A message that the tokens do not permit fails alone, and its error says why.
    match client.publish(&down, QoS::AtLeastOnce, "not mine to write") {
        Err(error) => println!("refused, as it should be: {error}"),
        Ok(()) => return Err("a device could write where it may only read".into()),
    }
    client.disconnect()?;
    Ok(())
}

/// The server: each line is a device id, each answer the two tokens and the end of their lives. A request it cannot
/// fulfil is answered with the reason.
fn serve(listener: &TcpListener, api: &Api, parent: &str) {
    for stream in listener.incoming().flatten() {
        let mut device = String::new();
        if BufReader::new(&stream).read_line(&mut device).is_err() {
            continue;
        }
        let answer = tokens_for(api, parent, device.trim());
        let line = answer.unwrap_or_else(|error| format!("error {error}"));
        if let Err(error) = writeln!(&stream, "{line}") {
            eprintln!("a device has gone: {error}");
        }
    }
}

fn tokens_for(api: &Api, parent: &str, device: &str) -> aliyun_mqtt::Result<String> {
    let read = TokenRequest::new(TokenKind::Read, [format!("{parent}/down/{device}")]).lifetime(LIFE);
    let write = TokenRequest::new(TokenKind::Write, [format!("{parent}/up/{device}")]).lifetime(LIFE);
    let (read, write) = (api.apply_token(&read)?, api.apply_token(&write)?);
    Ok(format!("{} {} {}", LIFE.as_secs(), read.secret(), write.secret()))
}

/// The device's side: asks the server for its tokens.
fn fetch(server: SocketAddr, device: &str) -> io::Result<Vec<Token>> {
    let stream = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let start = SystemTime::now();
    writeln!(&stream, "{device}")?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let parts: Vec<&str> = line.split_whitespace().collect();
    let (life, read, write) = match parts.as_slice() {
        [life, read, write] if *life != "error" => (life.parse().map_err(io::Error::other)?, *read, *write),
        _ => return Err(io::Error::other(line.trim().to_string())),
    };
    // Counted from before the question, so that the device does not think that they live longer than they do.
    let end = start + Duration::from_secs(life);
    Ok(vec![Token::new(TokenKind::Read, read).expires_at(end), Token::new(TokenKind::Write, write).expires_at(end)])
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
