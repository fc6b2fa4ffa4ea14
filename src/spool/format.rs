//! One record of the spool: a message, and the time of its acceptance.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | version of this layout: 1, or 2 with properties |
//! | 1 | QoS, 1 or 2 |
//! | 8 | when it was accepted: milliseconds since 1970, little-endian |
//! | 8 | its own time limit in milliseconds, 0 for none |
//! | 2 | length of the topic |
//! | n | topic, UTF-8 |
//! | 4 | only in version 2: length of the properties, not 0 |
//! | k | only in version 2: the properties of MQTT 5, as in a PUBLISH |
//! | m | payload |
//! | 4 | CRC-32 of the record's key (8 bytes, little-endian) and of all bytes before |

use crate::QoS;

/// The versions of the layout. A message without properties has the first, which older programs can read.
const PLAIN: u8 = 1;
const PROPERTIES: u8 = 2;

/// The length of everything before the topic.
const HEAD: usize = 1 + 1 + 8 + 8 + 2;

/// The length that a record adds to topic and payload, in bytes.
pub(crate) const OVERHEAD: usize = HEAD + 4;

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) qos: QoS,
    /// Milliseconds since 1970.
    pub(crate) accepted: u64,
    /// The time limit of the message itself, in milliseconds; 0 for none.
    pub(crate) limit: u64,
    pub(crate) topic: &'a str,
    /// The properties of MQTT 5; empty for none.
    pub(crate) properties: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// The reason why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    TooShort,
    Checksum,
    /// Intact, but of a layout this version does not know.
    Version(u8),
    /// Intact, but with a value that no version writes.
    Content,
}

impl Record<'_> {
    /// Encodes the record for this key. The topic has at most 65,535 bytes, as MQTT requires.
    pub(crate) fn encode(&self, key: u64) -> Vec<u8> {
        let topic = self.topic.as_bytes();
        let mut bytes = Vec::with_capacity(OVERHEAD + topic.len() + 4 + self.properties.len() + self.payload.len());
        bytes.push(if self.properties.is_empty() { PLAIN } else { PROPERTIES });
        bytes.push(self.qos.level());
        bytes.extend_from_slice(&self.accepted.to_le_bytes());
        bytes.extend_from_slice(&self.limit.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(topic.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(topic);
        if let (false, Ok(length)) = (self.properties.is_empty(), u32::try_from(self.properties.len())) {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(self.properties);
        }
        bytes.extend_from_slice(self.payload);
        bytes.extend_from_slice(&checksum(key, &bytes).to_le_bytes());
        bytes
    }
}

/// Decodes the record of this key. Bytes that [`Record::encode`] has not made are refused.
pub(crate) fn decode(key: u64, bytes: &[u8]) -> Result<Record<'_>, Fault> {
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Fault::TooShort)?;
    if body.len() < HEAD {
        return Err(Fault::TooShort);
    }
    if checksum(key, body) != u32::from_le_bytes(*sum) {
        return Err(Fault::Checksum);
    }
    let (version, rest) = body.split_first().ok_or(Fault::TooShort)?;
    if !matches!(*version, PLAIN | PROPERTIES) {
        return Err(Fault::Version(*version));
    }
    let (qos, rest) = rest.split_first().ok_or(Fault::TooShort)?;
    let qos = QoS::try_from(*qos).ok().filter(|qos| *qos != QoS::AtMostOnce).ok_or(Fault::Content)?;
    let (accepted, rest) = rest.split_first_chunk().ok_or(Fault::TooShort)?;
    let (limit, rest) = rest.split_first_chunk().ok_or(Fault::TooShort)?;
    let (length, rest) = rest.split_first_chunk().ok_or(Fault::TooShort)?;
    let (topic, payload) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or(Fault::Content)?;
    let (properties, payload) = match *version {
        PLAIN => (&[][..], payload),
        _ => {
            let (length, rest) = payload.split_first_chunk().ok_or(Fault::Content)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length > 0);
            length.and_then(|length| rest.split_at_checked(length)).ok_or(Fault::Content)?
        }
    };
    Ok(Record {
        qos,
        accepted: u64::from_le_bytes(*accepted),
        limit: u64::from_le_bytes(*limit),
        topic: std::str::from_utf8(topic).map_err(|_| Fault::Content)?,
        properties,
        payload,
    })
}

