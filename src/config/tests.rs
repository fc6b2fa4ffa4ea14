use std::collections::HashMap;
use std::ffi::OsString;

use super::*;
use crate::ErrorKind;
use crate::config::environment::{self, Variables};

fn good() -> ConfigBuilder {
    Config::builder()
        .endpoint("mqtt://127.0.0.1:1883")
        .instance_id("post-cn-xxxx")
        .group_id("GID_demo")
        .credentials(Credentials::signature("ak", "geheim"))
}

fn refused(builder: ConfigBuilder, expected: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains(expected), "{error} / {expected}");
    assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
}

#[test]
fn the_defaults_are_the_promised_ones() {
    let config = good().build().unwrap();
    assert_eq!(config.endpoint().to_string(), "mqtt://127.0.0.1:1883");
    assert_eq!(config.instance_id(), "post-cn-xxxx");
    assert_eq!(config.client_id().group(), Some("GID_demo"));
    assert!(config.clean_session() && !config.ordered());
    assert_eq!(config.keep_alive(), Duration::from_secs(60));
    assert_eq!(config.timeout(), Duration::from_secs(30));
    assert_eq!((config.window(), config.max_window()), (100, 1_000));
    assert_eq!(config.limits(), &Limits::default());
    assert_eq!((config.max_publish_rate(), config.message_age()), (None, None));
    assert_eq!(config.ack_mode(), AckMode::OnTake);
    assert_eq!(config.refusal_patience(), Duration::from_secs(600));
    assert_eq!(config.refused_topic_pause(), Duration::from_secs(600));
    assert_eq!((config.backoff_min(), config.backoff_max()), (Duration::from_secs(1), Duration::from_secs(120)));
}

#[test]
fn each_built_config_has_a_device_id_of_its_own() {
    let builder = good();
    let (one, two) = (builder.clone().build().unwrap(), builder.build().unwrap());
    assert_ne!(one.client_id(), two.client_id());
    assert_eq!(one.client_id(), one.clone().client_id());
    assert_eq!(good().device_id("0001").build().unwrap().client_id().as_str(), "GID_demo@@@0001");
}

#[test]
fn what_is_needed_is_asked_for() {
    let credentials = || Credentials::signature("ak", "geheim");
    refused(Config::builder(), "no endpoint");
    refused(Config::builder().endpoint("mqtt://h"), "no instance_id");
    refused(Config::builder().endpoint("mqtt://h").instance_id("i"), "no credentials");
    refused(Config::builder().endpoint("mqtt://h").instance_id("i").credentials(credentials()), "no group_id");
}

#[test]
fn bad_values_are_refused() {
    refused(good().endpoint(""), "no host");
    refused(good().endpoint("mqtt://user:geheim@h"), "credentials");
    refused(good().instance_id(""), "empty");
    refused(good().instance_id("a|b"), "'|'");
    refused(good().instance_id("a b"), "' '");
    refused(good().group_id("demo"), "GID_");
    refused(good().device_id(""), "empty");
    refused(good().device_id("a/b"), "'/'");
    refused(good().device_id("x".repeat(60)), "at most 64");
    refused(good().group_id(format!("GID_{}", "x".repeat(58))), "short enough");
    refused(good().credentials(Credentials::token("ak", "geheim")), "form");
    refused(good().limits(Limits::default().inbox(0, 1)), "inbox_messages");
}

#[test]
fn a_websocket_needs_its_feature() {
    #[cfg(not(feature = "websocket"))]
    for endpoint in ["ws://h", "wss://h"] {
        refused(good().endpoint(endpoint), "the cargo feature `websocket`");
    }
    #[cfg(all(feature = "websocket", not(feature = "tls")))]
    refused(good().endpoint("wss://h"), "the cargo feature `tls`");
    #[cfg(feature = "websocket")]
    assert_eq!(good().endpoint("ws://h").build().unwrap().endpoint().to_string(), "ws://h:80/mqtt");
}

#[cfg(not(feature = "proxy"))]
#[test]
fn a_proxy_needs_its_feature() {
    refused(good().proxy("http://h:1"), "the cargo feature `proxy`");
    refused(good().proxy_from_env(), "the cargo feature `proxy`");
    refused(from_env(&[(environment::PROXY, "http://h:1")]), "the cargo feature `proxy`");
}

