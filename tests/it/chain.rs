//! Clients and APIs whose key nobody types: from a chain of places, against the emulator's metadata service and STS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use crate::support::folder::Folder;
use crate::support::http::{Server, answer};
use crate::support::{LONG, config, connect, emulator, error, event, payloads, protocol, topic};
use aliyun_mqtt::openapi::{Api, TokenRequest};
use aliyun_mqtt::{AccessKeyChain, Client, ConfigBuilder, Credentials, ErrorKind, Event, QoS, TokenKind};
use aliyun_mqtt_emulator::{Emulator, LoginMode, What};

const ROLE: &str = "test-role";

/// An emulator, and an environment without a key that names it.
struct Machine {
    emulator: Emulator,
    home: Folder,
}

impl Machine {
    fn with_role() -> Machine {
        Machine { emulator: Emulator::builder().ram_role(ROLE).start().expect("it starts"), home: Folder::new() }
    }

    fn lookup(&self, more: &[(&str, &str)], name: &str) -> Option<String> {
        let emulator = &self.emulator;
        if let Some((_, value)) = more.iter().find(|(known, _)| *known == name) {
            return Some((*value).to_string());
        }
        Some(match name {
            "HOME" => self.home.path().to_str().expect("UTF-8").to_string(),
            "ALIYUN_MQTT_METADATA_ENDPOINT" | "ALIYUN_MQTT_STS_ENDPOINT" | "ALIYUN_MQTT_API_ENDPOINT" => {
                emulator.api_endpoint()
            }
            "ALIYUN_MQTT_ENDPOINT" => emulator.endpoint(),
            "ALIYUN_MQTT_INSTANCE_ID" => emulator.instance_id().to_string(),
            "ALIYUN_MQTT_GROUP_ID" => emulator.group_id().to_string(),
            "ALIYUN_MQTT_TOPIC" => emulator.parent_topic().to_string(),
            _ => return None,
        })
    }

    fn config(&self, more: &[(&str, &str)]) -> ConfigBuilder {
        ConfigBuilder::from_vars(|name| self.lookup(more, name)).protocol(protocol()).timeout(LONG)
    }

    fn chain(&self) -> AccessKeyChain {
        AccessKeyChain::from_vars(|name| self.lookup(&[], name))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it is below")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    fn logins(&self) -> Vec<LoginMode> {
        let log = self.emulator.log();
        let modes = log.iter().filter_map(|entry| match &entry.what {
            What::Connected { login, .. } => Some(*login),
            _ => None,
        });
        modes.collect()
    }
}

fn send_and_receive(machine: &Machine, client: &Client) {
    let x = topic(&machine.emulator, "x");
    client.subscribe(&x, QoS::AtLeastOnce).expect("subscribed");
    client.publish(&x, QoS::AtLeastOnce, "hello").expect("published");
    assert_eq!(payloads(client, 1), ["hello"]);
}

#[test]
fn a_machine_with_a_role_needs_neither_a_mode_nor_a_key() {
    let machine = Machine::with_role();
    for more in [&[][..], &[("ALIYUN_MQTT_AUTH", "chain")], &[("ALIYUN_MQTT_AUTH", "token")]] {
        let client = connect(machine.config(more));
        send_and_receive(&machine, &client);
    }
    assert_eq!(machine.logins(), [LoginMode::Token; 3]);
    let signature = machine.config(&[("ALIYUN_MQTT_AUTH", "signature")]).build().expect("a good configuration");
    let refused = error(Client::connect(signature));
    assert_eq!(refused.kind(), ErrorKind::Credentials, "{refused}");
    assert!(refused.to_string().contains("is a temporary one, which cannot sign a login"), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("set auth to token")), "{refused:?}");
}

