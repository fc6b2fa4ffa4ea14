//! Every setting reaches the library.

use std::time::Duration;

use aliyun_mqtt::{AckMode, Config, Protocol, SyncPolicy};

use super::support::*;
use crate::client::amq_client_endpoint;
use crate::config::choices::{amq_ack_mode, amq_limit, amq_protocol, amq_spool_sync};
use crate::config::network::*;
use crate::config::receiving::*;
use crate::config::recovery::*;
use crate::config::sending::*;
use crate::config::session::*;
use crate::config::spool::*;
use crate::config::*;
use crate::kinds::amq_kind;

/// A configuration without an emulator.
fn complete() -> Owned<amq_config> {
    let config = Owned::new(amq_config_new());
    let credentials = made(|result, error| unsafe {
        let (id, secret) = (c"id".as_ptr(), c"not-a-secret".as_ptr());
        crate::credentials::amq_credentials_signature(id, AMQ_NTS, secret, AMQ_NTS, result, error)
    });
    let own = config.get();
    unsafe {
        ok(|error| amq_config_set_endpoint(own, c"mqtt://127.0.0.1:1".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_config_set_instance_id(own, c"post-cn-test".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_config_set_group_id(own, c"GID_test".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_config_set_credentials(own, credentials.get(), error));
    }
    config
}

fn built(config: &Owned<amq_config>) -> Config {
    config.settings().builder.build().expect("a good configuration")
}

fn check(config: &Owned<amq_config>) -> Failed {
    fails(|error| unsafe { amq_config_check(config.get(), error) })
}

#[test]
fn settings_of_sessions_and_receiving() {
    let config = complete();
    let own = config.get();
    unsafe {
        ok(|error| amq_config_set_device_id(own, c"0001".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_config_set_protocol(own, amq_protocol::V5 as i32, error));
        ok(|error| amq_config_set_clean_session(own, false, error));
        ok(|error| amq_config_set_session_expiry(own, 3_600_000, error));
        ok(|error| amq_config_set_receive_maximum(own, 65_535, error));
        ok(|error| amq_config_set_keep_alive(own, 30_000, error));
        ok(|error| amq_config_set_timeout(own, 7_000, error));
        ok(|error| amq_config_set_ordered(own, true, error));
        ok(|error| amq_config_set_ack_mode(own, amq_ack_mode::Manual as i32, error));
        ok(|error| amq_config_set_deliver_notices(own, true, error));
        ok(|error| amq_config_set_response_topic(own, c"demo/replies".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_config_check(own, error));
    }
    let built = built(&config);
    assert_eq!(built.client_id().as_str(), "GID_test@@@0001");
    assert_eq!((built.protocol(), built.clean_session()), (Protocol::V5, false));
    assert_eq!(built.session_expiry(), Some(Duration::from_secs(3_600)));
    assert_eq!(built.receive_maximum(), Some(65_535));
    assert_eq!((built.keep_alive(), built.timeout()), (Duration::from_secs(30), Duration::from_secs(7)));
    assert!(built.ordered() && built.deliver_notices());
    assert_eq!(built.ack_mode(), AckMode::Manual);
    assert_eq!(built.response_topic(), Some("demo/replies"));
    for (number, mode) in [(0, AckMode::OnTake), (1, AckMode::OnArrival)] {
        ok(|error| unsafe { amq_config_set_ack_mode(own, number, error) });
        assert_eq!(config.settings().builder.build().expect("good").ack_mode(), mode);
    }
    ok(|error| unsafe { amq_config_set_protocol(own, 4, error) });
    assert!(check(&config).text.contains("needs MQTT 5"));
}

#[test]
fn settings_of_sending_and_recovery() {
    let config = complete();
    ok(|error| unsafe { amq_config_set_max_window(config.get(), 5_000, error) });
    assert_eq!((built(&config).window(), built(&config).max_window()), (100, 5_000));
    let config = complete();
    let own = config.get();
    unsafe {
        ok(|error| amq_config_set_window(own, 17, error));
        ok(|error| amq_config_set_strict_names(own, false, error));
        ok(|error| amq_config_set_max_publish_rate(own, 20.5, error));
        ok(|error| amq_config_set_message_age(own, 90_000, error));
        ok(|error| amq_config_set_refusal_patience(own, 0, error));
        ok(|error| amq_config_set_refused_topic_pause(own, 5, error));
        ok(|error| amq_config_set_backoff(own, 10, 250, error));
        ok(|error| amq_config_set_token_renewal(own, 0.5, error));
    }
    let built = built(&config);
    assert_eq!((built.window(), built.max_window()), (17, 17));
    assert!(!built.limits().strict_names);
    assert_eq!(built.max_publish_rate(), Some(20.5));
    assert_eq!(built.message_age(), Some(Duration::from_secs(90)));
    assert_eq!((built.refusal_patience(), built.refused_topic_pause()), (Duration::ZERO, Duration::from_millis(5)));
    assert_eq!((built.backoff_min(), built.backoff_max()), (Duration::from_millis(10), Duration::from_millis(250)));
    assert!((built.token_renewal() - 0.5).abs() < f64::EPSILON);
    for rate in [f64::NAN, -1.0, f64::INFINITY] {
        ok(|error| unsafe { amq_config_set_max_publish_rate(own, rate, error) });
        assert_eq!(check(&config).kind, amq_kind::Config, "{rate}");
    }
}

#[test]
fn each_limit_is_set_alone() {
    let config = complete();
    let set = |limit: amq_limit, value| {
        ok(|error| unsafe { amq_config_set_limit(config.get(), limit as i32, value, error) });
    };
    set(amq_limit::ClientIdLen, 71);
    set(amq_limit::TopicLen, 72);
    set(amq_limit::PayloadLen, 1_073);
    set(amq_limit::Filters, 74);
    set(amq_limit::PacketLen, 300_075);
    set(amq_limit::OutboxMessages, 76);
    set(amq_limit::OutboxBytes, 77);
    set(amq_limit::InboxMessages, 78);
    set(amq_limit::InboxBytes, 79);
    ok(|error| unsafe { amq_config_set_strict_names(config.get(), false, error) });
    let built = built(&config);
    let limits = built.limits();
    assert_eq!((limits.client_id_len, limits.topic_len, limits.payload_len), (71, 72, 1_073));
    assert_eq!((limits.filters, limits.packet_len), (74, 300_075));
    assert_eq!((limits.outbox_messages, limits.outbox_bytes), (76, 77));
    assert_eq!((limits.inbox_messages, limits.inbox_bytes), (78, 79));
    set(amq_limit::Filters, 0);
    assert!(check(&config).text.contains("filters"));
}

#[test]
fn the_spool() {
    let config = complete();
    let own = config.get();
    let path = c"no-such-folder/spool";
    let set = |max_bytes, sync: amq_spool_sync, interval, aside| {
        ok(|error| unsafe {
            amq_config_set_spool(own, path.as_ptr(), AMQ_NTS, max_bytes, sync as i32, interval, aside, error)
        });
        built(&config).spool().expect("a spool").clone()
    };
    let plain = set(0, amq_spool_sync::Each, -7, false);
    assert_eq!(plain, aliyun_mqtt::Spool::at("no-such-folder/spool"));
    let full = set(1_000, amq_spool_sync::Interval, 20, true);
    let policy = SyncPolicy::Interval(Duration::from_millis(20));
    assert_eq!(full, plain.clone().max_bytes(1_000).sync(policy).set_aside_damaged(true));
    assert_eq!(set(0, amq_spool_sync::System, 0, false), plain.sync(SyncPolicy::System));
}

#[test]
fn the_whole_client_id_is_for_custom_authentication() {
    let config = complete();
    ok(|error| unsafe { amq_config_set_client_id(config.get(), c"whole".as_ptr(), AMQ_NTS, error) });
    assert!(check(&config).text.contains("client_id"));
}

#[test]
fn the_proxy() {
    let config = complete();
    let own = config.get();
    unsafe {
        ok(|error| amq_config_set_proxy_credentials(own, c"user".as_ptr(), AMQ_NTS, c"pw".as_ptr(), AMQ_NTS, error));
        assert!(check(&config).text.contains("proxy"));
        ok(|error| amq_config_set_proxy(own, c"http://proxy.example:3128".as_ptr(), AMQ_NTS, error));
    }
    assert_eq!(built(&config).proxy().expect("a proxy").to_string(), "http://proxy.example:3128");
    unsafe {
        ok(|error| amq_config_set_proxy_credentials(own, c"a:b".as_ptr(), AMQ_NTS, c"pw".as_ptr(), AMQ_NTS, error));
        let failed = check(&config);
        assert!(failed.text.contains("proxy_credentials") && !failed.text.contains("pw"), "{failed:?}");
        ok(|error| amq_config_set_proxy_credentials(own, c"user".as_ptr(), AMQ_NTS, c"pw".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_config_set_proxy_from_env(own, error));
    }
    assert!(built(&config).proxy().is_none(), "the endpoint is this machine");
}

#[test]
fn certificates() {
    let emulator = emulator();
    let config = config(&emulator);
    let own = config.get();
    let endpoint = emulator.tls_endpoint();
    unsafe {
        ok(|error| amq_config_set_endpoint(own, p(&endpoint), endpoint.len(), error));
        ok(|error| amq_config_set_system_roots(own, false, error));
    }
    assert_eq!(check(&config).kind, amq_kind::Config, "nothing is trusted");
    let ca = emulator.ca_pem();
    ok(|error| unsafe { amq_config_set_ca_pem(own, p(ca), ca.len(), error) });
    let client = connect(&config);
    let url = lent(|len| unsafe { amq_client_endpoint(client.get(), len) });
    assert_eq!(url.as_deref(), Some(endpoint.as_str()));
    unsafe {
        let (bad, path) = (c"not PEM", c"no-such-folder/key.pem");
        let set = |error: *mut *mut _| {
            amq_config_set_client_certificate_pem(own, p(ca), ca.len(), bad.as_ptr(), AMQ_NTS, error)
        };
        ok(set);
        assert_eq!(check(&config).kind, amq_kind::Config, "no key");
        ok(|error| amq_config_set_client_certificate_files(own, path.as_ptr(), AMQ_NTS, path.as_ptr(), AMQ_NTS, error));
        assert!(check(&config).text.contains("no-such-folder/key.pem"));
    }
}

#[test]
fn a_ca_file_is_read_when_the_configuration_is_checked() {
    let config = complete();
    let own = config.get();
    unsafe {
        ok(|error| amq_config_set_endpoint(own, c"mqtts://127.0.0.1:1".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_config_set_ca_file(own, c"no-such-folder/ca.pem".as_ptr(), AMQ_NTS, error));
    }
    assert!(check(&config).text.contains("no-such-folder/ca.pem"));
}

#[test]
fn a_configuration_serves_several_clients_and_is_freed_at_once() {
    let emulator = emulator();
    let config = config(&emulator);
    let clients = [connect(&config), connect(&config)];
    drop(config);
    let ids = [0, 1].map(|n: usize| lent(|len| unsafe { crate::client::amq_client_id(clients[n].get(), len) }));
    assert!(ids[0].is_some() && ids[0] != ids[1], "{ids:?}");
    subscribe(&clients[0], &topic(&emulator, "x"));
    publish(&clients[1], &topic(&emulator, "x"), "hello");
    assert_eq!(payload(&recv(&clients[0])), "hello");
}

#[test]
fn numbers_that_do_not_fit_are_refused_where_they_are_given() {
    let config = complete();
    let own = config.get();
    unsafe {
        misuse("messages is 65536", |error| amq_config_set_receive_maximum(own, 65_536, error));
        misuse("window is 4294967295", |error| amq_config_set_window(own, u32::MAX, error));
        misuse("protocol is 3; it must be one of 4, 5", |error| amq_config_set_protocol(own, 3, error));
        misuse("mode is 3", |error| amq_config_set_ack_mode(own, 3, error));
        misuse("limit is -1", |error| amq_config_set_limit(own, -1, 1, error));
        misuse("sync is 9", |error| amq_config_set_spool(own, c"x".as_ptr(), AMQ_NTS, 0, 9, 0, false, error));
        misuse("period_ms is -1", |error| amq_config_set_keep_alive(own, -1, error));
        misuse("config is NULL", |error| amq_config_set_window(std::ptr::null_mut(), 1, error));
        misuse("config is NULL", |error| amq_config_check(std::ptr::null(), error));
    }
    built(&config);
}
