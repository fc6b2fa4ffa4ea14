//! Finds out why a login is wrong, by trying the usual mistakes, one by one and in combination.

use aliyun_mqtt::{Config, Login, Token, Tokens};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::settings::Auth;

/// The right login, and what it is made of.
pub(super) struct Right<'a> {
    pub(super) config: &'a Config,
    pub(super) login: &'a Login,
    pub(super) secret: &'a str,
    /// Other client ids that may have been signed by mistake.
    pub(super) others: &'a [String],
}

/// One way to make a part of the login, with its mistake, or `None` for the right way.
type Tried<T> = (Option<String>, T);

type Form = fn(&[u8]) -> String;

impl Right<'_> {
    /// Returns the mistake in a password, or `None` if it is right. The text contains neither password.
    pub(super) fn mistake_of(&self, auth: Auth, given: &str) -> Option<String> {
        match auth {
            Auth::Token => self.of_tokens(given),
            Auth::CustomPlain => self.of_plain(given),
            Auth::Signature | Auth::Chain | Auth::Device | Auth::CustomSigned => self.of_signature(given),
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
            return Some("it is the secret itself, not a signature made with it".to_string());
        }
        if tokens(given).is_some() {
            return Some("it is a token, which is the password in token mode".to_string());
        }
        Some(form_of(given).to_string())
    }

    /// Finds the smallest set of mistakes that together produce the given signature.
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

    /// Returns the ways to read the given password.
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

    /// Returns the keys that may have been used.
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
            wrong("the secret was used with a & behind it, as in API signatures", with("", "&")),
            wrong("the AccessKey id was used as the secret", Zeroizing::new(self.key_id().to_string())),
        ]
    }

    /// Returns the texts that may have been signed.
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

    /// Returns the AccessKey id: the second of three parts of the user name, or the whole name.
    fn key_id(&self) -> &str {
        self.login.username().split('|').nth(1).unwrap_or(self.login.username())
    }

    fn of_tokens(&self, given: &str) -> Option<String> {
        let right = tokens(self.login.password());
        if right.is_some() && tokens(given) == right {
            return None;
        }
        let trimmed = given.trim();
        let given = tokens(trimmed);
        if right.is_some() && given == right {
            return Some("there is white space around it".to_string());
        }
        let right = right.unwrap_or_default();
        let kinds: Vec<&str> = right.iter().map(|token| token.kind().as_str()).collect();
        let is_right = |text: &str| right.iter().any(|token| token.secret() == text);
        if is_right(trimmed) {
            return Some(format!("it is the token without its kind; {}| must precede it", kinds.join("| or ")));
        }
        let Some(given) = given else {
            return Some(
                "it does not have the form of tokens: RW|..., R|..., W|..., or several of these joined by |"
                    .to_string(),
            );
        };
        if given.iter().any(|token| is_right(token.secret())) {
            let kinds = kinds.join(" and ");
            return Some(format!("it contains the token, but with other kinds; the right ones are {kinds}"));
        }
        Some("it is not the configured token".to_string())
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
                "it is a signature, as in the mode custom-signed; custom-plain takes the uploaded secret itself"
                    .to_string()
            }
            () => "it is not the configured password".to_string(),
        })
    }
}

/// Returns the mistakes in a user name; none if it is right.
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
        return cause("its parts are separated by the full-width ｜, not by |");
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

/// Returns the two hashes in common use, with the mistake in using them.
fn hashes(key: &str, text: &str) -> [Tried<Zeroizing<Vec<u8>>>; 2] {
    let sha256 = Some("it was made with HMAC-SHA256, not HMAC-SHA1".to_string());
    [(None, hmac::<Hmac<Sha1>>(key, text)), (sha256, hmac::<Hmac<Sha256>>(key, text))]
}

fn hmac<M: Mac + KeyInit>(key: &str, text: &str) -> Zeroizing<Vec<u8>> {
    // HMAC accepts keys of any length.
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

/// Returns the ways to encode a signature, with the mistake in using them.
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

/// Describes a password that no combination of mistakes explains.
fn form_of(given: &str) -> &'static str {
    let given = given.trim();
    let is_hex = given.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (STANDARD.decode(given).map(|bytes| bytes.len()), given.len()) {
        (_, 40) if is_hex => "it is hexadecimal, not base64, and made with another secret or for another client id",
        (Ok(20), _) => {
            "it has the right form, so it was made with another secret or for another client id (try --other-id)"
        }
        (Ok(32), _) => {
            "it looks like an HMAC-SHA256, not HMAC-SHA1, and was made with another secret or for another client id"
        }
        _ => "it is not a signature, which would be 28 characters of base64",
    }
}

/// Reads a text of tokens, sorted by kind: their order does not matter.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens: Vec<Token> = text.parse::<Tokens>().ok()?.into_iter().collect();
    tokens.sort_by_key(Token::kind);
    Some(tokens)
}

#[cfg(test)]
mod tests;
