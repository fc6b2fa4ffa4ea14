use std::time::UNIX_EPOCH;

use super::*;

const SECRET: &str = "geheim+/=";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn response(status: u16, body: &str) -> Response {
    Response { status, body: Zeroizing::new(body.into()), date: None, retry_after: None, redirect: None }
}

fn ask(response: &Response) -> Result<Map<String, Value>> {
    let context = CallContext { action: "X", secrets: vec![SECRET], string_to_sign: "POST&%2F&own text", now: now() };
    read(response, &context)
}

fn error(response: &Response) -> Error {
    let error = ask(response).unwrap_err();
    let shown = format!("{error} {error:?}");
    for hidden in ["geheim", "own text", "Signature="] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("(stage: api)") && error.stage() == Some(crate::Stage::Api), "{shown}");
    error
}

#[test]
fn a_result_is_an_object_with_a_request_id() {
    assert!(ask(&response(200, r#"{"RequestId":"A","Token":"t"}"#)).is_ok());
    assert!(ask(&response(200, r#" {"RequestId":"A","Success":"true","Code":200}"#)).is_ok());
    assert!(ask(&response(200, r#"{"RequestId":"A","Code":"OK"}"#)).is_ok());
    let error = error(&response(200, r#"{"hello":"geheim+/="}"#));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Protocol, Some(Fate::Unknown)));
    assert!(error.to_string().contains("RequestId"), "{error}");
}

#[test]
fn a_fault_has_its_parts() {
    let error = error(&response(404, r#"{"Code":"ApiNotSupport","Message":"no","RequestId":"ABC","HostId":"x"}"#));
    let fault = error.api().unwrap();
    assert_eq!((fault.http_status(), fault.code()), (404, Some("ApiNotSupport")));
    assert_eq!((fault.message(), fault.request_id()), (Some("no"), Some("ABC")));
    assert_eq!((error.kind(), error.fate(), error.is_retryable()), (ErrorKind::Api, Some(Fate::Refused), false));
    assert!(error.to_string().starts_with("X failed: HTTP 404, ApiNotSupport: no [request id ABC] (stage: api)"));
    assert!(error.hint().unwrap().contains("operation"));
}

#[test]
fn every_documented_code_has_a_hint() {
    for code in [
        "ApiNotSupport",
        "ApplyTokenOverFlow",
        "CheckAccountInfoFailed",
        "InstancePermissionCheckFailed",
        "PermissionCheckFailed",
        "ParameterCheckFailed",
        "InvalidParameter.Topic",
        "Throttling.User",
        "InvalidAccessKeyId.NotFound",
        "InvalidTimeStamp.Expired",
        "SignatureNonceUsed",
    ] {
        let error = error(&response(400, &format!(r#"{{"Code":"{code}","RequestId":"A"}}"#)));
        assert!(error.hint().is_some(), "{code}");
    }
    let error = error(&response(500, r#"{"Code":"InternalError","RequestId":"A"}"#));
    assert!(error.hint().is_some() && error.is_retryable() && error.fate() == Some(Fate::Unknown));
}

#[test]
fn failures_with_status_200() {
    for body in [
        r#"{"Code":"ParameterCheckFailed","Message":"no","RequestId":"A"}"#,
        r#"{"Success":false,"Code":"x","RequestId":"A"}"#,
        r#"{"Success":"false","RequestId":"A"}"#,
        r#"{"code":400,"message":"no"}"#,
    ] {
        let error = error(&response(200, body));
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Api, Some(Fate::Refused)), "{body}");
        assert_eq!(error.api().unwrap().http_status(), 200);
    }
}

#[test]
fn bodies_that_are_no_answer() {
    for (body, what) in [
        ("", "empty body"),
        ("  \n", "empty body"),
        ("<html><head><TITLE>Log in\r\n</TITLE>", "titled \"Log in\""),
        ("<html><title>no /?Signature=x&Token=geheim</title>", "a page"),
        ("<html>/?Signature=geheim+/=", "a page"),
        (r#"{"Token":"geheim"#, "incomplete JSON: it ends after 16 bytes"),
        ("geheim geheim", "13 bytes that are not JSON"),
        (r#"["geheim"]"#, "not an object"),
        ("\u{1}\u{2}", "2 bytes"),
    ] {
        let good = error(&response(200, body));
        assert_eq!((good.kind(), good.fate()), (ErrorKind::Protocol, Some(Fate::Unknown)));
        assert!(good.to_string().contains(what), "{good}");
        let bad = error(&response(502, body));
        assert_eq!((bad.kind(), bad.fate()), (ErrorKind::Api, Some(Fate::Unknown)));
        assert!(bad.to_string().contains(what) && bad.to_string().contains("HTTP 502"), "{bad}");
    }
}

#[test]
fn a_redirect_names_the_host_only() {
    let response = Response { redirect: Some("login.example.com".to_string()), ..response(302, "") };
    let error = error(&response);
    assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("login.example.com"), "{error}");
}

#[test]
fn messages_are_cleaned() {
    let twice = encode(&encode(SECRET));
    let body = format!(
        r#"{{"Code":"C","Message":"bad geheim+/= geheim%2B%2F%3D {}\n\u001b[31m{}"}}"#,
        *twice,
        "x".repeat(400)
    );
    let failed = error(&response(400, &body));
    let message = failed.api().unwrap().message().unwrap();
    assert!(message.starts_with("bad *** *** ***  [31mxxx") && message.ends_with("x..."), "{message}");
    assert!(message.len() < 310);
    let body = r#"{"Code":"C\u202e","Message":"a\r\nb\u2028c\u202etxt\u009b","RequestId":"R\ufeff"}"#;
    let shown = error(&response(400, body)).to_string();
    assert!(shown.contains(r"C\u{202e}: a  b c\u{202e}txt [request id R\u{feff}]"), "{shown}");
}

#[test]
fn a_wrong_signature_has_two_causes() {
    let hint = |message: &str| {
        let body = serde_json::json!({"Code": "SignatureDoesNotMatch", "Message": message, "RequestId": "A"});
        let error = error(&response(400, &body.to_string()));
        error.hint().unwrap().to_string()
    };
    assert!(hint("not matched. server string to sign is:POST&%2F&own text").contains("secret is wrong"));
    assert!(hint("not matched. server StringToSign is [POST&%2F&own\n text] server Canonical").contains("wrong"));
    assert!(hint("not matched. server string to sign is:POST&%2F&other").contains("on their way"));
    assert!(hint("not matched").contains("secret of this AccessKey id"));
}

#[test]
fn a_wrong_clock_is_told() {
    let hint = |server: SystemTime| {
        let response = Response { date: Some(server), ..response(400, r#"{"Code":"C"}"#) };
        error(&response).hint().map(str::to_string)
    };
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(hint(now() + minutes(5)), None);
    assert_eq!(hint(now() - minutes(5)), None);
    assert!(hint(now() + minutes(6)).unwrap().contains("6 min behind"));
    assert!(hint(now() - minutes(180)).unwrap().contains("3 h ahead of"));
    assert!(hint(now() - minutes(9_000)).unwrap().contains("6 days ahead of"));
    // A successful response has no hint about clocks.
    let good = Response { date: Some(UNIX_EPOCH), ..response(200, r#"{"RequestId":"A"}"#) };
    assert!(ask(&good).is_ok());
}
