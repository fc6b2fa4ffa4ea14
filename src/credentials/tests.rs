use std::collections::HashMap;
use std::error::Error as _;
use std::ffi::OsString;

use zeroize::Zeroizing;

use super::provider::ProviderError;
use super::*;
use crate::config::environment::{self, Variables};
use crate::error::ErrorKind;
use crate::names::ClientId;
#[cfg(feature = "openapi")]
use crate::openapi::{Api, TokenRequest};
use crate::token::TokenKind;

const INSTANCE: &str = "mqtt-xxxxx";

fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

fn login(credentials: &Credentials, client_id: &str) -> (String, String) {
    let login = credentials.login(&id(client_id), INSTANCE).unwrap();
    (login.username().to_string(), login.password().to_string())
}

fn refusal(credentials: &Credentials) -> String {
    let error = credentials.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(credentials.login(&id("GID_Test@@@0001"), INSTANCE).is_err());
    error.to_string()
}

#[test]
fn published_inputs_give_the_computed_passwords() {
    for (client_id, key, password) in [
        ("GID_Test@@@0001", "XXXXX", "vI009IZJZVGRwBwZvnbwjfuXxVM="),
        ("GID_Test@@@0001", "testsecret", "2o53J4IhwPZouH+0Qu6KWaZ6foc="),
        ("GID_test@@@test", "DC.secret", "xvOd7Q0nJnNjBZpp6lz7YToKd8M="),
    ] {
        let signature = login(&Credentials::signature("YYYYY", key), client_id);
        assert_eq!(signature, ("Signature|YYYYY|mqtt-xxxxx".to_string(), password.to_string()));
        let device = login(&Credentials::device("YYYYY", key), client_id);
        assert_eq!(device, ("DeviceCredential|YYYYY|mqtt-xxxxx".to_string(), password.to_string()));
        let custom = login(&Credentials::custom_signed("someone", key), client_id);
        assert_eq!(custom, ("someone".to_string(), password.to_string()));
    }
}

#[test]
fn tokens_are_the_password() {
    let user = "Token|YYYYY|mqtt-xxxxx".to_string();
    let one = Credentials::token("YYYYY", "R|123");
    assert_eq!(login(&one, "GID_Test@@@0001"), (user.clone(), "R|123".to_string()));
    let two = Credentials::tokens("YYYYY", [(TokenKind::Read, "123"), (TokenKind::Write, "abcd")]);
    assert_eq!(login(&two, "GID_Test@@@0001"), (user.clone(), "R|123|W|abcd".to_string()));
    let three = Credentials::token("YYYYY", "RW|a==|W|b|R|c");
    assert_eq!(login(&three, "GID_Test@@@0001"), (user, "RW|a==|W|b|R|c".to_string()));
}

#[test]
fn a_plain_custom_password_is_sent_as_it_is() {
    let custom = Credentials::custom_plain("some one", "any | text");
    let login = custom.login(&ClientId::custom("thermometer").unwrap(), INSTANCE).unwrap();
    assert_eq!((login.username(), login.password()), ("some one", "any | text"));
}

#[test]
fn only_custom_authentication_takes_an_id_without_group() {
    let client_id = ClientId::custom("thermometer").unwrap();
    assert!(Credentials::custom_signed("u", "s").login(&client_id, INSTANCE).is_ok());
    for other in [Credentials::signature("a", "b"), Credentials::device("a", "b"), Credentials::token("a", "R|b")] {
        assert_eq!(other.login(&client_id, INSTANCE).unwrap_err().kind(), ErrorKind::Config);
    }
}

