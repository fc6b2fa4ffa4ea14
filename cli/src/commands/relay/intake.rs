//! The bodies of requests, read within bounds.

use std::time::Duration;

use aliyun_mqtt::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};

use super::problem::{Problem, Reason};

/// Reads the whole body, up to this many bytes, within this time.
pub(super) async fn read(body: Incoming, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Reason::TooLarge, format!("the body has more than {limit} bytes"));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(time, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(Reason::Invalid, format!("the body cannot be read: {error}"))),
        Err(_) => {
            let text = format!("the body did not arrive within {} s", time.as_secs_f64());
            Err(Problem::new(Reason::Slow, text))
        }
    }
}
