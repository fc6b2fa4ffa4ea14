//! The parameters of calls: in the query, and as headers for what describes a message.

use std::time::Duration;

use aliyun_mqtt::QoS;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;

use super::problem::{Problem, Reason};
use crate::commands::publish::Properties;

/// How long a call waits unless it says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// The longest idempotency key, in bytes.
const KEY: usize = 255;

/// The parameters of a call as they were sent, each taken once. What nobody takes is an error.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

/// How to send.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) topic: Option<String>,
    pub(super) qos: QoS,
    pub(super) properties: Properties,
    pub(super) call: Call,
}

/// How to answer.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) wait: Duration,
    pub(super) respond_async: bool,
    pub(super) key: Option<String>,
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Reason::Invalid, detail)
}

impl Query {
    pub(super) fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        // A name that is not UTF-8 is none of the known ones.
        let name = |name| String::from_utf8_lossy(&decoded(name, true)).into_owned();
        Query(pairs.map(|(given, value)| (name(given), value.to_string())).collect())
    }

    /// Takes a parameter that may be given once.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.take_bytes(name, true)?.map(|value| text(name, value)).transpose()
    }

    /// Takes a topic filter. A plus is a wildcard there; a space is in no topic of the service.
    pub(super) fn filter(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.take_bytes(name, false)?.map(|value| text(name, value)).transpose()
    }

    /// Returns true if the parameter is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    fn take_bytes(&mut self, name: &str, plus_is_space: bool) -> Result<Option<Vec<u8>>, Problem> {
        let mut all = self.take_all(name).into_iter();
        match (all.next(), all.next()) {
            (value, None) => Ok(value.map(|value| decoded(&value, plus_is_space))),
            _ => Err(invalid(format!("the parameter {name} is given more than once"))),
        }
    }

    fn take_all(&mut self, name: &str) -> Vec<String> {
        let (taken, rest) = std::mem::take(&mut self.0).into_iter().partition(|(given, _)| given == name);
        self.0 = rest;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes a time in seconds.
    pub(super) fn seconds(&mut self, name: &str) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let time = crate::values::seconds(&text).map_err(|why| invalid(format!("{name}: {why}")))?;
        if time > MAX_WAIT {
            return Err(invalid(format!("{name}: at most {} seconds", MAX_WAIT.as_secs())));
        }
        Ok(Some(time))
    }

    /// Takes a whole number within this range.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<Option<usize>, Problem> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| {
            invalid(format!("{name}: it must be a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// Fails if there are parameters that nobody knows.
    pub(super) fn done(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(invalid(format!("there is no parameter {} here", aliyun_mqtt::printable(name)))),
        }
    }
}

impl Call {
    pub(super) fn read(headers: &HeaderMap, query: &mut Query) -> Result<Self, Problem> {
        let mut call = Call { wait: WAIT, respond_async: false, key: None };
        // RFC 7240: what is not known is ignored.
        let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for preference in preferences.flat_map(|value| value.split(',')) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "respond-async" => call.respond_async = true,
                "wait" => {
                    let wait = value.trim().parse().map(Duration::from_secs);
                    call.wait = wait.map_or(call.wait, |wait| wait.min(MAX_WAIT));
                }
                _ => {}
            }
        }
        if let Some(wait) = query.seconds("wait")? {
            call.wait = wait;
        }
        let mut keys = headers.get_all("idempotency-key").iter();
        if let Some(key) = keys.next() {
            let visible =
                |key: &&str| (1..=KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
            let key = key.to_str().ok().filter(visible).filter(|_| keys.next().is_none());
            let why = format!("Idempotency-Key must be one value of 1 to {KEY} visible characters");
            call.key = Some(key.ok_or_else(|| invalid(why))?.to_string());
        }
        Ok(call)
    }
}

