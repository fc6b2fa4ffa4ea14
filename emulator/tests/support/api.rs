//! Calls of the OpenAPI over a raw stream, signed step by step as documented.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aliyun_mqtt_emulator::Emulator;
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Digest as _;

use super::LONG;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    V2,
    V3,
}

/// A call before it is signed. A test changes the fields that it wants to be wrong.
#[derive(Clone)]
pub struct Call {
    pub signed: Signed,
    pub method: &'static str,
    pub path: &'static str,
    /// Parameters of the action go into a form body, not into the query.
    pub in_body: bool,
    pub action: String,
    pub version: String,
    pub parameters: Vec<(String, String)>,
    pub key: String,
    pub secret: String,
    pub security_token: Option<String>,
    pub timestamp: String,
    pub nonce: String,
    /// Common parameters or headers not to send.
    pub without: Vec<&'static str>,
    /// Common parameters (V2) to send with another value; signed like that.
    pub instead: Vec<(&'static str, &'static str)>,
    /// V3: headers that are sent but not signed.
    pub unsigned: Vec<&'static str>,
    /// V3: the body whose hash is sent, if it is another.
    pub hashed_body: Option<&'static str>,
}

pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["Code"].as_str().unwrap_or("")
    }

    pub fn message(&self) -> &str {
        self.body["Message"].as_str().unwrap_or("")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Expects a successful response.
    pub fn fine(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(self.body["RequestId"].as_str().is_some_and(|id| id.len() == 36), "{}", self.body);
        self.body
    }

    /// Expects this error, in the documented form.
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        for field in ["RequestId", "Code", "Message", "HostId"] {
            assert!(self.body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {}", self.body);
        }
    }
}

/// A call to this emulator with its first key, by POST, parameters in the query; the instance id is given.
pub fn call(emulator: &Emulator, signed: Signed, action: &str, parameters: &[(&str, &str)]) -> Call {
    let mut all = vec![("InstanceId".to_owned(), emulator.instance_id().to_owned())];
    all.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Call {
        signed,
        method: "POST",
        path: "/",
        in_body: false,
        action: action.into(),
        version: "2020-04-20".into(),
        parameters: all,
        key: emulator.access_key_id().into(),
        secret: emulator.access_key_secret().into(),
        security_token: None,
        timestamp: utc(SystemTime::now()),
        nonce: nonce(),
        without: vec![],
        instead: vec![],
        unsigned: vec![],
        hashed_body: None,
    }
}

/// Makes a call of V3 and returns its answer.
pub fn ask(emulator: &Emulator, action: &str, parameters: &[(&str, &str)]) -> Answer {
    call(emulator, Signed::V3, action, parameters).send(emulator)
}

impl Call {
    pub fn send(&self, emulator: &Emulator) -> Answer {
        exchange(&mut connect(emulator), &self.bytes(&emulator.api_addr().to_string()))
    }