#[cfg(feature = "proxy")]
#[test]
fn a_proxy_is_asked_for_by_the_program_or_by_our_own_variable() {
    let shown = |builder: ConfigBuilder| builder.build().unwrap().proxy().map(ToString::to_string);
    let far = || good().endpoint("mqtt://far.example");
    let shared = ("https_proxy", "http://user:geheim@shared.example:1");
    assert_eq!(shown(far()), None);
    assert_eq!(shown(far().proxy("http://h:1")).as_deref(), Some("http://h:1"));
    // An explicit proxy is used for every host, including this machine and the entries of `no_proxy`.
    assert_eq!(shown(good().proxy("http://h:1")).as_deref(), Some("http://h:1"));
    let from_env = |own, endpoint, no_proxy| {
        from_env(&[(environment::PROXY, own), (environment::ENDPOINT, endpoint), shared, ("no_proxy", no_proxy)])
    };
    let far = "mqtt://far.example";
    assert_eq!(shown(from_env("", far, "")), None);
    assert_eq!(shown(from_env("env", far, "")).as_deref(), Some("http://shared.example:1"));
    assert_eq!(shown(from_env("env", far, "far.example:1883")), None);
    assert_eq!(shown(from_env("env", "mqtt://localhost", "")), None);
    assert_eq!(shown(from_env("http://own.example:2", far, "*")).as_deref(), Some("http://own.example:2"));
    refused(from_env("https://u:geheim@own.example", far, ""), "ALIYUN_MQTT_PROXY: https://");
    refused(good().proxy("http://u:geheim@h:x"), "proxy: ");
    refused(good().proxy_credentials("u", "geheim"), "but no proxy");
    refused(good().proxy("http://h:1").proxy_credentials("u\n", "geheim"), "control character");
    assert_eq!(shown(good().endpoint("mqtt://[2001:db8::1]").proxy("http://h:1")).as_deref(), Some("http://h:1"));
    #[cfg(feature = "tls")]
    refused(good().endpoint("mqtts://[2001:db8::1]").proxy("http://h:1"), "host name");
    #[cfg(feature = "websocket")]
    refused(good().endpoint("ws://[2001:db8::1]").proxy("http://h:1"), "host name");
    let builder = good().proxy("http://u:geheim@h:1").proxy_credentials("other", "geheim");
    let text = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(text.contains("http://h:1") && text.contains("other") && !text.contains("geheim"), "{text}");
}

#[test]
fn ranges_have_two_ends() {
    let secs = Duration::from_secs;
    let millis = Duration::from_millis;
    for period in [5, 480] {
        assert!(good().keep_alive(secs(period)).build().is_ok());
    }
    refused(good().keep_alive(secs(4)), "5s to 480s");
    refused(good().keep_alive(secs(481)), "5s to 480s");
    refused(good().keep_alive(millis(5_500)), "whole seconds");
    for timeout in [1, 3600] {
        assert!(good().timeout(secs(timeout)).build().is_ok());
    }
    refused(good().timeout(millis(999)), "timeout");
    refused(good().timeout(millis(3_600_001)), "timeout");
    for window in [1, 10_000] {
        let (fixed, growing) = (good().window(window).build().unwrap(), good().max_window(window).build().unwrap());
        assert_eq!((fixed.window(), fixed.max_window()), (window, window));
        assert_eq!((growing.window(), growing.max_window()), (window.min(100), window));
    }
    for window in [0, 10_001] {
        refused(good().window(window), "1 to 10000");
        refused(good().max_window(window), "1 to 10000");
    }
    refused(good().window(100).max_window(1_000), "set window to fix the window, or max_window to let it grow");
    for rate in [0.001, 20.0, 1e6] {
        assert_eq!(good().max_publish_rate(rate).build().unwrap().max_publish_rate(), Some(rate));
    }
    for rate in [0.0, -1.0, 1e-300, 1e7, f64::NAN, f64::INFINITY] {
        refused(good().max_publish_rate(rate), "max_publish_rate");
    }
    assert!(good().message_age(millis(1)).build().is_ok());
    refused(good().message_age(Duration::ZERO), "message_age");
    refused(good().message_age(Duration::MAX), "message_age");
    assert!(good().refusal_patience(Duration::ZERO).build().is_ok());
    assert!(good().refused_topic_pause(Duration::ZERO).build().is_ok());
    refused(good().refused_topic_pause(Duration::MAX), "refused_topic_pause");
    refused(good().refusal_patience(Duration::MAX), "refusal_patience");
    assert!(good().backoff(millis(10), millis(10)).build().is_ok());
    refused(good().backoff(millis(9), secs(1)), "backoff min");
    refused(good().backoff(secs(2), secs(1)), "backoff max");
    refused(good().backoff(secs(1), Duration::MAX), "backoff max");
}

