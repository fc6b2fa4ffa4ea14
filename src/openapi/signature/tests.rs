use std::collections::BTreeMap;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

const NONCE: &str = "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf";
const TIME: &str = "2016-02-23T12:46:24Z";

fn key(id: &str, secret: &str, security_token: Option<&str>) -> AccessKey {
    AccessKey {
        id: id.to_string(),
        secret: Zeroizing::new(secret.to_string()),
        security_token: security_token.map(|token| Zeroizing::new(token.to_string())),
    }
}

/// ApplyToken as in vectors C to H.
fn apply_token(method: &'static str, query: &'static [(&'static str, &'static str)]) -> Unsigned<'static> {
    Unsigned {
        method,
        host: "onsmqtt.cn-hangzhou.aliyuncs.com",
        action: "ApplyToken",
        query,
        form: &[],
        nonce: NONCE,
        time: TIME,
    }
}

const PARAMETERS: &[(&str, &str)] = &[
    ("Resources", "TopicA/+,TopicB/#"),
    ("InstanceId", "post-cn-0pp12gl0001"),
    ("ExpireTime", "1609434121000"),
    ("Actions", "R,W"),
];

const WITH_REGION: &[(&str, &str)] = &[
    ("RegionId", "cn-hangzhou"),
    ("Resources", "TopicA/+,TopicB/#"),
    ("InstanceId", "post-cn-0pp12gl0001"),
    ("ExpireTime", "1609434121000"),
    ("Actions", "R,W"),
];

fn signed_v2(method: &'static str, security_token: Option<&str>) -> Signed {
    sign(Signing::V2, &apply_token(method, WITH_REGION), &key("testid", "testsecret", security_token)).unwrap()
}

fn v2_signature(signed: &Signed) -> String {
    let (_, rest) = signed.query.split_once("&Signature=").unwrap();
    rest.split('&').next().unwrap().to_string()
}

fn header<'a>(signed: &'a Signed, name: &str) -> &'a str {
    signed.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str()).unwrap()
}

fn v3_signature(signed: &Signed) -> &str {
    header(signed, "authorization").split_once(",Signature=").unwrap().1
}

#[test]
fn encoding_is_that_of_rfc_3986() {
    assert_eq!(*encode("a b*c~d+e/f,g#h\u{4e2d}"), "a%20b%2Ac~d%2Be%2Ff%2Cg%23h%E4%B8%AD");
    assert_eq!(*encode("AZaz09-_.~"), "AZaz09-_.~");
    assert_eq!(*encode(""), "");
}

/// The classic value of the service's pages on the RPC signature.
#[test]
fn v2_vector_a() {
    let parameters = [
        ("Timestamp", TIME),
        ("Format", "XML"),
        ("AccessKeyId", "testid"),
        ("Action", "DescribeRegions"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", NONCE),
        ("Version", "2014-05-26"),
        ("SignatureVersion", "1.0"),
    ];
    let text = v2::string_to_sign("GET", &parameters);
    assert_eq!(
        *text,
        "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1%26\
         SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0%26\
         Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"
    );
    assert_eq!(v2::signature(&text, "testsecret").unwrap(), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
}

/// Computed with the official SDK's function.
#[test]
fn v2_vectors_c_d_e() {
    let c = signed_v2("POST", None);
    assert_eq!(
        *c.string_to_sign,
        "POST&%2F&AccessKeyId%3Dtestid%26Action%3DApplyToken%26Actions%3DR%252CW%26ExpireTime%3D1609434121000%26\
         Format%3DJSON%26InstanceId%3Dpost-cn-0pp12gl0001%26RegionId%3Dcn-hangzhou%26\
         Resources%3DTopicA%252F%252B%252CTopicB%252F%2523%26SignatureMethod%3DHMAC-SHA1%26\
         SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0%26\
         Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2020-04-20"
    );
    assert_eq!(v2_signature(&c), *encode("TrzcEQndsC36r9Wib3I1x37MGns="));
    assert_eq!(v2_signature(&signed_v2("GET", None)), *encode("4yFPfhQNFO9X7VZIaNqbXklB/4s="));
    assert_eq!(v2_signature(&signed_v2("POST", Some("sts+tok/en=="))), *encode("zfyynO40Z/oeAuzzhJBcW1BjJqY="));
}

/// The example of the service's page on the V3 signature, at two times.
#[test]
fn v3_vectors_f_f2() {
    for (time, nonce, signature) in [
        (
            "2023-10-26T10:22:32Z",
            "3156853299f313e23d1673dc12e1703d",
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
        ),
        (
            "2023-10-26T09:01:01Z",
            "d410180a5abf7fe235dd9b74aca91fc0",
            "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804",
        ),
    ] {
        let request = Unsigned {
            method: "POST",
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            query: &[("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"), ("RegionId", "cn-shanghai")],
            form: &[],
            nonce,
            time,
        };
        let signed = v3::sign(&request, &key("YourAccessKeyId", "YourAccessKeySecret", None), "2014-05-26").unwrap();
        if time.starts_with("2023-10-26T10") {
            let hash = "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259";
            assert_eq!(*signed.string_to_sign, format!("ACS3-HMAC-SHA256\n{hash}"));
        }
        assert_eq!(v3_signature(&signed), signature);
        assert_eq!(
            header(&signed, "authorization").split(",Signature=").next().unwrap(),
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;\
             x-acs-date;x-acs-signature-nonce;x-acs-version"
        );
    }
}

/// Computed apart from this library.
#[test]
fn v3_vectors_g_h() {
    let request = apply_token("POST", PARAMETERS);
    let g = sign(Signing::V3, &request, &key("testid", "testsecret", None)).unwrap();
    let hash = "4f9b41ffc6c196208674597006a246fefb0b2462c3ede19a4d3b4ba628feb870";
    assert_eq!(*g.string_to_sign, format!("ACS3-HMAC-SHA256\n{hash}"));
    assert_eq!(v3_signature(&g), "7b0e5fb5ad5d76a9028da4a1571e63a72f6160e89ec6d1ca2b0c1ef2a2ffe011");
    let h = sign(Signing::V3, &request, &key("testid", "testsecret", Some("sts+tok/en=="))).unwrap();
    assert_eq!(v3_signature(&h), "a93fb99371a77600eb41794851d2cd08f412f1ac38ae1f00e50c4f509a7276dc");
    assert_eq!(header(&h, "x-acs-security-token"), "sts+tok/en==");
}

#[test]
fn a_form_is_sent_and_signed_by_both() {
    let request = Unsigned { form: &[("Secret", "a b"), ("B", "c")], ..apply_token("POST", &[]) };
    for signing in [Signing::V2, Signing::V3] {
        let signed = sign(signing, &request, &key("id", "secret", None)).unwrap();
        assert_eq!(*signed.body, "B=c&Secret=a%20b");
        assert_eq!(header(&signed, "content-type"), "application/x-www-form-urlencoded");
        assert!(!signed.query.contains("Secret"));
    }
    let v2 = sign(Signing::V2, &request, &key("id", "secret", None)).unwrap();
    assert!(v2.string_to_sign.contains("%26Secret%3Da%2520b%26"), "{}", *v2.string_to_sign);
    let v3 = sign(Signing::V3, &request, &key("id", "secret", None)).unwrap();
    assert!(header(&v3, "authorization").contains("SignedHeaders=content-type;host;"));
}

/// Slow and obvious: byte by byte, by the text of the rule.
fn slow_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte as char),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

fn slow_query(parameters: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| slow_encode(name) + "=" + &slow_encode(value)).collect();
    pairs.join("&")
}