/// The checks of the fuzz target: first with the bytes as they are, then with a valid checksum, to get past it.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(data: &[u8]) {
    const KEY: u64 = 7;
    let _ = decode(KEY, data);
    let mut bytes = data.to_vec();
    bytes.extend_from_slice(&checksum(KEY, data).to_le_bytes());
    if let Ok(record) = decode(KEY, &bytes) {
        assert_eq!(record.encode(KEY), bytes);
        assert!(decode(KEY + 1, &bytes).is_err());
    }
}

/// CRC-32 (IEEE 802.3) of the key and the bytes.
pub(super) fn checksum(key: u64, bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8);
    !bytes.iter().fold(key.to_le_bytes().iter().fold(!0, step), step)
}

static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record<'a>(topic: &'a str, payload: &'a [u8]) -> Record<'a> {
        Record { qos: QoS::ExactlyOnce, accepted: 1_700_000_000_123, limit: 5, topic, properties: &[], payload }
    }

    #[test]
    fn the_checksum_is_the_well_known_one() {
        // The check value of CRC-32/ISO-HDLC is that of "123456789"; here its first 8 bytes are the key.
        assert_eq!(checksum(u64::from_le_bytes(*b"12345678"), b"9"), 0xcbf4_3926);
    }

    #[test]
    fn every_flipped_bit_every_cut_and_every_other_key_is_noticed() {
        let good = record("demo/a", b"payload").encode(7);
        assert_eq!(good.len(), OVERHEAD + 6 + 7);
        assert_eq!(decode(7, &good), Ok(record("demo/a", b"payload")));
        assert_eq!(decode(8, &good), Err(Fault::Checksum));
        for length in 0..good.len() {
            assert!(decode(7, &good[..length]).is_err(), "cut to {length}");
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[length] ^= 1 << bit;
                assert_eq!(decode(7, &bad), Err(Fault::Checksum), "byte {length}, bit {bit}");
            }
        }
    }

    /// Bytes with a checksum that fits, so that what is behind it is reached.
    fn signed(mut body: Vec<u8>) -> Vec<u8> {
        let sum = checksum(1, &body);
        body.extend_from_slice(&sum.to_le_bytes());
        body
    }

    #[test]
    fn intact_bytes_that_make_no_sense_are_refused() {
        let good = record("t", b"").encode(1);
        let body = &good[..good.len() - 4];
        let with = |at: usize, value: u8| {
            let mut body = body.to_vec();
            body[at] = value;
            signed(body)
        };
        assert_eq!(decode(1, &with(0, 3)), Err(Fault::Version(3)));
        assert_eq!(decode(1, &with(0, 2)), Err(Fault::Content), "no properties");
        for (at, value) in [(1, 0), (1, 3), (18, 2), (19, 1), (20, 0xff)] {
            assert_eq!(decode(1, &with(at, value)), Err(Fault::Content), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(1, &bytes);
            let _ = decode(1, &signed(bytes));
        }

        #[test]
        fn what_was_encoded_comes_back(
            topic in ".{0,40}",
            properties: Vec<u8>,
            payload in proptest::collection::vec(any::<u8>(), 0..80),
            accepted: u64,
            limit: u64,
            key: u64,
            twice: bool,
        ) {
            let qos = if twice { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
            let record = Record { qos, accepted, limit, topic: &topic, properties: &properties, payload: &payload };
            let bytes = record.encode(key);
            prop_assert_eq!(decode(key, &bytes), Ok(record));
        }
    }
}
