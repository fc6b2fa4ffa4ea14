//! The rules of MQTT that rumqttc does not check.
//!
//! Each fault ends the sentence "the server broke a rule of MQTT: ...". Parts of a packet that rumqttc does not expose
//! cannot be checked: see `docs/upstream.md`.

use crate::message::QoS;

/// The most characters of a topic that are shown.
const SHOWN: usize = 100;

/// The fault of a PUBLISH of either version, if it has one.
pub(in crate::session) fn publish_fault(topic: &str, qos: QoS, duplicate: bool) -> Option<String> {
    if topic.is_empty() {
        return Some("it sent PUBLISH without a topic".to_string());
    }
    let what = if topic.contains('\0') {
        "with NUL in it"
    } else if topic.contains(['+', '#']) {
        "which is a filter"
    } else if duplicate && qos == QoS::AtMostOnce {
        "with DUP at QoS 0"
    } else {
        return None;
    };
    Some(format!("it sent PUBLISH to the topic {}, {what}", shown(topic)))
}

/// The fault of the properties of a PUBLISH of MQTT 5, if they have one.
pub(in crate::session) fn property_fault(
    alias: Option<u16>,
    format: Option<u8>,
    identifiers: &[usize],
) -> Option<String> {
    if let Some(alias) = alias {
        return Some(format!("it sent PUBLISH with topic alias {alias}, and this client allows none"));
    }
    if let Some(format) = format.filter(|format| *format > 1) {
        return Some(format!("it sent PUBLISH with payload format {format}, which does not exist"));
    }
    identifiers.contains(&0).then(|| "it sent PUBLISH with subscription identifier 0".to_string())
}

/// A text of the server in quotes, on one line.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start:?}{}", if start.len() < text.len() { "..." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_shown_on_one_short_line() {
        let long = "\n".repeat(SHOWN) + "#";
        let fault = publish_fault(&long, QoS::AtLeastOnce, true).expect("a filter");
        assert!(!fault.contains('\n') && fault.len() < 300, "{fault}");
        assert_eq!(publish_fault("a\nb", QoS::AtMostOnce, false), None, "odd, but allowed");
    }

    #[test]
    fn dup_is_for_what_is_acknowledged() {
        assert_eq!(publish_fault("t", QoS::AtLeastOnce, true), None);
        assert!(publish_fault("t", QoS::AtMostOnce, true).is_some());
    }
}