/// Values with everything that could go wrong.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[*~+/ %&=#,?\u{4e2d}\u{1f600}a.-]{0,12}", any::<String>()]
}

/// Names that are easily mistaken for one another.
fn parameters() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("(List\\.[0-9]{1,2}|[aA][a-zA-Z.~_-]{0,3}|\\PC{1,6})", value(), 0..8)
}

fn borrowed(parameters: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    // Not in the required order.
    parameters.iter().rev().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

proptest! {
    // A failure shows its smallest input; no file is written into the source tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn encoding_is_the_slow_one(text in value()) {
        prop_assert_eq!(encode(&text).to_string(), slow_encode(&text));
    }

    #[test]
    fn string_to_sign_is_the_slow_one(parameters in parameters()) {
        let expected = ["POST&%2F&", &slow_encode(&slow_query(&parameters))].concat();
        prop_assert_eq!(v2::string_to_sign("POST", &borrowed(&parameters)).to_string(), expected);
    }

    #[test]
    fn canonical_request_is_the_slow_one(parameters in parameters(), token in "[!-~]{1,20}", form in parameters()) {
        let key = key("id", "secret", Some(&token));
        let (query, form_fields) = (borrowed(&parameters), borrowed(&form));
        let request = Unsigned { query: &query, form: &form_fields, ..apply_token("POST", &[]) };
        let signed = sign(Signing::V3, &request, &key).unwrap();
        prop_assert_eq!(signed.query.as_str(), slow_query(&parameters));
        prop_assert_eq!(signed.body.as_str(), slow_query(&form));
        let hash = hex(&Sha256::digest(slow_query(&form).as_bytes()));
        let mut headers = BTreeMap::from([
            ("host", "onsmqtt.cn-hangzhou.aliyuncs.com"),
            ("x-acs-accesskey-id", "id"),
            ("x-acs-action", "ApplyToken"),
            ("x-acs-content-sha256", &hash),
            ("x-acs-date", TIME),
            ("x-acs-security-token", &token),
            ("x-acs-signature-nonce", NONCE),
            ("x-acs-version", "2020-04-20"),
        ]);
        if !form.is_empty() {
            headers.insert("content-type", "application/x-www-form-urlencoded");
        }
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<_> = headers.keys().copied().collect();
        let canonical = format!("POST\n/\n{}\n{lines}\n{}\n{hash}", slow_query(&parameters), names.join(";"));
        let expected = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        prop_assert_eq!(signed.string_to_sign.as_str(), expected);
        // Exactly these are sent, besides the host and the signature.
        let mut sent: Vec<_> = signed.headers.iter().map(|(name, _)| *name).collect();
        sent.retain(|name| *name != "authorization");
        sent.push("host");
        sent.sort_unstable();
        prop_assert_eq!(sent, names);
    }
}
