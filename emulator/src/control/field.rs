//! The fields of a call: one description gives both the check of what comes in and the schema in the document.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value, json};

use super::problem::Problem;

/// The largest integer that every JSON reader keeps exactly.
pub(super) const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The characters besides letters and digits that a topic or filter can have here.
const TOPIC_CHARACTERS: &str = "$@_/+#-";

/// Those of a topic, which has no wildcards.
const NAME_CHARACTERS: &str = "$@_/-";

/// Base64 with padding, as the schema of a payload describes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A field of a call or of its answer.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) about: &'static str,
}

/// The type of a field, and its bounds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text, with the bounds of its length in characters.
    Text { min: usize, max: usize },
    /// A topic or filter, up to 256 characters; the rules of the service are checked later.
    Topic,
    /// As [`Kind::Topic`], without the wildcards + and #.
    TopicName,
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// A number of seconds from 0 on, which may have a fraction.
    Seconds { max: u32 },
    /// `true` or `false`.
    Flag,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// At least one of these texts; in a query separated by commas.
    Choices(&'static [&'static str]),
    /// A list of 1 to 100 topics and filters.
    Topics,
    /// The payload of a message: a text, or an object with the bytes in base64.
    Payload,
}

/// A field that must be there.
pub(super) const fn need(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: true, about }
}

/// A field that may be left out.
pub(super) const fn may(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: false, about }
}

/// The arguments of a call, checked against its fields.
#[derive(Debug)]
pub(super) struct Arguments(BTreeMap<&'static str, Value>);

impl Arguments {
    /// Checks a query string and a body against the fields of a call.
    pub(super) fn read(
        query: &str,
        query_fields: &[Field],
        body: &[u8],
        body_fields: &[Field],
    ) -> Result<Self, Problem> {
        let mut arguments = BTreeMap::new();
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            let field = find(query_fields, &name, "query parameter")?;
            let value = field.kind.read(&text).filter(|value| field.kind.fits(value));
            let value = value.ok_or_else(|| field.misfit("query parameter"))?;
            if arguments.insert(field.name, value).is_some() {
                return Err(Problem::invalid(format!("the query parameter {} occurs twice", field.name)));
            }
        }
        let body = if body.is_empty() { Value::Object(Map::new()) } else { parse(body)? };
        let Value::Object(members) = body else { return Err(Problem::invalid("the body is not a JSON object")) };
        for (name, value) in members {
            let field = find(body_fields, &name, "field")?;
            if !field.kind.fits(&value) {
                return Err(field.misfit("field"));
            }
            arguments.insert(field.name, value);
        }
        for field in query_fields.iter().chain(body_fields).filter(|field| field.required) {
            if !arguments.contains_key(field.name) {
                return Err(Problem::invalid(format!("{} is missing", field.name)));
            }
        }
        Ok(Self(arguments))
    }

    /// Returns a text; empty if it was left out.
    pub(super) fn text(&self, name: &str) -> &str {
        self.may_text(name).unwrap_or("")
    }

    pub(super) fn may_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Returns a whole number.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(whole)
    }

    /// Returns a whole number that the bounds of its field keep within the target type.
    pub(super) fn number<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        self.integer(name).and_then(|number| number.try_into().ok())
    }

    pub(super) fn seconds(&self, name: &str) -> Option<std::time::Duration> {
        let seconds = self.0.get(name).and_then(Value::as_f64)?;
        std::time::Duration::try_from_secs_f64(seconds).ok()
    }

    pub(super) fn may_flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// Returns the texts of a list.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        self.0.get(name).and_then(Value::as_array).map(|list| list.iter().filter_map(Value::as_str).collect())
    }

    /// Returns a payload; empty if it was left out.
    pub(super) fn payload(&self, name: &str) -> Vec<u8> {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone().into_bytes(),
            Some(other) => other["base64"].as_str().and_then(|text| BASE64.decode(text).ok()).unwrap_or_default(),
            None => Vec::new(),
        }
    }
}

impl Field {
    /// The schema of the field, with its description.
    pub(super) fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        schema["description"] = self.about.into();
        schema
    }

    fn misfit(&self, place: &str) -> Problem {
        Problem::invalid(format!("the {place} {} is not {}", self.name, self.kind.wanted()))
    }
}

