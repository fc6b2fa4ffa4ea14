//! Calls of the API by the names of their operations.

use std::ffi::c_char;

use aliyun_mqtt::openapi::Call;
use zeroize::Zeroizing;

use super::{amq_api, with};
use crate::error::amq_error;
use crate::guard::{call as guarded, free};
use crate::input::{Failure, object, object_mut, place, text};
use crate::status::amq_status;
use crate::text::amq_text;

/// A call of an API operation by its name, for operations without a function of their own. One thread at a time may
/// change it. The common parameters (version, time, signature) are added. The instance id is not, because not every
/// operation has one: amq_call_add_parameter(call, "InstanceId", ...).
pub struct amq_call {
    call: Call,
}

/// Creates a call of this operation, such as "ListGroupId".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_call_new(
    action: *const c_char,
    action_len: usize,
    call: *mut *mut amq_call,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        guarded(error, || {
            let result = place("call", call)?;
            *result = Box::into_raw(Box::new(amq_call { call: Call::new(text("action", action, action_len)?) }));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Frees a call. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_call_free(call: *mut amq_call) {
    unsafe { free(call) };
}

/// Adds a parameter of the query. Numbers and booleans are given as text; lists as "Name.1", "Name.2" and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_call_add_parameter(
    call: *mut amq_call,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        change(call, error, |call| Ok(call.parameter(text("name", name, name_len)?, text("value", value, value_len)?)))
    }
}

/// Adds a parameter of the body, which some operations require.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_call_add_form(
    call: *mut amq_call,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        change(call, error, |call| Ok(call.form(text("name", name, name_len)?, text("value", value, value_len)?)))
    }
}

/// Treats the value of this parameter as a secret: errors do not show it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_call_hide(
    call: *mut amq_call,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { change(call, error, |call| Ok(call.hide(text("name", name, name_len)?))) }
}

/// Sends the call as GET instead of POST, as the official SDK does for some operations. A GET has no form.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_call_use_get(call: *mut amq_call, error: *mut *mut amq_error) -> amq_status {
    unsafe { change(call, error, |call| Ok(call.get())) }
}

/// Sets if the call may be repeated when its outcome is unknown. Default false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_call_set_repeatable(
    call: *mut amq_call,
    repeatable: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { change(call, error, |call| Ok(call.repeatable(repeatable))) }
}

/// Makes a call, and sets `*json` to the service's JSON object, which amq_text_free frees.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_call(
    api: *const amq_api,
    call: *const amq_call,
    timeout_ms: i64,
    json: *mut *mut amq_text,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(
            api,
            timeout_ms,
            error,
            || place("json", json).map(drop),
            |api| {
                let answer = api.call(&object("call", call)?.call)?;
                let text = Zeroizing::new(serde_json::Value::Object(answer).to_string());
                *json = amq_text::lend(&text);
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}

unsafe fn change(
    call: *mut amq_call,
    error: *mut *mut amq_error,
    change: impl FnOnce(Call) -> Result<Call, Failure>,
) -> amq_status {
    unsafe {
        guarded(error, || {
            let call = object_mut("call", call)?;
            call.call = change(call.call.clone())?;
            Ok(amq_status::AMQ_OK)
        })
    }
}
