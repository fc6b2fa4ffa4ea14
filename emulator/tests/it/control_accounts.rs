//! Accounts that are changed while the emulator runs, by the control API.

use aliyun_mqtt_emulator::{Emulator, SignMode};
use serde_json::{Value, json};

use crate::support::http::Control;
use crate::support::{self, Raw};

const ID: &str = "GID_emulator@@@a";

struct Accounts {
    emulator: Emulator,
    control: Control,
}

impl Accounts {
    fn start() -> Self {
        let (emulator, control) = Control::start();
        Self { emulator, control }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.control.post(&format!("/control/{path}"), body)
    }

    /// Returns the CONNACK code of a login.
    fn login(&self, client_id: &str, username: &str, password: &str) -> u8 {
        Raw::tcp(&self.emulator).connect(client_id, username, password, true).0
    }

    fn sign(&self, client_id: &str, key: &str, secret: &str) -> u8 {
        let username = format!("Signature|{key}|{}", self.emulator.instance_id());
        self.login(client_id, &username, &support::sign(client_id, secret))
    }
}

#[test]
fn custom_identities_come_and_go() {
    let accounts = Accounts::start();
    let user = json!({ "username": "name", "secret": "own-secret", "sign_mode": "ORIGIN" });
    assert_eq!(accounts.login("free-form", "name", "own-secret"), 4);
    accounts.post("custom-identities", &user);
    assert_eq!(accounts.login("free-form", "name", "own-secret"), 0);
    let mut client = user;
    client["client_id"] = "bound".into();
    client["secret"] = "client-secret".into();
    client["sign_mode"] = "SIGNED".into();
    accounts.post("custom-identities", &client);
    assert_eq!(accounts.login("bound", "name", &support::sign("bound", "client-secret")), 0);
    assert_eq!(accounts.login("bound", "name", "own-secret"), 4);
    let listed = accounts.control.get("/control/custom-identities");
    let expected = json!({ "custom_identities": [
        { "username": "name", "type": "USER", "client_id": null, "sign_mode": "ORIGIN" },
        { "username": "name", "type": "CLIENT", "client_id": "bound", "sign_mode": "SIGNED" },
    ] });
    assert_eq!(listed, expected);
    for (body, removed) in [
        (json!({ "username": "name", "client_id": "other" }), false),
        (json!({ "username": "name" }), true),
        (json!({ "username": "name" }), false),
        (json!({ "username": "name", "client_id": "bound" }), true),
        (json!({ "username": "nobody" }), false),
    ] {
        assert_eq!(accounts.post("custom-identities/remove", &body)["removed"], removed, "{body}");
    }
    assert_eq!(accounts.control.get("/control/custom-identities")["custom_identities"], json!([]));
    assert_eq!(accounts.login("free-form", "name", "own-secret"), 4);
    // The same by calls.
    accounts.emulator.set_custom_identity("name", Some("bound"), "own-secret", SignMode::Origin);
    assert_eq!((accounts.login("bound", "name", "own-secret"), accounts.login("other", "name", "own-secret")), (0, 5));
    assert!(accounts.emulator.remove_custom_identity("name", Some("bound")));
}

#[test]
fn access_keys_come_change_and_go() {
    let accounts = Accounts::start();
    assert_eq!(accounts.sign(ID, "second", "first-secret"), 5);
    accounts.post("access-keys", &json!({ "id": "second", "secret": "first-secret" }));
    assert_eq!(accounts.sign(ID, "second", "first-secret"), 0);
    accounts.post("access-keys", &json!({ "id": "second", "secret": "changed-secret" }));
    assert_eq!((accounts.sign(ID, "second", "first-secret"), accounts.sign(ID, "second", "changed-secret")), (4, 0));
    // A temporary key signs no login.
    let temporary = json!({ "id": "second", "secret": "changed-secret", "security_token": "a-token" });
    accounts.post("access-keys", &temporary);
    assert_eq!(accounts.sign(ID, "second", "changed-secret"), 5);
    let settings = accounts.control.get("/control/settings");
    assert_eq!(settings["access_key_ids"], json!([accounts.emulator.access_key_id()]));
    assert_eq!(settings["sts_key_ids"], json!(["second"]));
    for removed in [true, false] {
        assert_eq!(accounts.post("access-keys/remove", &json!({ "id": "second" }))["removed"], removed);
    }
    let first = accounts.emulator.access_key_id().to_owned();
    accounts.post("access-keys/remove", &json!({ "id": first }));
    assert_eq!(accounts.sign(ID, &first, accounts.emulator.access_key_secret()), 5);
    let token = json!({ "token": "x", "permission": "R", "resources": ["emulator/#"], "lifetime": 60 });
    accounts.control.call("POST", "/control/tokens", &token.to_string()).refused(404);
    // The same by calls.
    accounts.emulator.set_sts_key("third", "a-secret", "a-token");
    accounts.emulator.set_access_key("third", "a-secret");
    assert_eq!(accounts.sign(ID, "third", "a-secret"), 0);
    assert!(accounts.emulator.remove_access_key("third") && !accounts.emulator.remove_access_key("third"));
}

