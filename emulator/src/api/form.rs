//! Forms: the pairs of a query string or form body, and the percent-encoding of both signatures.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::response::ApiError;

/// All characters but letters, digits and those that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes as both signatures demand: RFC 3986 over UTF-8, hexadecimal digits in capitals.
pub(super) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Reads the pairs of a query string or form body. An invalid encoding and a name that occurs twice are errors.
pub(super) fn parse(text: &[u8]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut pairs = BTreeMap::new();
    parse_into(&mut pairs, text)?;
    Ok(pairs)
}

/// As [`parse`], adding to `pairs`.
pub(super) fn parse_into(pairs: &mut BTreeMap<String, String>, text: &[u8]) -> Result<(), ApiError> {
    // `form_urlencoded` keeps or replaces what it cannot decode.
    if !is_well_encoded(text) {
        return Err(ApiError::parameter("the percent-encoding of a parameter is invalid"));
    }
    for (name, value) in form_urlencoded::parse(text) {
        match pairs.entry(name.into_owned()) {
            Entry::Vacant(place) => place.insert(value.into_owned()),
            Entry::Occupied(_) => return Err(ApiError::parameter("a parameter occurs twice")),
        };
    }
    Ok(())
}

/// Returns true for printable ASCII that decodes to UTF-8 and in which two hexadecimal digits follow each `%`.
fn is_well_encoded(text: &[u8]) -> bool {
    let is_byte = |digits: &[u8]| digits.iter().take(2).filter(|digit| digit.is_ascii_hexdigit()).count() == 2;
    text.iter().all(u8::is_ascii_graphic)
        && text.split(|byte| *byte == b'%').skip(1).all(is_byte)
        && percent_decode(text).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_the_documented_one() {
        assert_eq!(percent_encode("a b*c~d+e/f,g#h中"), "a%20b%2Ac~d%2Be%2Ff%2Cg%23h%E4%B8%AD");
    }

    fn decoded(text: &str) -> String {
        parse(format!("name={text}").as_bytes()).unwrap().remove("name").unwrap()
    }

    #[test]
    fn decoding_undoes_encoding() {
        let text: String = (1..=0x7fu8).map(char::from).chain("中\u{10ffff}\u{fffd}".chars()).collect();
        assert_eq!(decoded(&percent_encode(&text)), text);
        assert_eq!(decoded("a+b%2bc"), "a b+c");
    }

    #[test]
    fn broken_encodings_are_refused() {
        for bad in ["%", "%4", "%4g", "%+1", "%%41", "%ff", "%e4%b8", "a b", "中", "a\n", "%\u{660}1", "%e4&%b8%ad"] {
            for text in [bad.to_owned(), format!("name={bad}"), format!("a=1&{bad}=b&c=2")] {
                let error = parse(text.as_bytes()).unwrap_err();
                assert_eq!((error.status, error.code.as_str()), (400, "ParameterCheckFailed"), "{text}");
            }
        }
    }

    #[test]
    fn pairs() {
        let pairs = parse(b"b=2&a=1=1&&c&%64=").unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "1=1"), ("b", "2"), ("c", ""), ("d", "")]);
        assert!(parse(b"a=1&%61=2").is_err());
    }
}