impl Sent {
    pub(super) fn read(headers: &HeaderMap, query: &mut Query) -> Result<Self, Problem> {
        let call = Call::read(headers, query)?;
        let topic = query.take("topic")?;
        let qos = match query.take("qos")? {
            None => QoS::AtLeastOnce,
            Some(text) => text.parse().map_err(|_| invalid("qos: it must be 0, 1 or 2"))?,
        };
        let mut bytes = |name: &str| -> Result<Option<Vec<u8>>, Problem> {
            let header = format!("mqtt-{}", name.replace('_', "-"));
            let mut values = headers.get_all(&header).iter();
            match (query.take_bytes(name, true)?, values.next()) {
                (given, None) => Ok(given),
                (None, Some(value)) if values.next().is_none() => Ok(Some(value.as_bytes().to_vec())),
                _ => Err(invalid(format!("{name} is given more than once"))),
            }
        };
        let correlation = bytes("correlation_data")?;
        let mut either = |name: &str| bytes(name)?.map(|value| text(name, value)).transpose();
        let number =
            |text: String| text.parse().map_err(|_| invalid("message_expiry: it must be a whole number of seconds"));
        let flag = |text: String| match text.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(invalid("text: it must be true or false")),
        };
        let mut properties = Properties {
            content_type: either("content_type")?,
            user: Vec::new(),
            expiry: either("message_expiry")?.map(number).transpose()?,
            response_topic: either("response_topic")?,
            correlation,
            text: either("text")?.map(flag).transpose()?.unwrap_or_default(),
        };
        let mut pairs: Vec<Vec<u8>> = query.take_all("user_property").iter().map(|pair| decoded(pair, true)).collect();
        pairs.extend(headers.get_all("mqtt-user-property").iter().map(|value| value.as_bytes().to_vec()));
        for pair in pairs {
            let pair = text("user_property", pair)?;
            let (key, value) = pair.split_once('=').ok_or_else(|| invalid("user_property: it must be KEY=VALUE"))?;
            properties.user.push((key.to_string(), value.to_string()));
        }
        Ok(Sent { topic, qos, properties, call })
    }
}

fn text(name: &str, value: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(value).map_err(|_| invalid(format!("{name} is not UTF-8")))
}

/// Decodes a part of a query.
fn decoded(part: &str, plus_is_space: bool) -> Vec<u8> {
    let part = if plus_is_space { part.replace('+', " ") } else { part.to_string() };
    percent_encoding::percent_decode_str(&part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn read(uri: &str, headers: &[(&str, &str)]) -> Result<Sent, Problem> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let mut query = Query::of(&parts);
        let sent = Sent::read(&parts.headers, &mut query)?;
        query.done()?;
        Ok(sent)
    }

    #[test]
    fn parameters_come_from_query_and_headers() {
        let sent = read(
            "/v1/messages?topic=demo%2Fa&qos=2&user_property=a=b=c&content_type=text/plain&wait=1.5",
            &[("mqtt-user-property", "k="), ("mqtt-message-expiry", "9"), ("prefer", "wait=9, respond-async")],
        )
        .unwrap();
        assert_eq!((sent.topic.as_deref(), sent.qos), (Some("demo/a"), QoS::ExactlyOnce));
        assert_eq!((sent.call.wait, sent.call.respond_async), (Duration::from_millis(1500), true));
        let pairs = [("a", "b=c"), ("k", "")].map(|(key, value)| (key.to_string(), value.to_string()));
        assert_eq!(sent.properties.user, pairs);
        assert_eq!((sent.properties.content_type.as_deref(), sent.properties.expiry), (Some("text/plain"), Some(9)));
    }

    #[test]
    fn what_is_not_understood_is_invalid() {
        for uri in [
            "/?qos=3",
            "/?qos=",
            "/?wait=x",
            "/?wait=601",
            "/?topic=a&topic=b",
            "/?topics=a",
            "/?text=yes",
            "/?message_expiry=-1",
            "/?user_property=a",
            "/?topic=%FF",
            "/?user_property=a=%C3",
            "/?content_type=%80",
        ] {
            assert_eq!(read(uri, &[]).unwrap_err().status, 400, "{uri}");
        }
        let long = "x".repeat(KEY + 1);
        for headers in [
            &[("idempotency-key", long.as_str())][..],
            &[("idempotency-key", "a"), ("idempotency-key", "b")],
            &[("idempotency-key", "")],
            &[("idempotency-key", "1 k")],
        ] {
            assert_eq!(read("/", headers).unwrap_err().status, 400, "{headers:?}");
        }
        assert_eq!(read("/?text=1", &[("mqtt-text", "true")]).unwrap_err().status, 400);
    }

    #[test]
    fn a_query_is_decoded_as_forms_are_but_a_filter_keeps_its_plus_and_correlation_data_are_bytes() {
        let sent = read("/?topic=demo/a+b&&correlation_data=%FF+&wait=1", &[]).unwrap();
        assert_eq!(sent.topic.as_deref(), Some("demo/a b"));
        assert_eq!(sent.properties.correlation.as_deref(), Some(&b"\xFF "[..]));
        let (parts, ()) = Request::builder().uri("/?filter=demo/+&max=1").body(()).unwrap().into_parts();
        let mut query = Query::of(&parts);
        assert_eq!(query.filter("filter").unwrap().as_deref(), Some("demo/+"));
        assert!(query.has("max") && !query.has("filter"));
    }
}