#[test]
fn group_ids_come_and_go() {
    let accounts = Accounts::start();
    let (key, secret) = (accounts.emulator.access_key_id(), accounts.emulator.access_key_secret());
    let login = || accounts.sign("GID_other@@@a", key, secret);
    assert_eq!(login(), 5);
    assert_eq!(accounts.post("groups", &json!({ "group_id": "GID_other" }))["added"], true);
    assert_eq!(accounts.post("groups", &json!({ "group_id": "GID_other" }))["added"], false);
    assert_eq!(login(), 0);
    assert_eq!(accounts.post("groups/remove", &json!({ "group_id": "GID_other" }))["removed"], true);
    assert_eq!(accounts.post("groups/remove", &json!({ "group_id": "GID_other" }))["removed"], false);
    assert_eq!(login(), 5);
    accounts.control.call("POST", "/control/groups", r#"{"group_id":"no_group_id"}"#).refused(422);
    // The same by calls.
    assert!(accounts.emulator.create_group("GID_other").unwrap());
    assert!(accounts.emulator.create_group("other").is_err());
    assert!(accounts.emulator.delete_group("GID_other"));
}

#[test]
fn certificates_are_registered_and_removed() {
    let accounts = Accounts::start();
    let named = json!({ "serial_number": "abcd", "common_name": "device" });
    accounts.post("certificates", &named);
    accounts.emulator.register_certificate("ef", false);
    let listed = accounts.control.get("/control/certificates");
    let expected = json!({ "certificates": [
        { "serial_number": "abcd", "common_name": "device", "client_id": "", "active": true },
        { "serial_number": "ef", "common_name": "", "client_id": "", "active": false },
    ] });
    assert_eq!(listed, expected);
    let activate = json!({ "serial_number": "ef", "active": true });
    assert_eq!(accounts.post("certificates/activate", &activate)["known"], true);
    assert_eq!(accounts.post("certificates/remove", &json!({ "serial_number": "abcd" }))["removed"], true);
    assert!(accounts.emulator.unregister_certificate("ef") && !accounts.emulator.unregister_certificate("abcd"));
    assert_eq!(accounts.control.get("/control/certificates")["certificates"], json!([]));
}

#[test]
fn the_settings_have_the_certificate_of_the_ca_and_no_secret() {
    let accounts = Accounts::start();
    let secrets = ["own-secret", "key-secret", "sts-secret", "security-token", "device-secret", "token-text"];
    let identity = json!({ "username": "name", "secret": secrets[0], "sign_mode": "SIGNED" });
    accounts.post("custom-identities", &identity);
    accounts.post("access-keys", &json!({ "id": "key", "secret": secrets[1] }));
    accounts.post("access-keys", &json!({ "id": "sts", "secret": secrets[2], "security_token": secrets[3] }));
    let device = json!({ "client_id": ID, "access_key_id": "DC.id", "access_key_secret": secrets[4] });
    accounts.post("devices", &device);
    let token = json!({ "token": secrets[5], "permission": "R", "resources": ["emulator/#"], "lifetime": 60 });
    accounts.post("tokens", &token);
    assert_eq!(accounts.control.get("/control/settings")["ca_pem"], accounts.emulator.ca_pem());
    // Each call that lists something, whatever there will be.
    let document = accounts.control.get("/control/openapi.json");
    let paths = document["paths"].as_object().unwrap();
    for path in paths.iter().filter(|(path, call)| call["get"].is_object() && !path.ends_with("events")) {
        let shown = accounts.control.get(path.0).to_string();
        for secret in secrets.iter().copied().chain([accounts.emulator.access_key_secret(), &accounts.control.token]) {
            assert!(!shown.contains(secret), "{secret} in {}", path.0);
        }
    }
}