    /// The whole HTTP request.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        match self.signed {
            Signed::V2 => self.v2(host).0,
            Signed::V3 => self.v3(host),
        }
    }

    /// The string to sign of V2.
    pub fn string_to_sign(&self) -> String {
        self.v2("").1
    }

    fn v2(&self, host: &str) -> (Vec<u8>, String) {
        let mut common = vec![
            ("Action", self.action.clone()),
            ("Version", self.version.clone()),
            ("Format", "JSON".into()),
            ("AccessKeyId", self.key.clone()),
            ("SignatureMethod", "HMAC-SHA1".into()),
            ("SignatureVersion", "1.0".into()),
            ("SignatureNonce", self.nonce.clone()),
            ("Timestamp", self.timestamp.clone()),
        ];
        if let Some(token) = &self.security_token {
            common.push(("SecurityToken", token.clone()));
        }
        common.retain(|(name, _)| !self.without.contains(name));
        for (name, value) in &self.instead {
            common.iter_mut().find(|(known, _)| known == name).unwrap().1 = (*value).into();
        }
        let mut signed: Vec<_> = common.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        signed.extend(self.parameters.clone());
        signed.sort();
        let string_to_sign = format!("{}&%2F&{}", self.method, encode(&joined(&signed)));
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(format!("{}&", self.secret).as_bytes()).unwrap();
        mac.update(string_to_sign.as_bytes());
        let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        if !self.without.contains(&"Signature") {
            common.push(("Signature", signature));
        }
        let common: Vec<_> = common.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (query, body) = if self.in_body {
            (joined(&common), joined(&self.parameters))
        } else {
            (joined(&[common, self.parameters.clone()].concat()), String::new())
        };
        let mut headers = vec![("host".to_owned(), host.to_owned())];
        if self.in_body {
            headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        }
        (self.http(&query, &headers, &body), string_to_sign)
    }

    fn v3(&self, host: &str) -> Vec<u8> {
        let mut sorted = self.parameters.clone();
        sorted.sort();
        let (query, body) =
            if self.in_body { (String::new(), joined(&sorted)) } else { (joined(&sorted), String::new()) };
        let body_hash = hex(&sha2::Sha256::digest(self.hashed_body.unwrap_or(&body)));
        let mut headers = vec![
            ("host", host.to_owned()),
            ("x-acs-action", self.action.clone()),
            ("x-acs-version", self.version.clone()),
            ("x-acs-date", self.timestamp.clone()),
            ("x-acs-signature-nonce", self.nonce.clone()),
            ("x-acs-content-sha256", body_hash.clone()),
        ];
        if self.in_body {
            headers.push(("content-type", "application/x-www-form-urlencoded".into()));
        }
        if let Some(token) = &self.security_token {
            headers.push(("x-acs-accesskey-id", self.key.clone()));
            headers.push(("x-acs-security-token", token.clone()));
        }
        headers.retain(|(name, _)| !self.without.contains(name));
        headers.sort();
        let mut lines = String::new();
        let mut names = Vec::new();
        for (name, value) in headers.iter().filter(|(name, _)| !self.unsigned.contains(name)) {
            lines += &format!("{name}:{value}\n");
            names.push(*name);
        }
        let names = names.join(";");
        let canonical = format!("{}\n/\n{query}\n{lines}\n{names}\n{body_hash}", self.method);
        let string_to_sign = format!("ACS3-HMAC-SHA256\n{}", hex(&sha2::Sha256::digest(canonical)));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(string_to_sign.as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let mut all: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if !self.without.contains(&"authorization") {
            let key = &self.key;
            let value = format!("ACS3-HMAC-SHA256 Credential={key},SignedHeaders={names},Signature={signature}");
            all.push(("authorization".into(), value));
        }
        self.http(&query, &all, &body)
    }

    fn http(&self, query: &str, headers: &[(String, String)], body: &str) -> Vec<u8> {
        let mut text = format!("{} {}?{query} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if self.method != "GET" || !body.is_empty() {
            text += &format!("content-length: {}\r\n", body.len());
        }
        format!("{text}\r\n{body}").into_bytes()
    }
}

pub fn connect(emulator: &Emulator) -> TcpStream {
    let stream = TcpStream::connect(emulator.api_addr()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Sends a request and reads its response, and not a byte more.
pub fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> Answer {
    stream.write_all(request).unwrap();
    stream.flush().unwrap();
    answer(stream)
}

pub fn answer(stream: &mut impl Read) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let mut space = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Response::new(&mut space);
    assert!(parsed.parse(&head).unwrap().is_complete());
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let headers: Vec<_> =
        parsed.headers.iter().map(|header| (header.name.to_lowercase(), text(header.value))).collect();
    let status = parsed.code.unwrap();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

/// `YYYY-MM-DDThh:mm:ssZ`.
pub fn utc(time: SystemTime) -> String {
    // Sun, 06 Nov 1994 08:49:37 GMT
    let text = httpdate::fmt_http_date(time);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == &text[8..11]).unwrap() + 1;
    format!("{}-{month:02}-{}T{}Z", &text[12..16], &text[5..7], &text[17..25])
}

/// Milliseconds since 1970.
pub fn millis(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Returns an `ExpireTime` so many seconds ahead.
pub fn ahead(seconds: u64) -> String {
    // A little more, for the time that the call takes on a busy machine.
    (millis(SystemTime::now() + Duration::from_secs(seconds)) + 3000).to_string()
}

pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn joined(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nonce() -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    format!("nonce-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}