#[test]
fn empty_and_malformed_values_are_refused_without_being_shown() {
    for (credentials, expected) in [
        (Credentials::signature("", "geheim"), "AccessKey id is empty"),
        (Credentials::signature("a", ""), "AccessKey secret is empty"),
        (Credentials::signature("a|b", "geheim"), "'|'"),
        (Credentials::signature("a", "geheim\n"), "line break"),
        (Credentials::signature("a ", "geheim"), "space"),
        (Credentials::device("", "geheim"), "device AccessKey id is empty"),
        (Credentials::device("a", ""), "device AccessKey secret is empty"),
        (Credentials::device("a|b", "geheim"), "'|'"),
        (Credentials::token("", "R|geheim"), "AccessKey id is empty"),
        (Credentials::token("a|b", "R|geheim"), "'|'"),
        (Credentials::token("a", ""), "token is empty"),
        (Credentials::token("a", "geheim"), "form"),
        (Credentials::token("a", "geheim|geheim"), "form"),
        (Credentials::token("a", "rw|geheim"), "form"),
        (Credentials::token("a", "R,W|geheim"), "form"),
        (Credentials::token("a", "R|geheim|W"), "form"),
        (Credentials::token("a", "R|geheim|"), "form"),
        (Credentials::token("a", "RW|"), "empty token"),
        (Credentials::token("a", "R|geheim|R|geheim"), "two tokens"),
        (Credentials::token("a", "R|geheim W|geheim"), "space"),
        (Credentials::tokens("a", [(TokenKind::Read, "gehe|im")]), "'|' within the token of the kind R"),
        (Credentials::tokens::<Token>("a", []), "token is empty"),
        (Credentials::tokens("a", [(TokenKind::Read, "geheim"), (TokenKind::Read, "x")]), "two tokens"),
        (Credentials::tokens("a", [(TokenKind::Read, "")]), "empty token"),
        (Credentials::token_provider("", || Ok(Vec::new())), "AccessKey id is empty"),
        (Credentials::custom_plain("", "geheim"), "user name is empty"),
        (Credentials::custom_plain("a", ""), "password is empty"),
        (Credentials::custom_plain("a\0", "geheim"), "NUL"),
        (Credentials::custom_signed("a", ""), "secret is empty"),
    ] {
        let text = refusal(&credentials);
        assert!(text.contains(expected), "{text} / {expected}");
        assert!(!text.contains("geheim"), "{text}");
    }
}

#[test]
fn mqtt_bounds_user_name_and_password() {
    let client_id = id("GID_Test@@@0001");
    let long = "x".repeat(65_536);
    assert!(Credentials::custom_plain("u", &long[1..]).login(&client_id, INSTANCE).is_ok());
    for bad in [Credentials::custom_plain("u", &*long), Credentials::custom_plain(&*long, "p")] {
        let error = bad.login(&client_id, INSTANCE).unwrap_err().to_string();
        assert!(error.contains("65536 bytes") && error.len() < 200, "{error}");
    }
}

#[test]
fn debug_shows_no_secret() {
    for credentials in [
        Credentials::signature("key", "geheim"),
        Credentials::device("key", "geheim"),
        Credentials::token("key", "RW|geheim"),
        Credentials::custom_plain("key", "geheim"),
        Credentials::custom_signed("key", "geheim"),
        Credentials::provider(|| Ok(Credentials::token("key", "R|geheim"))),
        Credentials::token_provider("key", || Ok(vec![Token::new(TokenKind::Read, "geheim")])),
    ] {
        let text = format!("{credentials:?} {credentials:#?}");
        assert!(!text.contains("geheim"), "{text}");
        if let Ok(login) = credentials.login(&id("GID_Test@@@0001"), INSTANCE) {
            let text = format!("{login:?}");
            assert!(!text.contains("geheim") && !text.contains(login.password()), "{text}");
        }
    }
}

#[test]
fn a_provider_is_asked_and_checked() {
    let provider = |answer: fn() -> Result<Credentials, ProviderError>| {
        let credentials = Credentials::provider(answer);
        assert!(credentials.check().is_ok());
        assert!(credentials.login(&id("GID_Test@@@0001"), INSTANCE).is_err());
        ask(&*credentials.as_provider().unwrap())
    };
    assert!(provider(|| Ok(Credentials::token("a", "R|b"))).unwrap().as_provider().is_none());
    let failed = provider(|| Err("vault is sealed".into())).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Credentials);
    assert!(failed.to_string().contains("vault is sealed") && failed.source().is_some());
    let hostile = provider(|| Err(format!("a\nb\u{1b}[2J\u{202e}{}", "x".repeat(10_000)).into())).unwrap_err();
    let shown = hostile.to_string();
    assert!(shown.contains(r"a\nb\u{1b}[2J\u{202e}xxx") && shown.len() < 500, "{shown}");
    let nested = provider(|| Ok(Credentials::provider(|| Ok(Credentials::token("a", "R|b"))))).unwrap_err();
    assert!(nested.to_string().contains("another provider"), "{nested}");
    let unusable = provider(|| Ok(Credentials::token("a", "geheim"))).unwrap_err();
    assert_eq!(unusable.kind(), ErrorKind::Credentials);
    assert!(unusable.to_string().contains("form") && !format!("{unusable:?}").contains("geheim"));
}

