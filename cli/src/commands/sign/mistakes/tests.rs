//! Each mistake is named, and nothing else is.

use aliyun_mqtt::Credentials;

use super::*;

/// Of the Signature page (help.aliyun.com/document_detail/48271.html), as far as it gives values.
const SECRET: &str = "XXXXX";

fn with<T>(credentials: Credentials, secret: &str, others: &[&str], look: impl FnOnce(&Right<'_>) -> T) -> T {
    let builder = Config::builder().endpoint("mqtt://localhost").instance_id("mqtt-xxxxx");
    let config = builder.group_id("GID_Test").device_id("0001").credentials(credentials).build().unwrap();
    let login = config.credentials().login(config.client_id(), config.instance_id()).unwrap();
    let others: Vec<String> = others.iter().map(|other| (*other).to_string()).collect();
    look(&Right { config: &config, login: &login, secret, others: &others })
}

fn signed<T>(look: impl FnOnce(&Right<'_>) -> T) -> T {
    with(Credentials::signature("YYYYY", SECRET), SECRET, &["GID_Other@@@1"], look)
}

#[test]
fn the_right_password_has_no_mistake() {
    signed(|right| {
        assert_eq!(right.mistake_of(Auth::Signature, "vI009IZJZVGRwBwZvnbwjfuXxVM="), None);
        // The search finds it as well, with nothing wrong.
        assert_eq!(right.search("vI009IZJZVGRwBwZvnbwjfuXxVM="), Some(Vec::new()));
    });
}

/// Values by Python's hmac, base64 and binascii.
#[test]
fn mistakes_are_named() {
    let cases = [
        ("bc8d34f48649655191c01c19be76f08dfb97c553", "hexadecimal, not base64"),
        ("BC8D34F48649655191C01C19BE76F08DFB97C553", "hexadecimal, not base64"),
        ("YmM4ZDM0ZjQ4NjQ5NjU1MTkxYzAxYzE5YmU3NmYwOGRmYjk3YzU1Mw==", "base64 of the hexadecimal"),
        ("vI009IZJZVGRwBwZvnbwjfuXxVM", "without its ="),
        ("vI009IZJZVGRwBwZvnbwjfuXxVM%3D", "percent-encoded"),
        (" vI009IZJZVGRwBwZvnbwjfuXxVM=\n", "white space around"),
        ("\"vI009IZJZVGRwBwZvnbwjfuXxVM=\"", "quotation marks"),
        ("XXXXX", "the secret itself"),
        ("RW|not-a-token", "it is a token"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "another secret or for another client id"),
        ("something", "not a signature"),
    ];
    signed(|right| {
        for (given, word) in cases {
            let mistake = right.mistake_of(Auth::Signature, given).unwrap();
            assert!(mistake.contains(word), "{given}: {mistake}");
            assert!(!mistake.contains(SECRET), "{mistake}");
        }
    });
}

#[test]
fn what_was_signed_and_with_what_is_named() {
    let sign = |key: &str, text: &str| STANDARD.encode(&*hmac::<Hmac<Sha1>>(key, text));
    let sign256 = |key: &str, text: &str| STANDARD.encode(&*hmac::<Hmac<Sha256>>(key, text));
    let id = "GID_Test@@@0001";
    signed(|right| {
        for (given, words) in [
            (sign("XXXXX\n", id), &["line end"][..]),
            (sign("XXXXX ", id), &["space behind"]),
            (sign("XXXXX&", id), &["&"]),
            (sign("YYYYY", id), &["AccessKey id was used as the secret"]),
            (sign("XXXXX", "GID_Test"), &["group id alone"]),
            (sign("XXXXX", "0001"), &["device id alone"]),
            (sign("XXXXX", "GID_Test@0001"), &["single @"]),
            (sign("XXXXX", "GID_Other@@@1"), &["the client id GID_Other@@@1 was signed"]),
            (sign("XXXXX", "gid_test@@@0001"), &["lower case"]),
            (sign("XXXXX", "Signature|YYYYY|mqtt-xxxxx"), &["the user name"]),
            (sign256("XXXXX", id), &["HMAC-SHA256"]),
            (sign256("XXXXX\n", "GID_Test"), &["HMAC-SHA256", "line end", "group id alone"]),
        ] {
            let mistake = right.mistake_of(Auth::Signature, &given).unwrap();
            assert!(words.iter().all(|word| mistake.contains(word)), "{words:?}: {mistake}");
            assert_eq!(mistake.matches("; ").count() + 1, words.len(), "{mistake}");
        }
    });
}

#[test]
fn url_letters_are_told_where_they_make_a_difference() {
    // Its base64 has a + and a /: 2o53J4IhwPZouH+0Qu6KWaZ6foc= has the former.
    with(Credentials::device("DC.1", "testsecret"), "testsecret", &[], |right| {
        assert_eq!(right.mistake_of(Auth::Device, "2o53J4IhwPZouH+0Qu6KWaZ6foc="), None);
        let mistake = right.mistake_of(Auth::Device, "2o53J4IhwPZouH-0Qu6KWaZ6foc=").unwrap();
        assert!(mistake.contains("alphabet for URLs"), "{mistake}");
    });
}

#[test]
fn tokens_are_compared_in_any_order() {
    with(Credentials::token("YYYYY", "R|123|W|abcd"), "R|123|W|abcd", &[], |right| {
        for given in ["R|123|W|abcd", "W|abcd|R|123"] {
            assert_eq!(right.mistake_of(Auth::Token, given), None, "{given}");
        }
        for (given, word) in [
            ("R|123|W|abcd\n", "white space"),
            ("123", "without its kind"),
            ("RW|123", "other kinds"),
            ("R|123", "other kinds"),
            ("R|other", "not the configured token"),
            ("R|", "form of tokens"),
            ("password", "form of tokens"),
        ] {
            let mistake = right.mistake_of(Auth::Token, given).unwrap();
            assert!(mistake.contains(word), "{given}: {mistake}");
        }
    });
}

#[test]
fn a_plain_password_is_not_signed() {
    with(Credentials::custom_plain("user", SECRET), SECRET, &[], |right| {
        assert_eq!(right.mistake_of(Auth::CustomPlain, SECRET), None);
        for (given, word) in
            [("XXXXX ", "white space"), ("vI009IZJZVGRwBwZvnbwjfuXxVM=", "custom-signed"), ("x", "not the configured")]
        {
            let mistake = right.mistake_of(Auth::CustomPlain, given).unwrap();
            assert!(mistake.contains(word), "{given}: {mistake}");
        }
    });
}

#[test]
fn the_parts_of_a_user_name_are_told_apart() {
    let right = "Signature|YYYYY|mqtt-xxxxx";
    assert!(of_user(right, right).is_empty());
    for (given, words) in [
        ("Signature|YYYYY|mqtt-xxxxx ", &["white space"][..]),
        ("Signature｜YYYYY｜mqtt-xxxxx", &["full-width"]),
        ("YYYYY", &["1 parts"]),
        ("signature|YYYYY|mqtt-xxxxx", &["first part"]),
        ("Signature|YYYYY|mqtt-yyyyy", &["third part is not the instance id mqtt-xxxxx"]),
        ("Token|ZZZZZ|mqtt-xxxxx", &["first part", "second part is not the AccessKey id YYYYY"]),
    ] {
        let causes = of_user(given, right);
        assert_eq!(causes.len(), words.len(), "{causes:?}");
        assert!(causes.iter().zip(words).all(|(cause, word)| cause.contains(word)), "{causes:?}");
    }
    assert!(of_user("other", "camera-1")[0].contains("camera-1"));
}