#[test]
fn a_device_id_is_needed_where_the_id_must_stay() {
    let device = || good().credentials(Credentials::device("DC.ak", "DC.geheim"));
    refused(device(), "device_id");
    assert!(device().device_id("0001").build().is_ok());
    refused(good().clean_session(false), "device_id");
    assert!(!good().clean_session(false).device_id("0001").build().unwrap().clean_session());
}

#[test]
fn a_whole_client_id_is_for_custom_authentication() {
    let whole = |credentials| {
        let builder = Config::builder().endpoint("mqtt://h").instance_id("i").clean_session(false);
        builder.client_id("thermometer").credentials(credentials)
    };
    let custom = || Credentials::custom_plain("user", "geheim");
    assert_eq!(whole(custom()).build().unwrap().client_id().as_str(), "thermometer");
    assert!(whole(Credentials::custom_signed("user", "geheim")).build().is_ok());
    assert!(whole(Credentials::provider(|| Ok(Credentials::custom_plain("u", "p")))).build().is_ok());
    refused(whole(Credentials::signature("ak", "geheim")), "custom authentication only");
    refused(whole(Credentials::token("ak", "R|geheim")), "custom authentication only");
    refused(whole(custom()).group_id("GID_demo"), "one or the other");
    refused(whole(custom()).device_id("0001"), "one or the other");
    refused(whole(custom()).client_id("a/b"), "'/'");
    let bare = || Config::builder().endpoint("mqtt://h");
    let config = bare().client_id("thermometer").credentials(custom()).build().unwrap();
    assert_eq!(config.instance_id(), "", "its login does not name the instance");
    let login = config.credentials().login(config.client_id(), config.instance_id()).unwrap();
    assert_eq!(login.username(), "user");
    refused(bare().client_id("x").credentials(Credentials::signature("ak", "geheim")), "custom authentication only");
    refused(bare().group_id("GID_demo").credentials(custom()), "no instance_id");
    refused(bare().client_id("").credentials(custom()), "client_id");
    assert!(good().credentials(custom()).build().is_ok());
}

#[test]
fn raised_limits_reach_the_names() {
    let limits = Limits::default().client_id_len(100).strict_names(false);
    let config = good().limits(limits).group_id("any group").device_id("x".repeat(80)).build().unwrap();
    assert_eq!(config.client_id().as_str().len(), 92);
    assert!(config.limits().packet_len >= 65_536 + 128);
}

