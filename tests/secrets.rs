//! Promise 12: secrets stay secret. The tests of this process share the log they listen to.

mod support;

use std::sync::Mutex;

use aliyun_mqtt::{Client, Credentials, QoS};
use support::{config, connect, connected, emulator, topic};

static LOG: Mutex<String> = Mutex::new(String::new());

struct Everything;

impl log::Log for Everything {
    /// All but what the documentation warns of.
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let shows_requests = ["ureq", "tungstenite"].iter().any(|target| metadata.target().starts_with(target));
        !(shows_requests && metadata.level() == log::Level::Trace)
    }

    fn log(&self, record: &log::Record<'_>) {
        use std::fmt::Write;
        if !self.enabled(record.metadata()) {
            return;
        }
        let _ = writeln!(LOG.lock().expect("a lock"), "{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

/// Nothing hidden is in the log, or in what was shown.
fn check(shown: &str, hidden: &[String]) {
    let log = LOG.lock().expect("a lock").clone();
    for hidden in hidden {
        assert!(hidden.len() > 8, "too short to be looked for");
        for (place, text) in [("what was shown", shown), ("the log", &log)] {
            if let Some(at) = text.find(hidden.as_str()) {
                let before: Vec<char> = text[..at].chars().collect();
                let around: String = before[before.len().saturating_sub(200)..].iter().collect();
                panic!("a secret is in {place}, behind: {around}");
            }
        }
    }
}

fn listen() {
    if log::set_logger(&Everything).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

#[test]
fn no_secret_in_logs_debug_or_errors() {
    listen();
    let emulator = emulator();
    let secret = emulator.access_key_secret().to_string();
    let client = connect(config(&emulator).endpoint(emulator.tls_endpoint()).ca_pem(emulator.ca_pem()));
    let events = client.events();
    client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "hidden payload").expect("published");
    emulator.kick(client.config().client_id().as_str());
    connected(&events);
    let wrong = Credentials::signature(emulator.access_key_id(), "wrong-secret");
    let bad = config(&emulator).credentials(wrong).build().expect("a good configuration");
    let mut shown = format!("{client:?} {:?} {bad:?}", client.config());
    let login = client.config().credentials().login(client.config().client_id(), emulator.instance_id());
    let login = login.expect("a login");
    shown += &format!("{login:?}");
    let refused = Client::connect(bad).expect_err("refused");
    shown += &format!("{refused} {refused:?}");
    client.disconnect().expect("all delivered");
    #[cfg(feature = "websocket")]
    over_websocket(&emulator);
    check(&shown, &[secret, "wrong-secret".to_string(), login.password().to_string()]);
    let log = LOG.lock().expect("a lock").clone();
    assert!(log.contains("connected to"), "the log was heard: {log}");
    let ours: Vec<_> = log.lines().filter(|line| line.contains(" aliyun_mqtt")).collect();
    assert!(!ours.join("\n").contains("hidden payload"));
}

/// A WebSocket is more crates that may log what goes through it.
#[cfg(feature = "websocket")]
fn over_websocket(emulator: &aliyun_mqtt_emulator::Emulator) {
    for endpoint in [emulator.ws_endpoint(), emulator.wss_endpoint()] {
        let client = connect(support::plain_config(emulator).endpoint(endpoint).ca_pem(emulator.ca_pem()));
        client.publish(topic(emulator, "x"), QoS::AtLeastOnce, "hidden payload").expect("published");
        let login = client.config().credentials().login(client.config().client_id(), emulator.instance_id());
        client.disconnect().expect("all delivered");
        check("", &[login.expect("a login").password().to_string(), "hidden payload".to_string()]);
    }
}

/// A proxy's login, in the URL and apart from it; taken, refused, and repeated by something that is no proxy.
#[cfg(feature = "proxy")]
#[test]
fn no_login_of_a_proxy_in_logs_debug_or_errors() {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use support::http_proxy::{Answer, HttpProxy};

    listen();
    let emulator = emulator();
    let proxy = HttpProxy::start();
    proxy.want_login("proxy-user", "proxy-geheim");
    proxy.know("proxied.test:1883", emulator.tcp_addr());
    let url = format!("http://proxy-user:proxy-geheim@{}", proxy.addr());
    let far = || support::plain_config(&emulator).endpoint("mqtt://proxied.test");
    let mut shown = String::new();
    for builder in [far().proxy(&url), far().proxy(proxy.url()).proxy_credentials("proxy-user", "proxy-geheim")] {
        shown += &format!("{builder:?}");
        let client = connect(builder);
        let events = client.events();
        proxy.cut();
        connected(&events);
        shown += &format!("{client:?} {:?} {:?}", client.config(), client.config().proxy());
        client.disconnect().expect("all delivered");
    }
    let encoded = BASE64_STANDARD.encode("proxy-user:proxy-geheim");
    let echo = format!("HTTP/1.1 200 OK\r\nProxy-Authorization: Basic {encoded}\r\n").repeat(99).into_bytes();
    for answer in [Answer::Refuse(407), Answer::Bytes(echo), Answer::Close] {
        proxy.answer(answer);
        let config = far().proxy(&url).build().expect("a good configuration");
        let refused = Client::connect(config).expect_err("refused");
        shown += &format!("{refused} {refused:?}");
    }
    for bad in
        [url.replace("http", "socks5"), format!("{url}/x"), url.replace("@", "@@:"), url.replace("geheim", "geheim%")]
    {
        let refused = far().proxy(bad).build().expect_err("refused");
        shown += &format!("{refused} {refused:?}");
    }
    assert!(shown.contains("proxy-user"), "{shown}");
    check(&shown, &["proxy-geheim".to_string(), encoded]);
    // What passes the proxy in clear text is warned of, and where it goes is told.
    let log = LOG.lock().expect("a lock").clone();
    let route = format!("mqtt://proxied.test:1883 through the proxy {}", proxy.url());
    for told in [format!("the connection to {route} is not encrypted"), format!("connected to {route}")] {
        assert!(log.contains(&told), "{told}: {log}");
    }
    // Between two programs of this machine nobody listens.
    proxy.answer(Answer::Tunnel);
    let client = connect(support::plain_config(&emulator).proxy(&url));
    client.disconnect().expect("all delivered");
    let log = LOG.lock().expect("a lock").clone();
    let here = format!("{} through the proxy", emulator.endpoint());
    assert!(log.contains(&here) && !log.contains(&format!("{here} {} is not encrypted", proxy.url())), "{log}");
}

/// Every way a token can go: applied for with both signatures, logged in with, renewed, refused, revoked, asked for in
/// vain.
#[cfg(feature = "openapi")]
#[test]
fn no_token_and_no_signature_in_logs_debug_or_errors() {
    use aliyun_mqtt::openapi::{Api, Call, Signing, TokenRequest};
    use aliyun_mqtt::{Event, Token, TokenKind};
    use std::sync::Arc;

    listen();
    let emulator = Arc::new(emulator());
    let builder = |secret: &str| {
        Api::builder()
            .endpoint(emulator.api_tls_endpoint())
            .ca_pem(emulator.ca_pem())
            .instance_id(emulator.instance_id())
            .access_key(emulator.access_key_id(), secret)
            .backoff(std::time::Duration::from_millis(1), std::time::Duration::from_millis(2))
    };
    let mut shown = String::new();
    let mut hidden = vec![emulator.access_key_secret().to_string(), "wrong-api-secret".to_string()];
    // Signatures themselves are not known here, but what they stand behind is.
    hidden
        .extend(["Signature=", "SignatureNonce", "x-acs-signature", "ACS3-HMAC-SHA256 Credential"].map(str::to_string));

    let tokens = Arc::new(Mutex::new(Vec::<Token>::new()));
    for signing in [Signing::V3, Signing::V2] {
        let api = builder(emulator.access_key_secret()).signing(signing).build().expect("a good configuration");
        let request = TokenRequest::new(TokenKind::ReadWrite, [topic(&emulator, "#")]);
        let (source, kept) = (api.clone(), Arc::clone(&tokens));
        let credentials = Credentials::token_provider(emulator.access_key_id(), move || {
            let token = source.apply_token(&request)?;
            kept.lock().expect("a lock").push(token.clone());
            Ok(vec![token])
        });
        let client = connect(config(&emulator).credentials(credentials));
        let events = client.events();
        let renewed = || {
            support::event(&events, "renewed", |event| matches!(event, Event::TokenRenewed { .. }).then_some(()));
        };
        let id = client.config().client_id().to_string();
        client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "hidden payload").expect("published");
        emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
        renewed();
        emulator.fail_api(1, 403, "Forbidden");
        emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
        renewed();
        let last = tokens.lock().expect("a lock").last().cloned().expect("a token");
        shown += &format!("{last:?} {api:?} {client:?} {:?}", client.config());
        assert!(api.query_token(last.secret()).expect("an answer"));
        api.revoke_token(last.secret()).expect("revoked");
        connected(&events);
        let forged = Token::new(TokenKind::ReadWrite, "forged-token-text");
        hidden.push(forged.secret().to_string());
        let refused = support::error(client.upload_token(forged.clone()));
        shown += &format!("{refused} {refused:?}");
        let bad = config(&emulator).credentials(Credentials::tokens(emulator.access_key_id(), [forged]));
        let refused = Client::connect(bad.build().expect("well formed")).expect_err("refused");
        shown += &format!("{refused} {refused:?}");
        let wrong = builder("wrong-api-secret").signing(signing).build().expect("a good configuration");
        let call = Call::new("QueryToken").parameter("Token", last.secret()).hide("Token");
        for error in [support::error(wrong.query_token(last.secret())), support::error(wrong.call(&call))] {
            shown += &format!("{error} {error:?} {:?}", error.api());
        }
        shown += &format!("{call:?}");
        let device = api.register_device_credential(&id).expect("a credential");
        shown += &format!("{device:?} {:?}", device.credentials());
        hidden.push(device.access_key_secret().to_string());
        client.disconnect().expect("all delivered");
    }
    let tokens = tokens.lock().expect("a lock");
    assert!(tokens.len() >= 8, "{} tokens", tokens.len());
    hidden.extend(tokens.iter().map(|token| token.secret().to_string()));
    check(&shown, &hidden);
    let log = LOG.lock().expect("a lock").clone();
    assert!(log.contains("DEBUG aliyun_mqtt::openapi") && log.contains("was renewed"), "the log was heard");
}
