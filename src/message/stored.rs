//! The encoding of properties in the spool: as in a PUBLISH of MQTT 5 (section 3.3.2.3), without the length in front.

use super::Properties;

const TEXT: u8 = 0x01;
const EXPIRY: u8 = 0x02;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION_DATA: u8 = 0x09;
const USER: u8 = 0x26;

impl Properties {
    /// Encodes the properties of a message to be sent, which has no subscription identifiers.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        if self.text {
            bytes.extend_from_slice(&[TEXT, 1]);
        }
        if let Some(seconds) = self.expiry {
            bytes.push(EXPIRY);
            bytes.extend_from_slice(&seconds.to_be_bytes());
        }
        let texts = [(CONTENT_TYPE, &self.content_type), (RESPONSE_TOPIC, &self.response_topic)];
        for (kind, text) in texts.iter().filter_map(|(kind, text)| Some((*kind, text.as_ref()?))) {
            bytes.push(kind);
            put(&mut bytes, text.as_bytes());
        }
        if let Some(data) = &self.correlation_data {
            bytes.push(CORRELATION_DATA);
            put(&mut bytes, data);
        }
        for (key, value) in &self.user {
            bytes.push(USER);
            put(&mut bytes, key.as_bytes());
            put(&mut bytes, value.as_bytes());
        }
        bytes
    }

    /// Decodes the bytes of [`encode`](Properties::encode); returns `None` for any others.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Properties> {
        let mut read = Properties::default();
        while let Some((kind, rest)) = bytes.split_first() {
            bytes = rest;
            match *kind {
                TEXT => {
                    let (value, rest) = bytes.split_first()?;
                    bytes = rest;
                    read.text = *value == 1;
                }
                EXPIRY => {
                    let (seconds, rest) = bytes.split_first_chunk()?;
                    bytes = rest;
                    read.expiry = Some(u32::from_be_bytes(*seconds));
                }
                CONTENT_TYPE => read.content_type = Some(text(&mut bytes)?),
                RESPONSE_TOPIC => read.response_topic = Some(text(&mut bytes)?),
                CORRELATION_DATA => read.correlation_data = Some(take(&mut bytes)?.to_vec()),
                USER => {
                    let key = text(&mut bytes)?;
                    read.user.push((key, text(&mut bytes)?));
                }
                _ => return None,
            }
        }
        Some(read)
    }
}

/// Writes a part of at most 65,535 bytes, which was checked when the message was accepted.
fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (part, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *bytes = rest;
    Some(part)
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    String::from_utf8(take(bytes)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(
            text: bool,
            expiry: Option<u32>,
            response_topic: Option<String>,
            correlation_data: Option<Vec<u8>>,
            user: Vec<(String, String)>,
            content_type: Option<String>,
        ) {
            let properties = Properties {
                text, expiry, response_topic, correlation_data, user, content_type, identifiers: Vec::new(),
            };
            let bytes = properties.encode();
            prop_assert_eq!(bytes.len(), properties.encoded_len());
            prop_assert_eq!(Properties::decode(&bytes), Some(properties));
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            if let Some(properties) = Properties::decode(&bytes) {
                prop_assert!(properties.encode().len() <= bytes.len());
            }
        }
    }
}