#[test]
fn the_environment_gives_three_modes() {
    let all = HashMap::from([
        (environment::ACCESS_KEY_ID, "ak"),
        (environment::ACCESS_KEY_SECRET, "testsecret"),
        (environment::DEVICE_ACCESS_KEY_ID, "DC.ak"),
        (environment::DEVICE_ACCESS_KEY_SECRET, "DC.secret"),
        (environment::TOKEN, "RW|abc"),
    ]);
    let read = |mode, without: &str| {
        let lookup = |name: &str| all.get(name).filter(|_| name != without).map(OsString::from);
        Credentials::read(mode, &Variables::from_lookup(lookup))
    };
    let test = "GID_Test@@@0001";
    assert_eq!(login(&read(AuthMode::Signature, "").unwrap(), test).0, "Signature|ak|mqtt-xxxxx");
    assert_eq!(login(&read(AuthMode::Device, "").unwrap(), test).0, "DeviceCredential|DC.ak|mqtt-xxxxx");
    assert_eq!(login(&read(AuthMode::Token, "").unwrap(), test).1, "RW|abc");
    for (mode, name) in [
        (AuthMode::Signature, environment::ACCESS_KEY_ID),
        (AuthMode::Signature, environment::ACCESS_KEY_SECRET),
        (AuthMode::Token, environment::ACCESS_KEY_ID),
        (AuthMode::Device, environment::DEVICE_ACCESS_KEY_ID),
        (AuthMode::Device, environment::DEVICE_ACCESS_KEY_SECRET),
    ] {
        let error = read(mode, name).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    let without = read(AuthMode::Token, environment::TOKEN).unwrap_err().to_string();
    assert!(without.contains("token mode needs a token") && without.contains(environment::TOKEN), "{without}");
    assert!(read(AuthMode::Token, environment::ACCESS_KEY_SECRET).is_ok());
}

#[test]
fn a_bad_variable_is_named_and_not_shown() {
    let lookup = |name: &str| (name != environment::SECURITY_TOKEN).then(|| OsString::from("geheim geheim"));
    for (mode, name) in [
        (AuthMode::Signature, environment::ACCESS_KEY_ID),
        (AuthMode::Token, environment::ACCESS_KEY_ID),
        (AuthMode::Device, environment::DEVICE_ACCESS_KEY_ID),
    ] {
        let text = Credentials::read(mode, &Variables::from_lookup(lookup)).unwrap_err().to_string();
        assert!(text.contains(name) && !text.contains("geheim"), "{text}");
    }
}

#[test]
fn the_mode_has_four_words() {
    let read = |word: &'static str| {
        let lookup = move |name: &str| (name == environment::AUTH).then(|| OsString::from(word));
        AuthMode::read(&Variables::from_lookup(lookup))
    };
    assert_eq!(read("signature").unwrap(), AuthMode::Signature);
    assert_eq!(read("token").unwrap(), AuthMode::Token);
    assert_eq!(read("device").unwrap(), AuthMode::Device);
    assert_eq!(read("chain").unwrap(), AuthMode::Chain);
    let text = read("Tokens").unwrap_err().to_string();
    assert!(text.contains(environment::AUTH) && text.contains("signature, token, device or chain"), "{text}");
}

#[test]
fn without_a_mode_the_keys_decide() {
    let read = |names: &[&'static str]| {
        let lookup = |name: &str| names.contains(&name).then(|| OsString::from("x"));
        AuthMode::read(&Variables::from_lookup(lookup)).unwrap()
    };
    let (chain, token) = match cfg!(feature = "openapi") {
        true => (AuthMode::Chain, AuthMode::Token),
        false => (AuthMode::Signature, AuthMode::Signature),
    };
    assert_eq!(read(&[]), chain);
    assert_eq!(read(&[environment::SECURITY_TOKEN]), chain, "half of nothing");
    assert_eq!(read(&environment::KEY), AuthMode::Signature);
    assert_eq!(read(&[environment::ACCESS_KEY_SECRET]), AuthMode::Signature, "the rest is missing");
    assert_eq!(read(&[environment::ACCESS_KEY_ID, environment::SECURITY_TOKEN]), token);
}

#[test]
fn a_temporary_key_cannot_sign_a_login() {
    let lookup = |name: &str| (name != environment::AUTH).then(|| OsString::from("geheim"));
    let error = Credentials::read(AuthMode::Signature, &Variables::from_lookup(lookup)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("a temporary AccessKey cannot sign a login"), "{error}");
    assert!(error.to_string().contains("set auth to token") && !error.to_string().contains("geheim"), "{error}");
}

#[test]
fn a_mode_is_parsed_from_the_word_it_is_displayed_as() {
    for mode in [AuthMode::Signature, AuthMode::Token, AuthMode::Device, AuthMode::Chain] {
        assert_eq!(mode.to_string().parse::<AuthMode>().unwrap(), mode);
    }
    let error = "password".parse::<AuthMode>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("\"password\"; it must be signature, token, device or chain"), "{error}");
}

