//! The order of the places.

use super::*;

#[test]
fn the_places_are_asked_in_the_order_of_the_official_sdks() {
    let (home, emulator) = (Home::new(), emulator());
    let token = home.write("oidc-token", "geheim-oidc\n");
    let api = emulator.api_endpoint();
    let uri = format!("{api}/credentials");
    let mut variables = vec![
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id-env"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "geheim-env"),
        ("ALIBABA_CLOUD_ROLE_ARN", ARN),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER_ARN),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token),
        ("ALIYUN_MQTT_STS_ENDPOINT", &api),
        ("ALIYUN_MQTT_METADATA_ENDPOINT", &api),
        ("ALIBABA_CLOUD_CREDENTIALS_URI", &uri),
    ];
    let config = r#"{"current":"x","profiles":[{"name":"x","mode":"AK","access_key_id":"id-json",
        "access_key_secret":"geheim-json"}]}"#;
    home.write(".aliyun/config.json", config);
    let ini = "[default]\ntype = access_key\naccess_key_id = id-ini\naccess_key_secret = geheim-ini\n";
    home.write(".alibabacloud/credentials.ini", ini);

    let found = |variables: &[(&str, &str)]| {
        let key = home.chain(variables).find().expect("a key");
        assert!(key.passed_over().is_empty(), "{:?}", key.passed_over());
        (key.provider().to_string(), key.is_temporary(), key.expires().is_some())
    };
    let expect = |provider: &str, temporary| (provider.to_string(), temporary, temporary);
    assert_eq!(found(&variables), expect("env", false));
    variables.retain(|(name, _)| !name.starts_with("ALIBABA_CLOUD_ACCESS_KEY"));
    assert_eq!(found(&variables), expect("oidc_role_arn", true));
    variables.retain(|(name, _)| !name.contains("OIDC"));
    assert_eq!(found(&variables), expect("cli_profile/static_ak", false));
    let disabled = [&variables[..], &[("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "True")]].concat();
    assert_eq!(found(&disabled), expect("profile/static_ak", false));
    home.remove(".aliyun/config.json");
    assert_eq!(found(&variables), expect("profile/static_ak", false));
    home.remove(".alibabacloud/credentials.ini");
    assert_eq!(found(&variables), expect("ecs_ram_role", true));
    let disabled = [&variables[..], &[("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "TRUE")]].concat();
    assert_eq!(found(&disabled), expect("credential_uri", true));
    let nothing = refusal(&home.chain(&[]));
    for place in Source::ALL {
        assert!(nothing.to_string().contains(place.title()), "{nothing}");
    }
    assert_eq!(nothing.missing_setting(), Some("access_key_id"));
    assert!(nothing.hint().is_some_and(|hint| hint.contains("RAM role")));
}

#[test]
fn the_environment_has_a_permanent_or_a_temporary_key() {
    let home = Home::new();
    let mut variables = vec![("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "geheim")];
    let key = home.chain(&variables).find().expect("a key");
    assert_eq!((key.access_key_id(), secret(&key), key.is_temporary()), ("id", ("geheim", None), false));
    assert!(key.place().contains("ALIBABA_CLOUD_ACCESS_KEY_ID"));
    variables.push(("ALIBABA_CLOUD_SECURITY_TOKEN", "geheim-token"));
    let key = home.chain(&variables).find().expect("a key");
    assert_eq!((secret(&key), key.is_temporary(), key.expires()), (("geheim", Some("geheim-token")), true, None));
    let shown = format!("{key:?}");
    assert!(shown.contains("id") && !shown.contains("geheim"), "{shown}");
}

#[test]
fn a_broken_place_is_passed_over_and_named() {
    let (home, emulator) = (Home::new(), emulator());
    let uri = format!("{}/credentials", emulator.api_endpoint());
    home.write(".aliyun/config.json", "{");
    home.write(".alibabacloud/credentials", "[default]\ntype = access_key\naccess_key_id = id\n");
    let variables = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "half"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/there/is/none"),
        ("ALIBABA_CLOUD_CREDENTIALS_URI", &uri),
    ];
    let key = home.chain(&variables).find().expect("a key");
    assert_eq!(key.provider(), "credential_uri");
    for (reason, part) in key.passed_over().iter().zip([
        "the environment: the environment variable ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set",
        "the OIDC role: the environment variable ALIBABA_CLOUD_ROLE_ARN is not set",
        "config.json is not a JSON object",
        "it has no access_key_secret",
    ]) {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(key.passed_over().len(), 4);
    // The official SDKs take keys of these from each other's files as little.
    let alone = home.chain(&[("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "geheim")]);
    assert!(refusal(&alone).to_string().contains("it has no access_key_secret"));
}

#[test]
fn reasons_have_neither_stage_nor_hint_and_one_broken_place_is_the_cause() {
    let home = Home::new();
    let (_kept, uri) = nobody();
    let error = refusal(&home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", &uri)]));
    assert!(error.message().contains("; the credentials URI: cannot connect to http://127.0.0.1:"), "{error}");
    assert!(error.is_retryable() && error.hint_key() != Some("key-chain"), "{error}");
    let shown = error.to_string();
    assert_eq!((shown.matches("(stage: ").count(), shown.matches("(hint: ").count()), (1, 1), "{error}");
    home.write(".aliyun/config.json", "{");
    let error = refusal(&home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", &uri)]));
    assert!(error.is_retryable() && error.hint_key() == Some("key-chain"), "{error}");
    // One that stays as it is: the file.
    let error = refusal(&home.chain(&[]));
    assert!(!error.is_retryable() && std::error::Error::source(&error).is_some(), "{error}");
    assert_eq!(error.hint_key(), Some("key-chain"));
}

#[test]
fn without_a_home_there_are_no_files() {
    let off = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    let chain = AccessKeyChain::from_vars(|name| (name == off.0).then_some(off.1));
    let error = refusal(&chain);
    for file in ["~/.aliyun/config.json", "~/.alibabacloud/credentials"] {
        assert!(error.message().contains(&format!("{file} (HOME is not set)")), "{error}");
    }
}

#[test]
fn an_invalid_setting_of_this_library_is_an_error_and_not_passed_over() {
    let home = Home::new();
    let key = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "geheim")];
    let chain = home.chain(&[&key[..], &[("ALIYUN_MQTT_PROXY", "ftp://user:geheim@x")]].concat());
    for _ in 0..2 {
        let error = chain.find().expect_err("an invalid proxy");
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Config, Some(Fate::NotSent)), "{error}");
        assert!(error.message().starts_with("ALIYUN_MQTT_PROXY: ") && !error.message().contains("geheim"), "{error}");
    }
    assert!(!chain.doubted() && !chain.same(&chain.clone()));
    assert!(chain.with_network(Network::new()).find().is_ok());
    assert!(chain.with_network(Network::new().proxy("ftp://x")).find().is_err());

    // What Alibaba Cloud's SDKs would reach without these settings is not replaced by the key of a later place.
    home.write(".alibabacloud/credentials", "[default]\ntype=access_key\naccess_key_id=id\naccess_key_secret=geheim\n");
    let token = home.write("oidc-token", "geheim-oidc");
    let role = [
        ("ALIBABA_CLOUD_ROLE_ARN", ARN),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER_ARN),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token.as_str()),
    ];
    let shared = [("ALIYUN_MQTT_PROXY", "env"), ("all_proxy", "socks5://x")];
    for (more, part) in [
        (&[("ALIYUN_MQTT_CA_FILE", "/there/is/none")][..], "/there/is/none"),
        (&shared, "all_proxy: socks5:// proxies are not supported"),
        (&[("ALIYUN_MQTT_STS_ENDPOINT", "http://sts.example")], "ALIYUN_MQTT_STS_ENDPOINT: "),
    ] {
        let error = refusal(&home.chain(&[&role[..], more].concat()));
        assert!(error.message().starts_with("the AccessKey of the OIDC role cannot be used: "), "{error}");
        assert!(error.message().contains(part), "{error}");
    }
    let other = [("ALIBABA_CLOUD_STS_REGION", "no region")];
    let key = home.chain(&[&role[..], &other].concat()).find().expect("a key");
    assert!(key.passed_over()[0].contains("ALIBABA_CLOUD_STS_REGION: "), "{:?}", key.passed_over());
}

#[test]
fn a_place_whose_key_only_the_official_sdks_could_use_is_an_error() {
    let home = Home::new();
    let ini = "[default]\ntype = access_key\naccess_key_id = id-ini\naccess_key_secret = geheim-ini\n";
    home.write(".alibabacloud/credentials", ini);
    for (config, part) in [
        (r#"{"name":"x","mode":"CloudSSO"}"#, "the mode CloudSSO, which this library cannot use"),
        (r#"{"name":"x","mode":"OAuth"}"#, "OAuth"),
        (r#"{"name":"x","mode":"External","process_command":"geheim"}"#, "External"),
        (r#"{"name":"x","mode":"ChainableRamRoleArn","source_profile":"y"},{"name":"y","mode":"OAuth"}"#, "OAuth"),
        (r#"{"name":"x","mode":"AK","access_key_id":"a b","access_key_secret":"geheim"}"#, "a space"),
    ] {
        home.write(".aliyun/config.json", &format!(r#"{{"current":"x","profiles":[{config}]}}"#));
        let error = refusal(&home.chain(&[]));
        assert!(error.to_string().contains(part), "{error}");
    }
    home.write(".aliyun/config.json", r#"{"current":"x","profiles":[{"name":"x","mode":"unheard-of"}]}"#);
    let key = home.chain(&[]).find().expect("a key");
    assert_eq!((key.access_key_id(), key.passed_over().len()), ("id-ini", 1));
    home.remove(".aliyun/config.json");
    home.write(".alibabacloud/credentials", "[default]\ntype = rsa_key_pair\n");
    assert!(refusal(&home.chain(&[])).to_string().contains("rsa_key_pair"));
    let odd = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "i,d"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "geheim")];
    assert!(refusal(&home.chain(&odd)).to_string().contains("the environment"));
}
