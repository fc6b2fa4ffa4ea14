//! JSON with secrets.

use serde_json::Value;
use zeroize::Zeroize as _;

/// A JSON document. What is left of its texts is wiped from memory when it is dropped.
pub(super) struct Wiped(pub(super) Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// As deep as the parser goes: 128 levels.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_wiped() {
        let text = r#"{"a": "geheim", "b": [{"c": ["geheim", 1, true, null]}], "d": {"e": "geheim"}}"#;
        let mut value = serde_json::from_str(text).expect("valid");
        wipe(&mut value);
        assert_eq!(value.to_string(), r#"{"a":"","b":[{"c":["",1,true,null]}],"d":{"e":""}}"#);
    }
}