impl Kind {
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Text { min, max } => json!({ "type": "string", "minLength": min, "maxLength": max }),
            Self::Topic => json!({
                "type": "string", "minLength": 1, "maxLength": 256,
                "pattern": format!("^[A-Za-z0-9{TOPIC_CHARACTERS}]+$"),
            }),
            Self::TopicName => json!({
                "type": "string", "minLength": 1, "maxLength": 256,
                "pattern": format!("^[A-Za-z0-9{NAME_CHARACTERS}]+$"),
            }),
            Self::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Seconds { max } => json!({ "type": "number", "minimum": 0, "maximum": max }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Choice(names) => json!({ "type": "string", "enum": names }),
            Self::Choices(names) => {
                json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": names } })
            }
            Self::Topics => json!({ "type": "array", "minItems": 1, "maxItems": 100, "items": Self::Topic.schema() }),
            Self::Payload => json!({ "oneOf": [
                { "type": "string", "maxLength": 262_144 },
                {
                    "type": "object",
                    "required": ["base64"],
                    "additionalProperties": false,
                    "properties": { "base64": {
                        "type": "string",
                        "maxLength": 262_144,
                        "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
                    } },
                },
            ] }),
        }
    }

    /// Reads the text of a query parameter.
    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Integer { .. } => text.parse::<i64>().ok().map(Value::from),
            Self::Seconds { .. } => {
                let fits = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
                text.bytes().all(fits).then(|| text.parse::<f64>().ok().map(Value::from)).flatten()
            }
            Self::Flag => text.parse::<bool>().ok().map(Value::from),
            Self::Choices(_) | Self::Topics => Some(text.split(',').collect()),
            Self::Text { .. } | Self::Topic | Self::TopicName | Self::Choice(_) | Self::Payload => Some(text.into()),
        }
    }

    /// Returns true if the value is of this type and within its bounds.
    fn fits(self, value: &Value) -> bool {
        let is_text = |check: &dyn Fn(&str) -> bool| value.as_str().is_some_and(check);
        let is_list = |most: usize, check: &dyn Fn(&Value) -> bool| {
            value.as_array().is_some_and(|list| (1..=most).contains(&list.len()) && list.iter().all(check))
        };
        match self {
            Self::Text { min, max } => is_text(&|text| (min..=max).contains(&text.chars().count())),
            Self::Topic => is_text(&|text| is_topic(text, TOPIC_CHARACTERS)),
            Self::TopicName => is_text(&|text| is_topic(text, NAME_CHARACTERS)),
            Self::Integer { min, max } => whole(value).is_some_and(|number| (min..=max).contains(&number)),
            Self::Seconds { max } => value.as_f64().is_some_and(|number| (0.0..=f64::from(max)).contains(&number)),
            Self::Flag => value.is_boolean(),
            Self::Choice(names) => is_text(&|text| names.contains(&text)),
            Self::Choices(names) => is_list(usize::MAX, &|item| Self::Choice(names).fits(item)),
            Self::Topics => is_list(100, &|item| Self::Topic.fits(item)),
            Self::Payload => match value {
                Value::String(text) => text.chars().count() <= 262_144,
                Value::Object(members) => {
                    let text = members.get("base64").and_then(Value::as_str);
                    members.len() == 1 && text.is_some_and(|text| text.len() <= 262_144 && BASE64.decode(text).is_ok())
                }
                _ => false,
            },
        }
    }

    /// Names what is wanted, for an error.
    fn wanted(self) -> String {
        match self {
            Self::Text { min, max } => format!("a text of {min} to {max} characters"),
            Self::Topic => format!("a text of 1 to 256 letters, digits and {TOPIC_CHARACTERS}"),
            Self::TopicName => format!("a text of 1 to 256 letters, digits and {NAME_CHARACTERS}"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Seconds { max } => format!("a number of seconds from 0 to {max}"),
            Self::Flag => "true or false".into(),
            Self::Choice(names) => format!("one of {}", names.join(", ")),
            Self::Choices(names) => format!("a list of {}", names.join(", ")),
            Self::Topics => format!("a list of 1 to 100 texts of letters, digits and {TOPIC_CHARACTERS}"),
            Self::Payload => "a text, nor an object with base64, of at most 262144 characters".into(),
        }
    }
}

