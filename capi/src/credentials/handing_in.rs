//! New tokens for a connected client, by plain calls.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Instant;

use super::by_hand::{ByHand, is_end};
use crate::client::{amq_client, with};
use crate::error::amq_error;
use crate::guard::call;
use crate::input::{Failure, Wait, object, text, wait};
use crate::lent::set;
use crate::status::amq_status;
use crate::token::{amq_token, amq_token_kind, tokens as read_tokens, unix_ms};

/// Replaces the token of the same kind on the present connection. Blocks until the service has accepted the new one, at
/// most for the timeout. Meanwhile nothing else is published or subscribed.
///
/// Fails with AMQ_KIND_INVALID if the client did not log in with tokens, and with AMQ_KIND_REJECTED if the service
/// refuses the token; the previous one is then used again. After AMQ_ERROR_TIMEOUT the next login uses the new token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_upload_token(
    client: *const amq_client,
    token: *const amq_token,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |connected| {
            let token = object("token", token)?.token();
            connected.upload_token(token.clone())?;
            if let Some(by_hand) = object("client", client)?.connection().by_hand() {
                by_hand.uploaded(token);
            }
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Waits until the client wants new tokens, at most for the timeout: AMQ_TIMEOUT_NONE waits as long as the client
/// lives, 0 only looks. For clients with amq_credentials_tokens_by_hand.
///
/// AMQ_OK: tokens are wanted, until some are handed in or refused. `*kinds`, if it is not NULL, has the bit `1 <<
/// amq_token_kind` for each kind to be handed in; `*expires`, if it is not NULL, is the time at which the first of them
/// expires, in milliseconds since 1970, or -1 if that is not known. AMQ_TIMEOUT: none are wanted. AMQ_END: this program
/// has disconnected or closed the client. Fails if the client has given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_token_wanted(
    client: *const amq_client,
    timeout_ms: i64,
    kinds: *mut u32,
    expires: *mut i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            set(kinds, 0);
            set(expires, -1);
            let (client, by_hand) = by_hand(client)?;
            let client = client.client();
            let until = match wait(timeout_ms)? {
                Wait::Forever => None,
                Wait::Configured => Instant::now().checked_add(client.config().timeout()),
                Wait::For(time) => Instant::now().checked_add(time),
            };
            match by_hand.wanted(client, until) {
                Ok(None) => Ok(amq_status::AMQ_TIMEOUT),
                Ok(Some(wanted)) => {
                    let bit = |kind| 1 << (amq_token_kind::of(Some(kind)) as u32);
                    set(kinds, wanted.kinds.into_iter().map(bit).fold(0, |bits, bit| bits | bit));
                    set(expires, unix_ms(wanted.expires));
                    Ok(amq_status::AMQ_OK)
                }
                Err(error) if is_end(&error) => Ok(amq_status::AMQ_END),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// Hands in new tokens, which are copied: at most one of each kind; a kind that is not among them keeps its token. Does
/// not block. They are uploaded at once if the client is connected, else used for the next login, which is then made
/// without a further pause. They may come before they are wanted. For clients with amq_credentials_tokens_by_hand.
///
/// The service's answer is an event: AMQ_EVENT_KIND_TOKEN_RENEWED or AMQ_EVENT_KIND_TOKEN_RENEWAL_FAILED. Use
/// amq_client_upload_token to wait for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_hand_in_tokens(
    client: *const amq_client,
    tokens: *const *const amq_token,
    count: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let (client, by_hand) = by_hand(client)?;
            by_hand.hand_in(client.client(), &read_tokens(tokens, count)?)?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Says that the program cannot get tokens now, and why: the reason appears in events and in the log, so it must not
/// contain a secret. They are no longer wanted until the client asks again, after a pause that grows. Does not block.
/// For clients with amq_credentials_tokens_by_hand.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_refuse_tokens(
    client: *const amq_client,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let (_, by_hand) = by_hand(client)?;
            by_hand.refuse(text("reason", reason, reason_len)?);
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Returns the client and its tokens. In a forked child it fails before any lock.
unsafe fn by_hand<'a>(client: *const amq_client) -> Result<(&'a amq_client, &'a Arc<ByHand>), Failure> {
    let client = unsafe { object("client", client) }?;
    client.check_process()?;
    let by_hand = client.connection().by_hand().ok_or_else(|| {
        Failure::misuse("client was not made with amq_credentials_tokens_by_hand: no tokens can be handed in")
    })?;
    Ok((client, by_hand))
}
