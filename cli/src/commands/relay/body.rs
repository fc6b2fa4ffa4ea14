//! Bodies: reading those of requests within bounds, and writing those of responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aliyun_mqtt::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

use super::problem::{Problem, Reason};

/// How long the whole body of an ordinary request may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The body of a response: known at once, or made part by part.
#[derive(Debug, Default)]
pub(super) enum Body {
    #[default]
    Empty,
    Full(Bytes),
    Parts(mpsc::Receiver<Bytes>),
}

impl Body {
    pub(super) fn full(bytes: impl Into<Bytes>) -> Self {
        Body::Full(bytes.into())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Body::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Body::Parts(parts) => parts.poll_recv(cx).map(|part| part.map(|part| Ok(Frame::data(part)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Parts(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Parts(_) => SizeHint::default(),
        }
    }
}

/// Reads the whole body, up to this many bytes.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Reason::TooLarge, format!("the body has more than {limit} bytes"));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(Reason::Invalid, format!("the body cannot be read: {error}"))),
        Err(_) => {
            let text = format!("the body did not arrive within {} s", BODY_TIME.as_secs());
            Err(Problem::new(Reason::Slow, text))
        }
    }
}
