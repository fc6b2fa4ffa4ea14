//! Adds a body to the responses that hyper sends by itself to a request that it cannot read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::header::CONTENT_LENGTH;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::clock;
use super::response::{ApiError, last_response};
use crate::log::What;
use crate::service::{Service, lock};

/// How long a client may continue to send before the connection is closed. Closing at once could cost it the response.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The stream between hyper and a client.
pub(super) struct ErrorBodies<S> {
    stream: S,
    /// The host for the response, because the one of the request is unknown.
    address: String,
    service: Arc<Service>,
    /// The rest of the response to write in place of hyper's, and the length of that.
    instead: Option<(Vec<u8>, usize)>,
    farewell: Option<Pin<Box<Sleep>>>,
}

impl<S> ErrorBodies<S> {
    pub(super) fn new(stream: S, address: String, service: Arc<Service>) -> Self {
        Self { stream, address, service, instead: None, farewell: None }
    }

    /// Returns the response in place of one that hyper sends by itself; those have no body.
    fn in_place_of(&self, answer: &[u8]) -> Option<Vec<u8>> {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Response::new(&mut headers);
        if !head.parse(answer).ok()?.is_complete() {
            return None;
        }
        let status = head.code.filter(|status| *status >= 400)?;
        let is_length = |name: &str| name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str());
        if !head.headers.iter().any(|header| is_length(header.name) && header.value == b"0") {
            return None;
        }
        let message = match status {
            414 => "the request line is too long",
            431 => "the headers are too long",
            _ => "the request cannot be read",
        };
        let error = ApiError::new(status, "ParameterCheckFailed", message);
        self.service.log.write("", What::ApiRefused { action: String::new(), code: error.code.clone() });
        Some(last_response(error, &self.address, clock::now(lock(&self.service.switches).clock_skew)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ErrorBodies<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ErrorBodies<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.instead.is_none() {
            this.instead = this.in_place_of(bytes).map(|instead| (instead, bytes.len()));
        }
        let Some((rest, length)) = &mut this.instead else {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        };
        while !rest.is_empty() {
            let written = ready!(Pin::new(&mut this.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.drain(..written);
        }
        let length = *length;
        this.instead = None;
        this.farewell = Some(Box::pin(tokio::time::sleep(CLOSE_TIMEOUT)));
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        let Some(farewell) = &mut this.farewell else { return Poll::Ready(Ok(())) };
        let mut space = [0; 4096];
        loop {
            if farewell.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
