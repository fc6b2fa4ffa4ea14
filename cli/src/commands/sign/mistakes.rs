//! Why a login does not fit: the mistakes that are known to be made, tried one by one and together.

use aliyun_mqtt::{Config, Login};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::settings::Auth;

/// The login as it should be, and what it is made of.
pub(super) struct Right<'a> {
    pub(super) config: &'a Config,
    pub(super) login: &'a Login,
    pub(super) secret: &'a str,
    /// Client ids that may have been signed by mistake.
    pub(super) others: &'a [String],
}

/// Something that was done, and what is wrong with it; `None` where nothing is.
type Tried<T> = (Option<String>, T);

type Form = fn(&[u8]) -> String;

impl Right<'_> {
    /// What is wrong with a password; `None` if it is right. Never shows either.
    pub(super) fn mistake_of(&self, auth: Auth, given: &str) -> Option<String> {
        match auth {
            Auth::Token => self.of_tokens(given),
            Auth::CustomPlain => self.of_plain(given),
            Auth::Signature | Auth::Device | Auth::CustomSigned => self.of_signature(given),
        }
    }

    fn of_signature(&self, given: &str) -> Option<String> {
        if given == self.login.password() {
            return None;
        }
        if let Some(mistakes) = self.search(given) {
            return Some(mistakes.join("; "));
        }
        if given.trim() == self.secret {
            return Some("it is the secret itself; a signature made with it is wanted".to_string());
        }
        if is_tokens(given) {
            return Some("it is a token, which is the password of the mode token".to_string());
        }
        Some(form_of(given).to_string())
    }

    /// The fewest mistakes that together make of the right signature the given one.
    fn search(&self, given: &str) -> Option<Vec<String>> {
        let given = self.readings(given);
        let mut best: Option<Vec<String>> = None;
        for (key_mistake, key) in &self.keys() {
            for (text_mistake, text) in &self.texts() {
                for (hash_mistake, signature) in hashes(key, text) {
                    for (form_mistake, form) in forms() {
                        let made = Zeroizing::new(form(&signature));
                        for (reading_mistake, given) in &given {
                            if made.as_str() != given.as_str() {
                                continue;
                            }
                            let form_mistake = form_mistake.map(str::to_string);
                            let mistakes = [text_mistake, key_mistake, &hash_mistake, &form_mistake, reading_mistake];
                            let mistakes: Vec<String> = mistakes.into_iter().flatten().cloned().collect();
                            if best.as_ref().is_none_or(|best| mistakes.len() < best.len()) {
                                best = Some(mistakes);
                            }
                        }
                    }
                }
            }
        }
        best
    }

    /// What may have been given.
    fn readings(&self, given: &str) -> Vec<Tried<Zeroizing<String>>> {
        let trimmed = given.trim();
        let bare = trimmed.trim_matches(['"', '\'']);
        let mut readings = vec![(None, given)];
        if trimmed != given {
            readings.push((Some("there is white space around it"), trimmed));
        }
        if bare != trimmed {
            readings.push((Some("there are quotation marks around it"), bare));
        }
        let owned =
            |(mistake, text): (Option<&str>, &str)| (mistake.map(str::to_string), Zeroizing::new(text.to_string()));
        readings.into_iter().map(owned).collect()
    }

    /// What may have been the key.
    fn keys(&self) -> Vec<Tried<Zeroizing<String>>> {
        let with = |before: &str, after: &str| Zeroizing::new(format!("{before}{}{after}", self.secret));
        let wrong = |why: &str, key| (Some(why.to_string()), key);
        vec![
            (None, with("", "")),
            wrong("the secret was used with a line end behind it", with("", "\n")),
            wrong("the secret was used with a line end behind it", with("", "\r\n")),
            wrong("the secret was used with a space behind it", with("", " ")),
            wrong("the secret was used with a space before it", with(" ", "")),
            wrong("the secret was used in quotation marks", with("\"", "\"")),
            wrong("the secret was used with a & behind it, as the API wants it and a login does not", with("", "&")),
            wrong("the AccessKey id was used as the secret", Zeroizing::new(self.key_id().to_string())),
        ]
    }

    /// What may have been signed.
    fn texts(&self) -> Vec<Tried<String>> {
        let (id, instance) = (self.config.client_id(), self.config.instance_id());
        let whole = id.as_str();
        let mut texts = vec![(None, whole.to_string())];
        let mut wrong =
            |why: &str, text: String| texts.push((Some(format!("{why} was signed, not the client id {whole}")), text));
        for (other, text) in self.others.iter().map(|other| (format!("the client id {other}"), other.clone())) {
            wrong(&other, text);
        }
        if let (Some(group), Some(device)) = (id.group(), id.device()) {
            wrong("the group id alone", group.to_string());
            wrong("the device id alone", device.to_string());
            wrong("a client id with a single @", format!("{group}@{device}"));
            wrong("a client id with two @", format!("{group}@@{device}"));
            wrong("a client id with nothing between its parts", format!("{group}{device}"));
        }
        wrong("the client id in lower case", whole.to_ascii_lowercase());
        wrong("the client id in upper case", whole.to_ascii_uppercase());
        wrong("the client id with a line end", format!("{whole}\n"));
        wrong("the client id with a space behind it", format!("{whole} "));
        wrong("the user name", self.login.username().to_string());
        wrong("the instance id", instance.to_string());
        wrong("an empty text", String::new());
        texts
    }

    /// The second part of the user name, where it has three.
    fn key_id(&self) -> &str {
        self.login.username().split('|').nth(1).unwrap_or(self.login.username())
    }

    fn of_tokens(&self, given: &str) -> Option<String> {
        let right = self.login.password();
        if same_tokens(given, right) {
            return None;
        }
        let trimmed = given.trim();
        if same_tokens(trimmed, right) {
            return Some("there is white space around it".to_string());
        }
        let (kinds, texts): (Vec<&str>, Vec<&str>) = pairs(right).into_iter().unzip();
        if texts.contains(&trimmed) {
            return Some(format!("it is the bare token; {}| must stand before it", kinds.join("| or ")));
        }
        let Some(given) = is_tokens(trimmed).then(|| pairs(trimmed)) else {
            return Some(
                "it does not have the form of tokens: RW|..., R|..., W|..., or several of these joined".to_string(),
            );
        };
        if given.iter().any(|(_, text)| texts.contains(text)) {
            let kinds = kinds.join(" and ");
            return Some(format!("it has the token, but not with the same types: they are {kinds}"));
        }
        Some("it is another token than the configured one".to_string())
    }

    fn of_plain(&self, given: &str) -> Option<String> {
        if given == self.login.password() {
            return None;
        }
        let trimmed = given.trim();
        let signed = hashes(self.secret, self.config.client_id().as_str());
        let is_signed = forms().iter().any(|(_, form)| signed.iter().any(|(_, signature)| form(signature) == trimmed));
        Some(match () {
            () if trimmed == self.secret => "there is white space around it".to_string(),
            () if is_signed => {
                "it is a signature: right for the mode custom-signed; here the uploaded secret itself is wanted"
                    .to_string()
            }
            () => "it is not the configured password".to_string(),
        })
    }
}

