//! Reads the fields of a response. Numbers and booleans may be text; errors contain no part of a response.

use serde_json::{Map, Value};

use super::http::protocol;
use crate::error::{Error, Result};

/// An object of the answer to an operation.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    action: &'a str,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(action: &'a str, object: &'a Map<String, Value>) -> Self {
        Fields { action, object }
    }

    /// Returns a text, or a number or boolean as text; `None` if it is missing or null.
    pub(super) fn maybe_text(&self, name: &str) -> Option<String> {
        match self.object.get(name)? {
            Value::String(text) => Some(text.clone()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => None,
        }
    }

    /// Returns a text like [`maybe_text`](Fields::maybe_text), but it is required.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        self.maybe_text(name).ok_or_else(|| self.missing(name))
    }

    /// Returns a whole number from 0, which may be written as text; `None` if it is missing or null.
    pub(super) fn maybe_number(&self, name: &str) -> Option<u64> {
        self.maybe_text(name)?.parse().ok()
    }

    /// Returns a boolean, which may be written as text.
    pub(super) fn boolean(&self, name: &str) -> Result<bool> {
        match self.maybe_text(name) {
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.missing(name)),
        }
    }

    pub(super) fn object(&self, name: &str) -> Result<Fields<'a>> {
        let object = self.object.get(name).and_then(Value::as_object).ok_or_else(|| self.missing(name))?;
        Ok(Fields { action: self.action, object })
    }

    /// Returns a list of objects.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Fields<'a>>> {
        let objects = self.list(name)?.iter().map(Value::as_object).collect::<Option<Vec<_>>>();
        let objects = objects.ok_or_else(|| self.missing(name))?;
        Ok(objects.into_iter().map(|object| Fields { action: self.action, object }).collect())
    }

    /// Returns a list of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let texts = self.list(name)?.iter().map(|value| value.as_str().map(str::to_string)).collect();
        Option::ok_or_else(texts, || self.missing(name))
    }

    /// Returns a list; a missing one is empty.
    fn list(&self, name: &str) -> Result<&'a [Value]> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.missing(name)),
        }
    }

    fn missing(&self, name: &str) -> Error {
        missing(self.action, name)
    }
}

/// The error of a response that lacks a field; no part of the response is shown.
pub(super) fn missing(action: &str, name: &str) -> Error {
    protocol(format!("the response to {action} has no valid {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn fields_are_read_with_tolerance() {
        let object = serde_json::json!({
            "Text": "a", "Number": 7, "NumberText": "8", "True": "TRUE", "False": false, "Null": null,
            "Texts": ["a", "b"], "Objects": [{"A": 1}], "Object": {"A": 2}, "Mixed": ["a", 1],
        });
        let fields = Fields::new("X", object.as_object().unwrap());
        assert_eq!((fields.text("Text").unwrap().as_str(), fields.text("Number").unwrap().as_str()), ("a", "7"));
        assert_eq!((fields.maybe_number("Number"), fields.maybe_number("NumberText")), (Some(7), Some(8)));
        assert_eq!((fields.maybe_number("Text"), fields.maybe_number("None")), (None, None));
        assert!(fields.boolean("True").unwrap() && !fields.boolean("False").unwrap());
        assert_eq!(fields.texts("Texts").unwrap(), ["a", "b"]);
        assert_eq!(fields.objects("Objects").unwrap()[0].maybe_number("A"), Some(1));
        assert_eq!(fields.object("Object").unwrap().maybe_number("A"), Some(2));
        assert!(fields.texts("None").unwrap().is_empty() && fields.objects("Null").unwrap().is_empty());
        for error in [
            fields.text("None").err().unwrap(),
            fields.text("Null").err().unwrap(),
            fields.boolean("Text").err().unwrap(),
            fields.texts("Mixed").err().unwrap(),
            fields.objects("Texts").err().unwrap(),
            fields.object("Text").err().unwrap(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().contains("the response to X has no valid"), "{error}");
        }
    }
}
