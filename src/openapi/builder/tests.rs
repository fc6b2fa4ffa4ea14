use std::collections::HashMap;
use std::ffi::OsString;

use super::*;
use crate::error::ErrorKind;

fn builder() -> ApiBuilder {
    Api::builder().region("cn-hangzhou").instance_id("post-cn-xxxx").access_key("id", "geheim-1")
}

fn refused(builder: ApiBuilder) -> String {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(!format!("{text}{error:?}").contains("geheim"), "{text}");
    text
}

#[test]
fn what_is_needed() {
    let api = builder().build().unwrap();
    assert_eq!((api.instance_id(), api.access_key_id()), ("post-cn-xxxx", "id"));
    assert_eq!(api.timeout(), Duration::from_secs(30));
    assert_eq!(api.with_timeout(Duration::MAX).timeout(), Duration::from_secs(3600));
    assert!(refused(Api::builder()).contains("region"));
    assert!(refused(Api::builder().region("r")).contains("instance_id"));
    assert!(refused(Api::builder().region("r").instance_id("i")).contains("access_key"));
}

#[test]
fn region_and_endpoint() {
    let address = |builder: ApiBuilder| builder.build().unwrap().endpoint();
    assert_eq!(address(builder()), "https://onsmqtt.cn-hangzhou.aliyuncs.com");
    assert_eq!(address(builder().vpc(true)), "https://onsmqtt-vpc.cn-hangzhou.aliyuncs.com");
    assert_eq!(address(builder().endpoint("http://localhost:1")), "http://localhost:1");
    let region = |builder: ApiBuilder| builder.build().unwrap().region().map(str::to_string);
    assert_eq!(region(builder().endpoint("http://localhost:1")).as_deref(), Some("cn-hangzhou"));
    let bare = Api::builder().instance_id("i").access_key("id", "s");
    assert_eq!(region(bare.clone().endpoint("http://localhost:1")), None);
    let own = bare.endpoint("https://onsmqtt.cn-beijing.aliyuncs.com");
    assert_eq!(region(own).as_deref(), Some("cn-beijing"));
    assert!(refused(builder().vpc(true).endpoint("https://host")).contains("vpc"));
    assert!(refused(builder().endpoint("http://example.com")).contains("not encrypted"));
    assert!(refused(builder().endpoint("https://u:geheim@host")).contains("access_key"));
    assert!(refused(builder().endpoint("https://-bad_-name-.")).contains("certificate"));
    assert!(refused(builder().region("Hangzhou")).contains("region"));
}

#[test]
fn values_out_of_range_are_refused() {
    let seconds = Duration::from_secs;
    assert!(refused(builder().timeout(Duration::from_millis(999))).contains("timeout"));
    assert!(refused(builder().timeout(seconds(3601))).contains("timeout"));
    assert!(refused(builder().backoff(Duration::ZERO, seconds(1))).contains("backoff min"));
    assert!(refused(builder().backoff(seconds(2), seconds(1))).contains("backoff max"));
    assert!(refused(builder().instance_id("post|cn")).contains("'|'"));
    assert!(refused(builder().access_key("id", "geheim ")).contains("secret"));
    assert!(refused(builder().access_key("id,x", "geheim")).contains("AccessKey id"));
    assert!(refused(builder().sts_key("id", "geheim", "geheim\n")).contains("security token"));
    assert!(refused(builder().sts_key("id", "geheim", "geheim\u{4e2d}")).contains("security token"));
    assert!(refused(builder().limits(Limits::default().topic_len(0))).contains("topic_len"));
    assert!(refused(builder().system_roots(false)).contains("CA certificate"));
    assert!(refused(builder().ca_file("/does/not/exist")).contains("/does/not/exist"));
}

#[test]
fn debug_hides_secrets() {
    let builder = builder().sts_key("id", "geheim-1", "geheim-2");
    let api = builder.clone().build().unwrap();
    let shown = format!("{builder:?} {api:?}");
    assert!(shown.contains("post-cn-xxxx") && shown.contains("onsmqtt") && !shown.contains("geheim"), "{shown}");
}

#[test]
fn from_the_environment() {
    let read = |changes: &[(&'static str, &'static str)]| {
        let mut variables = HashMap::from([
            (environment::REGION_ID, "cn-beijing"),
            (environment::INSTANCE_ID, "post-cn-xxxx"),
            (environment::ACCESS_KEY_ID, "id"),
            (environment::ACCESS_KEY_SECRET, "geheim"),
        ]);
        variables.extend(changes.iter().copied());
        let lookup = |name: &str| variables.get(name).map(OsString::from);
        ApiBuilder::from_vars(lookup)
    };
    let api = read(&[(environment::TIMEOUT, "7.5"), (environment::SECURITY_TOKEN, "geheim-2")]).build().unwrap();
    assert_eq!(api.timeout(), Duration::from_millis(7500));
    let key = api.key().unwrap();
    assert_eq!(key.security_token.as_deref().map(String::as_str), Some("geheim-2"));
    assert_eq!(api.endpoint(), "https://onsmqtt.cn-beijing.aliyuncs.com");
    let api = read(&[(environment::API_ENDPOINT, "http://127.0.0.1:9")]).build().unwrap();
    assert_eq!(api.endpoint(), "http://127.0.0.1:9");
    for (variable, value) in [
        (environment::REGION_ID, ""),
        (environment::REGION_ID, "No Region"),
        (environment::API_ENDPOINT, "http://example.com"),
        (environment::INSTANCE_ID, ""),
        (environment::INSTANCE_ID, "a b"),
        (environment::ACCESS_KEY_ID, ""),
        (environment::ACCESS_KEY_ID, "a b"),
        (environment::ACCESS_KEY_SECRET, ""),
        (environment::ACCESS_KEY_SECRET, "geheim x"),
        (environment::SECURITY_TOKEN, "geheim x"),
        (environment::TIMEOUT, "0"),
    ] {
        let text = refused(read(&[(variable, value)]));
        assert!(text.contains(variable), "{variable}: {text}");
    }
    assert!(refused(read(&[(environment::CA_FILE, "/no/such/ca.pem")])).contains("/no/such/ca.pem"));
}