#[cfg(feature = "openapi")]
#[test]
fn without_a_token_in_the_environment_one_is_applied_for() {
    let all = HashMap::from([
        (environment::ACCESS_KEY_ID, "ak"),
        (environment::ACCESS_KEY_SECRET, "geheim"),
        (environment::INSTANCE_ID, "post-cn-test"),
        (environment::TOPIC, "demo"),
        (environment::REGION_ID, "cn-hangzhou"),
    ]);
    let read = |without: &str| {
        let lookup = |name: &str| all.get(name).filter(|_| name != without).map(OsString::from);
        Credentials::read(AuthMode::Token, &Variables::from_lookup(lookup))
    };
    let credentials = read("").unwrap();
    assert!(credentials.keeps_tokens() && credentials.check().is_ok());
    assert_eq!(credentials.instance_id(), Some("post-cn-test"));
    for name in all.keys() {
        let text = read(name).unwrap_err().to_string();
        assert!(text.contains(name) && !text.contains("geheim"), "{name}: {text}");
    }
}

#[cfg(feature = "openapi")]
#[test]
fn tokens_to_apply_for_are_checked_before_anything_is_asked() {
    let api =
        Api::builder().region("cn-hangzhou").instance_id("post-cn-test").access_key("ak", "geheim").build().unwrap();
    let read = || TokenRequest::new(TokenKind::Read, ["demo/#"]);
    assert!(Credentials::apply_tokens(&api, [read()]).check().is_ok());
    for (requests, expected) in [
        (vec![], "no token"),
        (vec![read(), read()], "two tokens of the kind R"),
        (vec![TokenRequest::new(TokenKind::Write, ["#"])], "kind W"),
    ] {
        let text = Credentials::apply_tokens(&api, requests).check().unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

/// The text that `read_to_string` returns for a file saved by an editor of Windows would be refused only by the server.
#[test]
fn what_cannot_be_seen_is_no_part_of_a_key() {
    for unseen in ["\u{feff}not-a-secret", "not-a-secret\u{200b}", "not\u{2060}-a-secret"] {
        for credentials in [
            Credentials::signature("id", unseen),
            Credentials::signature(unseen, "not-a-secret"),
            Credentials::device("id", unseen),
            Credentials::token("id", format!("{unseen}|x")),
        ] {
            let error = credentials.check().unwrap_err().to_string();
            assert!(error.contains("byte order mark") && !error.contains("not-a-secret"), "{error}");
        }
    }
}

#[cfg(feature = "openapi")]
#[test]
fn credentials_of_a_chain_are_compared_by_their_places_and_their_tokens() {
    let read = |home: &'static str, topic: &'static str, mode| {
        let lookup = move |name: &str| match name {
            environment::INSTANCE_ID => Some("post-cn-test"),
            environment::REGION_ID => Some("cn-hangzhou"),
            environment::TOPIC => Some(topic),
            "HOME" => Some(home),
            _ => None,
        };
        Credentials::read(mode, &Variables::from_lookup(|name| lookup(name).map(OsString::from))).unwrap()
    };
    let chain = read("/none", "demo", AuthMode::Chain);
    assert!(chain.same(&read("/none", "demo", AuthMode::Chain)) && chain.keeps_tokens());
    for other in [
        read("/other", "demo", AuthMode::Chain),
        read("/none", "other", AuthMode::Chain),
        read("/none", "x", AuthMode::Chain),
        read("/none", "demo", AuthMode::Signature),
        read("/none", "demo", AuthMode::Token),
    ] {
        assert!(!chain.same(&other), "{other:?}");
    }
    assert_eq!((chain.instance_id(), format!("{chain:?}").as_str()), (Some("post-cn-test"), "Chain"));
}

#[test]
fn a_device_key_or_a_token_without_a_mode_is_no_login_as_the_account() {
    for (name, mode) in [
        (environment::DEVICE_ACCESS_KEY_ID, "device"),
        (environment::DEVICE_ACCESS_KEY_SECRET, "device"),
        (environment::TOKEN, "token"),
    ] {
        let with = |key: bool| {
            let variables = Variables::from_lookup(|asked| {
                (asked == name || key && asked == environment::ACCESS_KEY_ID).then(|| OsString::from("geheim"))
            });
            AuthMode::read(&variables)
        };
        let error = with(false).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(&format!("set {} to {mode}", environment::AUTH)), "{text}");
        assert_eq!(error.missing_setting(), Some("auth"));
        assert_eq!(with(true).unwrap(), AuthMode::Signature);
    }
}

#[test]
fn debug_of_a_login_has_no_password() {
    let login = Login::with_tokens("a", "post-cn-x", Zeroizing::new("RW|geheim".to_string())).unwrap();
    assert_eq!(format!("{login:?}"), r#"Login { username: "Token|a|post-cn-x", .. }"#);
}