#[test]
fn a_permanent_key_of_a_file_signs_the_login() {
    let machine = Machine::with_role();
    let (id, secret) = (machine.emulator.access_key_id(), machine.emulator.access_key_secret());
    let key = format!(r#""mode":"AK","access_key_id":"{id}","access_key_secret":"{secret}""#);
    machine.write(".aliyun/config.json", &format!(r#"{{"current":"x","profiles":[{{"name":"x",{key}}}]}}"#));
    for (mode, login) in [("", LoginMode::Signature), ("signature", LoginMode::Signature), ("token", LoginMode::Token)]
    {
        let client = connect(machine.config(&[("ALIYUN_MQTT_AUTH", mode)]));
        send_and_receive(&machine, &client);
        assert_eq!(machine.logins().last(), Some(&login));
    }
}

#[test]
fn a_secret_that_was_corrected_serves_once_the_old_one_is_refused() {
    let machine = Machine::with_role();
    let (id, secret) = (machine.emulator.access_key_id(), machine.emulator.access_key_secret());
    let write = |secret: &str| {
        let key = format!("[default]\ntype = access_key\naccess_key_id = {id}\naccess_key_secret = {secret}\n");
        machine.write(".alibabacloud/credentials", &key);
    };
    let outdated = || {
        write("geheim-old");
        let chain = machine.chain();
        chain.find().expect("a key");
        write(secret);
        chain
    };
    let credentials = Credentials::chain_signature(&outdated());
    let client = connect(machine.config(&[]).credentials(credentials));
    send_and_receive(&machine, &client);
    let builder = Api::builder().instance_id(machine.emulator.instance_id()).endpoint(machine.emulator.api_endpoint());
    let api = builder.access_key_chain(outdated()).build().expect("a good API");
    api.list_groups().expect("the second key is taken");
}

#[test]
fn without_what_a_token_takes_only_a_permanent_key_serves() {
    let machine = Machine::with_role();
    let builder = machine.config(&[("ALIYUN_MQTT_TOPIC", "")]);
    let refused = error(Client::connect(builder.build().expect("a good configuration")));
    assert!(refused.to_string().contains("no token can be applied for: the environment variable ALIYUN_MQTT_TOPIC"));
    let none = machine.config(&[("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")]);
    let refused = error(Client::connect(none.build().expect("a good configuration")));
    assert_eq!(refused.kind(), ErrorKind::Credentials, "{refused}");
    assert!(refused.to_string().contains("no AccessKey was found"), "{refused}");
}

#[test]
fn a_temporary_key_of_the_environment_applies_for_tokens() {
    let machine = Machine::with_role();
    let emulator = Emulator::builder().sts_key("STS.env", "geheim-1", "geheim-2").start().expect("it starts");
    let machine = Machine { emulator, ..machine };
    let key = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.env"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "geheim-1"),
        ("ALIBABA_CLOUD_SECURITY_TOKEN", "geheim-2"),
    ];
    let client = connect(machine.config(&key));
    send_and_receive(&machine, &client);
    assert_eq!(machine.logins(), [LoginMode::Token]);
    let signature = machine.config(&[&key[..], &[("ALIYUN_MQTT_AUTH", "signature")]].concat());
    let refused = error(signature.build());
    assert!(refused.to_string().contains("a temporary AccessKey cannot sign a login"), "{refused}");
}

#[test]
fn an_api_asks_the_chain_before_each_call() {
    let machine = Machine::with_role();
    let chain = machine.chain();
    let api = Api::builder().endpoint(machine.emulator.api_endpoint()).instance_id(machine.emulator.instance_id());
    let api = api.access_key_chain(chain.clone()).timeout(LONG).build().expect("a good configuration");
    assert_eq!(api.access_key_id(), "");
    api.list_groups().expect("an answer");
    let key = chain.find().expect("a key");
    assert!(key.is_temporary() && key.expires().is_some_and(|end| end > SystemTime::now()));
    let everything = TokenRequest::new(TokenKind::ReadWrite, [topic(&machine.emulator, "#")]);
    let client = connect(config(&machine.emulator).credentials(Credentials::chain(&api, [everything.clone()])));
    send_and_receive(&machine, &client);
    let client = connect(config(&machine.emulator).credentials(Credentials::apply_tokens(&api, [everything.clone()])));
    send_and_receive(&machine, &client);
    let (id, secret) = (machine.emulator.access_key_id(), machine.emulator.access_key_secret());
    let fixed = Api::builder().endpoint(machine.emulator.api_endpoint()).instance_id(machine.emulator.instance_id());
    let fixed = fixed.access_key(id, secret).build().expect("a good configuration");
    let client = connect(config(&machine.emulator).credentials(Credentials::chain(&fixed, [everything])));
    send_and_receive(&machine, &client);
    assert_eq!(machine.logins(), [LoginMode::Token, LoginMode::Token, LoginMode::Signature]);
}

#[test]
fn a_key_that_the_service_refuses_is_replaced_and_the_call_repeated_once() {
    let key = |id: &str| {
        answer(
            200,
            &format!(
                r#"{{"Code":"Success","AccessKeyId":"{id}","AccessKeySecret":"geheim","SecurityToken":"geheim","Expiration":"2099-01-01T00:00:00Z"}}"#
            ),
        )
    };
    let refusal = || answer(400, r#"{"RequestId":"r","Code":"InvalidSecurityToken.Expired","Message":"m"}"#);
    let keys = Server::start([key("STS.1"), key("STS.2"), key("STS.3")]);
    let service = Server::start([refusal(), answer(200, r#"{"RequestId":"r"}"#), refusal(), refusal()]);
    let chain = AccessKeyChain::from_vars(|name| match name {
        "ALIBABA_CLOUD_CREDENTIALS_URI" => Some(keys.url()),
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED" => Some("true".to_string()),
        _ => None,
    });
    let api = Api::builder().endpoint(service.url()).instance_id("post-cn-test").access_key_chain(chain);
    let api = api.timeout(LONG).build().expect("a good configuration");
    api.create_group("GID_test").expect("made with the second key");
    let refused = error(api.create_group("GID_test"));
    assert_eq!(refused.api().and_then(|fault| fault.code()), Some("InvalidSecurityToken.Expired"), "{refused}");
    let used: Vec<_> = service.requests().iter().map(|request| request.headers["x-acs-accesskey-id"].clone()).collect();
    assert_eq!(used, ["STS.1", "STS.2", "STS.2", "STS.3"]);
}

#[test]
fn tokens_are_applied_for_with_another_key_where_the_first_is_refused() {
    let key = |id: &str| {
        let body = format!(
            r#"{{"Code":"Success","AccessKeyId":"{id}","AccessKeySecret":"geheim-1","SecurityToken":"geheim-2","Expiration":"2099-01-01T00:00:00Z"}}"#
        );
        answer(200, &body)
    };
    let keys = Server::start([key("STS.gone"), key("STS.good")]);
    let emulator = Emulator::builder().sts_key("STS.good", "geheim-1", "geheim-2").start().expect("it starts");
    let machine = Machine { emulator, home: Folder::new() };
    let client =
        connect(machine.config(&[
            ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"),
            ("ALIBABA_CLOUD_CREDENTIALS_URI", &keys.url()),
        ]));
    send_and_receive(&machine, &client);
    assert_eq!(keys.left(), 0);
}

#[test]
fn tokens_of_a_new_key_make_the_client_log_in_again_without_losing_a_message() {
    // A token of an hour lives for 1.8 seconds.
    let machine = Emulator::builder().token_time_scale(0.0005).token_notice_lead(Duration::from_secs(3000));
    let machine = machine.access_key("key-0", "geheim-0").access_key("key-1", "geheim-1");
    let emulator = Arc::new(machine.start().expect("the emulator starts"));
    let asked = Arc::new(AtomicUsize::new(0));
    let apis = [0, 1].map(|number| {
        let api = Api::builder().endpoint(emulator.api_endpoint()).instance_id(emulator.instance_id());
        api.access_key(format!("key-{number}"), format!("geheim-{number}")).build().expect("a good configuration")
    });
    let (count, everything) = (Arc::clone(&asked), TokenRequest::new(TokenKind::ReadWrite, [topic(&emulator, "#")]));
    let scale = 0.0005;
    let rotating = Credentials::provider(move || {
        let api = &apis[count.fetch_add(1, Ordering::SeqCst) % 2];
        let token = api.apply_token(&everything)?;
        let token = token.expires_in(Duration::from_secs_f64(3600.0 * scale));
        Ok(Credentials::tokens(api.access_key_id(), [token]))
    });
    let client = connect(config(&emulator).credentials(rotating));
    let (events, x) = (client.events(), topic(&emulator, "x"));
    client.subscribe(&x, QoS::AtLeastOnce).expect("subscribed");
    for round in 0..3 {
        let reason = event(&events, "a new login", |event| match event {
            Event::Disconnected { reason, retry_in, .. } => Some((reason, retry_in)),
            Event::TokenRenewalFailed { reason, .. } => panic!("{reason}"),
            _ => None,
        });
        assert!(reason.0.to_string().contains("logs in again"), "{}", reason.0);
        assert_eq!(reason.1, Some(Duration::ZERO));
        client.publish(&x, QoS::AtLeastOnce, round.to_string()).expect("published");
        assert_eq!(payloads(&client, 1), [round.to_string()]);
    }
    assert!(asked.load(Ordering::SeqCst) >= 4);
}

#[test]
fn an_emulator_without_a_role_hands_out_nothing() {
    let emulator = emulator();
    let chain = AccessKeyChain::from_vars(|name| match name {
        "ALIYUN_MQTT_METADATA_ENDPOINT" => Some(emulator.api_endpoint()),
        "ALIBABA_CLOUD_CREDENTIALS_URI" => Some(format!("{}/credentials", emulator.api_endpoint())),
        _ => None,
    });
    assert_eq!(error(chain.find()).kind(), ErrorKind::Credentials);
}