fn is_topic(text: &str, further: &str) -> bool {
    (1..=256).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || further.contains(c))
}

/// Returns a whole number; JSON does not distinguish 1 from 1.0.
fn whole(value: &Value) -> Option<i64> {
    let exact = |number: f64| number.fract() == 0.0 && number.abs() <= MAX_INTEGER as f64;
    value.as_i64().or_else(|| value.as_f64().filter(|number| exact(*number)).map(|number| number as i64))
}

fn find<'a>(fields: &'a [Field], name: &str, place: &str) -> Result<&'a Field, Problem> {
    fields.iter().find(|field| field.name == name).ok_or_else(|| {
        let known: Vec<_> = fields.iter().map(|field| field.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Problem::invalid(format!("there is no {place} {name:?}; known: {known}"))
    })
}

fn parse(body: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::invalid(format!("the body is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[Field] = &[
        may("since", Kind::Integer { min: 0, max: MAX_INTEGER }, ""),
        may("wait", Kind::Seconds { max: 60 }, ""),
        may("what", Kind::Choices(&["a", "b"]), ""),
    ];
    const BODY: &[Field] = &[need("topic", Kind::Topic, ""), may("payload", Kind::Payload, "")];

    fn read(query: &str, body: &str) -> Result<Arguments, String> {
        let fields = if body.is_empty() { &[][..] } else { BODY };
        Arguments::read(query, QUERY, body.as_bytes(), fields).map_err(|problem| problem.detail)
    }

    #[test]
    fn arguments_are_read_and_typed() {
        let arguments = read("since=7&wait=0.5&what=a,b", "").unwrap();
        assert_eq!(arguments.integer("since"), Some(7));
        assert_eq!(arguments.seconds("wait"), Some(std::time::Duration::from_millis(500)));
        assert_eq!(arguments.texts("what"), Some(vec!["a", "b"]));
        let arguments = read("", r#"{"topic":"a/b","payload":{"base64":"AP8="}}"#).unwrap();
        assert_eq!((arguments.text("topic"), arguments.payload("payload")), ("a/b", vec![0, 255]));
        assert_eq!(read("", r#"{"topic":"a","payload":"中"}"#).unwrap().payload("payload"), "中".as_bytes());
        assert_eq!(read("", r#"{"topic":"a"}"#).unwrap().payload("payload"), b"");
    }

    #[test]
    fn whatever_a_schema_excludes_is_refused_by_name() {
        for (query, body, named) in [
            ("since=-1", "", "since"),
            ("since=1&since=2", "", "twice"),
            ("wait=61", "", "wait"),
            ("wait=inf", "", "wait"),
            ("wait=nan", "", "wait"),
            ("what=", "", "what"),
            ("what=a,c", "", "a, b"),
            ("sine=1", "", "since, wait, what"),
            ("", r#"{"payload":"x"}"#, "topic is missing"),
            ("", r#"{"topic":7}"#, "topic"),
            ("", r#"{"topic":""}"#, "topic"),
            ("", r#"{"topic":"a b"}"#, "topic"),
            ("", r#"{"topic":"a","x":1}"#, "\"x\""),
            ("", r#"{"topic":"a","payload":{"base64":"!"}}"#, "payload"),
            ("", r#"{"topic":"a","payload":{"base64":"AA==","x":1}}"#, "payload"),
            ("", "[]", "object"),
            ("", "{", "JSON"),
        ] {
            let error = read(query, body).unwrap_err();
            assert!(error.contains(named), "{query} {body}: {error}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
        let kind = Kind::Integer { min: 1, max: 5 };
        assert!(kind.fits(&json!(5.0)) && kind.fits(&json!(1)));
        for bad in [json!(5.5), json!(6), json!(0), json!("1"), json!(true), json!(1e300), json!(null)] {
            assert!(!kind.fits(&bad), "{bad}");
        }
    }
}