#[test]
fn debug_shows_no_secret() {
    for credentials in [
        Credentials::signature("ak", "geheim"),
        Credentials::token("ak", "RW|geheim"),
        Credentials::custom_plain("ak", "geheim"),
    ] {
        let builder = good().credentials(credentials);
        let text = format!("{builder:?} {:?} {:#?}", builder.clone().build().unwrap(), builder);
        assert!(!text.contains("geheim") && text.contains("post-cn-xxxx"), "{text}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_there_is_no_tls() {
    refused(good().endpoint("h"), "cargo feature `tls`");
}

/// A complete environment, with these changes; an empty value removes a variable.
fn from_env(changes: &[(&str, &str)]) -> ConfigBuilder {
    let mut all = HashMap::from([
        (environment::ENDPOINT, "mqtt://127.0.0.1:1883"),
        (environment::INSTANCE_ID, "post-cn-xxxx"),
        (environment::GROUP_ID, "GID_demo"),
        (environment::ACCESS_KEY_ID, "ak"),
        (environment::ACCESS_KEY_SECRET, "geheim"),
    ]);
    all.extend(changes.iter().copied());
    let lookup = |name: &str| all.get(name).map(OsString::from);
    ConfigBuilder::from_vars(lookup)
}

#[test]
fn the_environment_is_read() {
    let config = from_env(&[]).build().unwrap();
    assert_eq!(config.endpoint().port(), 1883);
    assert!(config.clean_session());
    assert_eq!(config.timeout(), Duration::from_secs(30));
    let config = from_env(&[
        (environment::DEVICE_ID, "0001"),
        (environment::CLEAN_SESSION, "false"),
        (environment::TIMEOUT, "2.5"),
        (environment::MAX_PAYLOAD, "1000000"),
        (environment::PROTOCOL, "3.1.1"),
        (environment::AUTH, "token"),
        (environment::TOKEN, "RW|geheim"),
        (environment::ACCESS_KEY_SECRET, ""),
    ])
    .build()
    .unwrap();
    assert_eq!(config.client_id().as_str(), "GID_demo@@@0001");
    assert!(!config.clean_session());
    assert_eq!(config.timeout(), Duration::from_millis(2_500));
    assert_eq!(config.limits().payload_len, 1_000_000);
    assert!(config.limits().packet_len > 1_000_000, "what is sent can be received");
    let login = config.credentials().login(config.client_id(), config.instance_id()).unwrap();
    assert_eq!((login.username(), login.password()), ("Token|ak|post-cn-xxxx", "RW|geheim"));
}

#[test]
fn a_missing_variable_is_named() {
    for name in [
        environment::ENDPOINT,
        environment::INSTANCE_ID,
        environment::GROUP_ID,
        environment::ACCESS_KEY_ID,
        environment::ACCESS_KEY_SECRET,
    ] {
        refused(from_env(&[(name, "")]), name);
    }
    refused(from_env(&[(environment::AUTH, "token")]), environment::TOKEN);
    refused(from_env(&[(environment::AUTH, "device")]), environment::DEVICE_ACCESS_KEY_ID);
    let device = [
        (environment::AUTH, "device"),
        (environment::DEVICE_ACCESS_KEY_ID, "DC.a"),
        (environment::DEVICE_ACCESS_KEY_SECRET, "DC.b"),
    ];
    refused(from_env(&device), environment::DEVICE_ID);
    refused(from_env(&[(environment::CLEAN_SESSION, "false")]), environment::DEVICE_ID);
    refused(from_env(&[(environment::ENDPOINT, ""), (environment::ACCESS_KEY_ID, "")]), environment::ENDPOINT);
}

#[test]
fn an_error_says_by_data_which_setting_is_missing() {
    let missing = |builder: ConfigBuilder| builder.build().unwrap_err().missing_setting().map(str::to_string);
    for (variables, setting) in [
        (&[(environment::ENDPOINT, "")][..], "endpoint"),
        (&[(environment::ACCESS_KEY_SECRET, "")], "access_key_secret"),
        (&[(environment::AUTH, "device")], "device_access_key_id"),
        (&[(environment::CLEAN_SESSION, "false")], "device_id"),
    ] {
        assert_eq!(missing(from_env(variables)).as_deref(), Some(setting));
    }
    assert_eq!(missing(Config::builder().endpoint("mqtt://localhost")).as_deref(), Some("instance_id"));
    assert_eq!(missing(from_env(&[(environment::CLEAN_SESSION, "yes")])), None, "it is there, but wrong");
}

#[test]
fn a_bad_variable_is_named_with_its_rule() {
    for (name, value, rule) in [
        (environment::ENDPOINT, "host:443", "scheme"),
        (environment::ENDPOINT, "mqtt://a:geheim@b", "credentials"),
        (environment::INSTANCE_ID, "a|b", "'|'"),
        (environment::GROUP_ID, "demo", "GID_"),
        (environment::DEVICE_ID, "a b", "letters"),
        (environment::CLEAN_SESSION, "yes", "true or false"),
        (environment::PROTOCOL, "4", "3.1.1 or 5"),
        (environment::TIMEOUT, "0", "1 to 3600"),
        (environment::TIMEOUT, "3601", "1 to 3600"),
        (environment::TIMEOUT, "NaN", "1 to 3600"),
        (environment::TIMEOUT, "soon", "1 to 3600"),
        (environment::MAX_PAYLOAD, "0", "1 to 209715200"),
        (environment::MAX_PAYLOAD, "209715201", "1 to 209715200"),
        (environment::MAX_PAYLOAD, "64k", "1 to 209715200"),
        (environment::AUTH, "password", "signature, token, device or chain"),
        (environment::ACCESS_KEY_ID, "a|b", "'|'"),
        (environment::ACCESS_KEY_SECRET, "geheim ", "space"),
    ] {
        refused(from_env(&[(name, value)]), name);
        refused(from_env(&[(name, value)]), rule);
    }
}

#[test]
fn credentials_of_the_programs_choice_need_no_variables_of_their_own() {
    let lookup = |name: &str| {
        let value = match name {
            environment::ENDPOINT => "mqtt://127.0.0.1:1883",
            environment::INSTANCE_ID => "i",
            environment::GROUP_ID => "GID_demo",
            environment::AUTH => "nonsense",
            _ => return None,
        };
        Some(OsString::from(value))
    };
    let builder = ConfigBuilder::from_variables(Variables::from_lookup(lookup));
    assert!(builder.clone().credentials(Credentials::token("ak", "R|geheim")).build().is_ok());
    refused(builder.clone(), environment::AUTH);
    refused(builder, "signature, token, device or chain");
}

#[test]
fn credentials_of_the_environment_are_used_unless_the_program_sets_its_own() {
    let user = |builder: ConfigBuilder| {
        let config = builder.build().unwrap();
        config.credentials().login(config.client_id(), config.instance_id()).unwrap().username().to_string()
    };
    assert_eq!(user(from_env(&[])), "Signature|ak|post-cn-xxxx");
    assert_eq!(user(from_env(&[]).credentials(Credentials::token("own", "R|geheim"))), "Token|own|post-cn-xxxx");
    let device = [
        (environment::AUTH, "device"),
        (environment::DEVICE_ID, "0001"),
        (environment::DEVICE_ACCESS_KEY_ID, "DC.a"),
        (environment::DEVICE_ACCESS_KEY_SECRET, "geheim"),
    ];
    assert_eq!(user(from_env(&device)), "DeviceCredential|DC.a|post-cn-xxxx");
    let builder = from_env(&device);
    assert!(!format!("{builder:?}").contains("geheim"), "{builder:?}");
}

#[test]
fn a_configuration_can_be_changed_after_it_was_built() {
    let made = good().timeout(Duration::from_secs(7)).window(7).build().unwrap();
    let again = made.to_builder().build().unwrap();
    assert_eq!(again.client_id().group(), Some("GID_demo"));
    assert_ne!(again.client_id(), made.client_id(), "a generated device id is not kept");
    assert_eq!((again.timeout(), again.window()), (Duration::from_secs(7), 7));
    assert_eq!(again.endpoint(), made.endpoint());
    let kept =
        good().device_id("0001").build().unwrap().to_builder().keep_alive(Duration::from_secs(9)).build().unwrap();
    assert_eq!((kept.client_id().as_str(), kept.keep_alive()), ("GID_demo@@@0001", Duration::from_secs(9)));
    refused(kept.to_builder().client_certificate_files("a", "b"), "not encrypted");
    // A whole client id remains one, even if it has the form GroupID@@@DeviceID.
    let custom = Config::builder().endpoint("mqtt://h").credentials(Credentials::custom_plain("user", "geheim"));
    for whole in ["thermometer", "GID_a@@@b"] {
        let config = custom.clone().client_id(whole).build().unwrap().to_builder().build().unwrap();
        assert_eq!((config.client_id().as_str(), config.instance_id()), (whole, ""));
    }
    let from_env = from_env(&[(environment::DEVICE_ID, "0002")]).build().unwrap();
    assert_eq!(from_env.to_builder().build().unwrap().client_id().as_str(), "GID_demo@@@0002");
}

#[test]
fn one_network_serves_every_builder() {
    let network = Network::new().client_certificate_files("a.pem", "b.pem");
    refused(good().network(network.clone()), "not encrypted");
    // The last setting wins, as with the setters.
    assert!(good().network(network.clone()).network(Network::new()).build().is_ok());
    refused(good().network(Network::new().proxy("socks5://h")), "proxy");
    let shown = format!("{:?}", network.proxy("http://u:geheim@h").ca_pem("geheim"));
    assert!(!shown.contains("geheim") && shown.contains("a.pem"), "{shown}");
}

#[cfg(feature = "openapi")]
#[test]
fn the_network_of_the_api_is_the_same_value() {
    let network = Network::new().proxy("http://proxy.example:3128").ca_file("/no/such/ca.pem");
    let api = || crate::openapi::Api::builder().instance_id("i").access_key("id", "geheim").network(network.clone());
    let plain = api().endpoint("http://localhost:1").build().unwrap();
    assert_eq!(plain.proxy().map(ToString::to_string).as_deref(), Some("http://proxy.example:3128"));
    let error = api().region("cn-hangzhou").build().unwrap_err();
    assert!(error.to_string().contains("/no/such/ca.pem"), "{error}");
}

#[test]
fn certificates_come_as_a_pair() {
    refused(from_env(&[(environment::CLIENT_CERT_FILE, "a.pem")]), environment::CLIENT_KEY_FILE);
    refused(from_env(&[(environment::CLIENT_KEY_FILE, "a.pem")]), environment::CLIENT_CERT_FILE);
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_made_ready_when_it_is_needed() {
    assert!(good().build().unwrap().tls().is_none());
    assert!(good().endpoint("localhost").build().unwrap().tls().is_some());
    assert!(good().endpoint("[::1]:8883").build().unwrap().tls().is_some());
    refused(good().endpoint("mqtts://-a"), "no name that a certificate can have");
    refused(good().endpoint("localhost").ca_file("/no/such/file.pem"), "/no/such/file.pem");
    refused(
        from_env(&[(environment::ENDPOINT, "localhost"), (environment::CA_FILE, "/no/such/ca.pem")]),
        "/no/such/ca.pem",
    );
    refused(good().endpoint("localhost").system_roots(false), "no CA certificate");
    // The file may be meant for HTTPS; it is not read for a plain connection.
    assert!(good().ca_file("/no/such/file.pem").build().is_ok());
    refused(good().client_certificate_files("a", "b"), "not encrypted");
}

#[test]
fn the_version_is_a_setting_and_some_settings_need_it() {
    let secs = Duration::from_secs;
    let v5 = || good().protocol(Protocol::V5);
    let kept = || v5().clean_session(false).device_id("d");
    assert_eq!(good().build().unwrap().protocol(), Protocol::V311);
    for text in ["5", "5.0"] {
        assert_eq!(from_env(&[(environment::PROTOCOL, text)]).build().unwrap().protocol(), Protocol::V5);
    }
    assert_eq!(v5().build().unwrap().session_expiry(), None, "a clean session has none");
    assert_eq!(kept().build().unwrap().session_expiry(), Some(secs(3 * 24 * 3600)));
    for good in [1, 600, 2_147_483_647] {
        assert_eq!(kept().session_expiry(secs(good)).build().unwrap().session_expiry(), Some(secs(good)));
    }
    for bad in [Duration::ZERO, Duration::from_millis(1_500), secs(2_147_483_648)] {
        refused(kept().session_expiry(bad), "session_expiry");
    }
    refused(v5().session_expiry(secs(600)), "clean session");
    refused(good().session_expiry(secs(600)), "MQTT 5");
    refused(good().receive_maximum(10), "MQTT 5");
    refused(v5().receive_maximum(0), "receive_maximum");
    assert_eq!(v5().receive_maximum(10).build().unwrap().receive_maximum(), Some(10));
}

#[test]
fn a_message_can_be_checked_before_there_is_a_connection() {
    use crate::{Outgoing, QoS};
    let message = |topic: &str, payload: usize| Outgoing::new(topic, QoS::AtLeastOnce, vec![0; payload]);
    let with_property = message("demo/a", 1).content_type("text/plain");
    let old = good().build().unwrap();
    old.check(&message("demo/a", 65_536)).unwrap();
    for bad in [message("demo/#", 1), message("demo/a", 65_537), with_property.clone()] {
        assert_eq!(old.check(&bad).unwrap_err().kind(), ErrorKind::Invalid, "{bad:?}");
    }
    good().protocol(Protocol::V5).build().unwrap().check(&with_property).unwrap();
}