/// What is wrong with a user name; nothing if it is right.
pub(super) fn of_user(given: &str, right: &str) -> Vec<String> {
    if given == right {
        return Vec::new();
    }
    let cause = |text: &str| vec![format!("user name: {text}")];
    if given.trim() == right {
        return cause("there is white space around it");
    }
    let (parts, rights): (Vec<&str>, Vec<&str>) = (given.split('|').collect(), right.split('|').collect());
    let [mode, key_id, instance_id] = rights[..] else { return cause(&format!("it is not {right}")) };
    if given.contains('｜') {
        return cause("its parts are separated by the wide ｜, not by |");
    }
    if parts.len() != 3 {
        return cause(&format!("it has {} parts separated by |, not three: {right}", parts.len()));
    }
    let mut causes = Vec::new();
    if parts[0] != mode {
        causes.push(format!("user name: its first part is not {mode}"));
    }
    if parts[1] != key_id {
        causes.push(format!("user name: its second part is not the AccessKey id {key_id}"));
    }
    if parts[2] != instance_id {
        causes.push(format!("user name: its third part is not the instance id {instance_id}"));
    }
    causes
}

/// The two hashes of the field.
fn hashes(key: &str, text: &str) -> [Tried<Zeroizing<Vec<u8>>>; 2] {
    let sha256 = Some("it was made with HMAC-SHA256, not HMAC-SHA1".to_string());
    [(None, hmac::<Hmac<Sha1>>(key, text)), (sha256, hmac::<Hmac<Sha256>>(key, text))]
}

fn hmac<M: Mac + KeyInit>(key: &str, text: &str) -> Zeroizing<Vec<u8>> {
    // An HMAC takes a key of any length.
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

/// How a signature may have been written.
fn forms() -> [(Option<&'static str>, Form); 8] {
    [
        (None, |bytes| STANDARD.encode(bytes)),
        (Some("it is hexadecimal, not base64"), |bytes| hex(bytes)),
        (Some("it is hexadecimal, not base64"), |bytes| hex(bytes).to_ascii_uppercase()),
        (Some("it is the base64 of the hexadecimal form, not of the bytes"), |bytes| STANDARD.encode(hex(bytes))),
        (Some("it is base64 with the alphabet for URLs (- and _), not the standard one"), |bytes| {
            URL_SAFE.encode(bytes)
        }),
        (Some("it is base64 with the alphabet for URLs (- and _), and without its = at the end"), |bytes| {
            URL_SAFE_NO_PAD.encode(bytes)
        }),
        (Some("it is base64 without its = at the end"), |bytes| STANDARD_NO_PAD.encode(bytes)),
        (Some("it is percent-encoded, as for a URL"), |bytes| {
            STANDARD.encode(bytes).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
        }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a password that nothing explains looks like.
fn form_of(given: &str) -> &'static str {
    let given = given.trim();
    let is_hex = given.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (STANDARD.decode(given).map(|bytes| bytes.len()), given.len()) {
        (_, 40) if is_hex => "it is hexadecimal, not base64, and made of another secret or another client id",
        (Ok(20), _) => {
            "it has the right form, so it was made with another secret or for another client id (try --other-id)"
        }
        (Ok(32), _) => {
            "it has the form of an HMAC-SHA256, not HMAC-SHA1, and was made of another secret or another client id"
        }
        _ => "it is no signature: that would be 28 characters of base64",
    }
}

fn is_tokens(text: &str) -> bool {
    let parts: Vec<&str> = text.split('|').collect();
    parts.len().is_multiple_of(2)
        && parts.chunks(2).all(|pair| ["R", "W", "RW"].contains(&pair[0]) && !pair[1].is_empty())
}

/// Types and tokens.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = text.split('|').collect();
    parts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

/// Tokens may stand in any order.
fn same_tokens(one: &str, other: &str) -> bool {
    let sorted = |text| {
        let mut pairs = pairs(text);
        pairs.sort_unstable();
        pairs
    };
    is_tokens(one) && sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests;
