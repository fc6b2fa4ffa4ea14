//! The API.

use std::ptr;

use aliyun_mqtt_emulator::Emulator;

use super::*;
use crate::api::config::*;
use crate::api::device::*;
use crate::api::generic::*;
use crate::api::token::*;
use crate::api::*;
use crate::credentials::amq_credentials_free;
use crate::error::{amq_error_api_code, amq_error_api_status};
use crate::text::{amq_text, amq_text_data, amq_text_free};
use crate::token::{amq_token_expiry, amq_token_free, amq_token_get_kind, amq_token_kind, amq_token_text};

fn settings(emulator: &Emulator) -> *mut amq_api_config {
    let config = amq_api_config_new();
    let (url, instance) = (emulator.api_endpoint(), emulator.instance_id());
    let (id, secret) = (emulator.access_key_id(), emulator.access_key_secret());
    ok(|error| unsafe { amq_api_config_set_endpoint(config, c(&url), url.len(), error) });
    ok(|error| unsafe { amq_api_config_set_instance_id(config, c(instance), instance.len(), error) });
    ok(|error| unsafe { amq_api_config_set_access_key(config, c(id), id.len(), c(secret), secret.len(), error) });
    ok(|error| unsafe { amq_api_config_set_backoff(config, 1, 10, error) });
    config
}

pub(super) fn api(emulator: &Emulator) -> *mut amq_api {
    let config = settings(emulator);
    let mut api = ptr::null_mut();
    ok(|error| unsafe { amq_api_new(config, &raw mut api, error) });
    unsafe { amq_api_config_free(config) };
    api
}

fn take(text: *mut amq_text) -> String {
    let mut len = 0;
    let taken = read(unsafe { amq_text_data(text, &raw mut len) });
    assert_eq!(taken.len(), len);
    unsafe { amq_text_free(text) };
    taken
}

#[test]
fn tokens_are_applied_for_queried_and_revoked() {
    let emulator = Emulator::start().unwrap();
    let api = api(&emulator);
    assert_eq!(read(unsafe { amq_api_instance_id(api, ptr::null_mut()) }), emulator.instance_id());
    assert_eq!(read(unsafe { amq_api_access_key_id(api, ptr::null_mut()) }), emulator.access_key_id());
    assert_eq!(read(unsafe { amq_api_endpoint(api, ptr::null_mut()) }), emulator.api_endpoint());
    assert!(unsafe { amq_api_region(api, ptr::null_mut()) }.is_null());
    let mut request = ptr::null_mut();
    ok(|error| unsafe { amq_token_request_new(1, &raw mut request, error) });
    let topic = format!("{}/#", emulator.parent_topic());
    ok(|error| unsafe { amq_token_request_add_topic(request, c(&topic), topic.len(), error) });
    let mut token = ptr::null_mut();
    ok(|error| unsafe { amq_api_apply_token(api, request, 5_000, &raw mut token, error) });
    assert_eq!(unsafe { amq_token_get_kind(token) }, amq_token_kind::Read);
    assert!(unsafe { amq_token_expiry(token) } > 0);
    let text = read(unsafe { amq_token_text(token, ptr::null_mut()) });
    let mut valid = false;
    ok(|error| unsafe { amq_api_query_token(api, c(&text), text.len(), -2, &raw mut valid, error) });
    assert!(valid);
    ok(|error| unsafe { amq_api_revoke_token(api, c(&text), text.len(), -2, error) });
    ok(|error| unsafe { amq_api_query_token(api, c(&text), text.len(), -2, &raw mut valid, error) });
    assert!(!valid);
    unsafe { amq_token_free(token) };
    unsafe { amq_token_request_free(request) };
    let failed = fails(|error| unsafe { amq_token_request_new(4, &raw mut request, error) });
    assert!(failed.text.contains("kind is 4") && request.is_null(), "{failed:?}");
    unsafe { amq_api_free(api) };
}

#[test]
fn messages_sessions_and_devices() {
    let emulator = Emulator::start().unwrap();
    let api = api(&emulator);
    let topic = topic(&emulator);
    let mut id = ptr::null_mut();
    ok(|error| unsafe { amq_api_send_message(api, c(&topic), topic.len(), c("text"), 4, -2, &raw mut id, error) });
    assert!(!take(id).is_empty());
    ok(|error| unsafe { amq_api_send_message(api, c(&topic), topic.len(), c("text"), 4, -2, ptr::null_mut(), error) });
    let client_id = format!("{}@@@0001", emulator.group_id());
    let mut online = true;
    ok(|error| unsafe { amq_api_query_session(api, c(&client_id), client_id.len(), -2, &raw mut online, error) });
    assert!(!online);
    let mut device = ptr::null_mut();
    ok(|error| unsafe {
        amq_api_register_device_credential(api, c(&client_id), client_id.len(), -2, &raw mut device, error)
    });
    assert_eq!(read(unsafe { amq_device_credential_client_id(device, ptr::null_mut()) }), client_id);
    let secret = read(unsafe { amq_device_credential_access_key_secret(device, ptr::null_mut()) });
    let mut credentials = ptr::null_mut();
    ok(|error| unsafe { amq_device_credential_credentials(device, &raw mut credentials, error) });
    let with = unsafe { &*credentials }.credentials();
    let client = connect_with(builder(&emulator).device_id("0001").credentials(with));
    ok(|error| unsafe { amq_api_query_session(api, c(&client_id), client_id.len(), -2, &raw mut online, error) });
    assert!(online);
    free(client);
    unsafe { amq_credentials_free(credentials) };
    unsafe { amq_device_credential_free(device) };
    ok(|error| unsafe {
        amq_api_refresh_device_credential(api, c(&client_id), client_id.len(), -2, &raw mut device, error)
    });
    unsafe { amq_device_credential_free(device) };
    ok(|error| unsafe {
        amq_api_get_device_credential(api, c(&client_id), client_id.len(), -2, &raw mut device, error)
    });
    assert_ne!(read(unsafe { amq_device_credential_access_key_secret(device, ptr::null_mut()) }), secret);
    assert!(!read(unsafe { amq_device_credential_access_key_id(device, ptr::null_mut()) }).is_empty());
    assert!(unsafe { amq_device_credential_created(device) <= amq_device_credential_updated(device) });
    unsafe { amq_device_credential_free(device) };
    ok(|error| unsafe { amq_api_unregister_device_credential(api, c(&client_id), client_id.len(), -2, error) });
    let failed = fails(|error| unsafe {
        amq_api_get_device_credential(api, c(&client_id), client_id.len(), -2, &raw mut device, error)
    });
    assert_eq!(failed.kind, amq_kind::Api);
    assert!(device.is_null());
    unsafe { amq_api_free(api) };
}

#[test]
fn the_generic_call_returns_json() {
    let emulator = Emulator::start().unwrap();
    let api = api(&emulator);
    let action = "ListGroupId";
    let mut call = ptr::null_mut();
    ok(|error| unsafe { amq_call_new(c(action), action.len(), &raw mut call, error) });
    let instance = emulator.instance_id();
    ok(|error| unsafe { amq_call_add_parameter(call, c("InstanceId"), 10, c(instance), instance.len(), error) });
    ok(|error| unsafe { amq_call_hide(call, c("InstanceId"), 10, error) });
    ok(|error| unsafe { amq_call_set_repeatable(call, true, error) });
    let mut json = ptr::null_mut();
    ok(|error| unsafe { amq_api_call(api, call, -2, &raw mut json, error) });
    let json: serde_json::Value = serde_json::from_str(&take(json)).unwrap();
    assert!(json["RequestId"].is_string() && json["Data"].to_string().contains(emulator.group_id()), "{json}");
    unsafe { amq_call_free(call) };
    // What nobody has heard of.
    let mut call = ptr::null_mut();
    ok(|error| unsafe { amq_call_new(c("NoSuchAction"), 12, &raw mut call, error) });
    ok(|error| unsafe { amq_call_add_form(call, c("A"), 1, c("B"), 1, error) });
    let mut json = ptr::dangling_mut();
    let mut error = ptr::null_mut();
    assert_eq!(unsafe { amq_api_call(api, call, -2, &raw mut json, &raw mut error) }, amq_status::AMQ_ERROR);
    assert!(json.is_null());
    assert!(unsafe { amq_error_api_status(error) } >= 400);
    assert!(!read(unsafe { amq_error_api_code(error, ptr::null_mut()) }).is_empty());
    unsafe { amq_error_free(error) };
    ok(|error| unsafe { amq_call_use_get(call, error) });
    let failed = fails(|error| unsafe { amq_api_call(api, call, -2, &raw mut json, error) });
    assert_eq!(failed.kind, amq_kind::Invalid);
    unsafe { amq_call_free(call) };
    unsafe { amq_api_free(api) };
}

#[test]
fn settings_are_checked_when_an_api_is_made() {
    let emulator = Emulator::start().unwrap();
    let config = settings(&emulator);
    ok(|error| unsafe { amq_api_config_set_signing(config, 2, error) });
    ok(|error| unsafe { amq_api_config_set_timeout(config, 1, error) });
    let mut api = ptr::dangling_mut();
    let failed = fails(|error| unsafe { amq_api_new(config, &raw mut api, error) });
    assert_eq!(failed.kind, amq_kind::Config);
    assert!(api.is_null());
    ok(|error| unsafe { amq_api_config_set_timeout(config, 10_000, error) });
    ok(|error| unsafe { amq_api_new(config, &raw mut api, error) });
    let mut valid = true;
    ok(|error| unsafe { amq_api_query_token(api, c("x"), 1, -2, &raw mut valid, error) });
    assert!(!valid);
    let failed = fails(|error| unsafe { amq_api_config_set_signing(config, 1, error) });
    assert_eq!(failed.status, amq_status::AMQ_ERROR_MISUSE);
    let failed = fails(|error| unsafe { amq_api_query_token(api, c("x"), 1, -1, &raw mut valid, error) });
    assert!(failed.text.contains("AMQ_TIMEOUT_NONE"), "{failed:?}");
    unsafe { amq_api_free(api) };
    unsafe { amq_api_config_free(config) };
}
