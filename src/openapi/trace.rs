//! Traces: the events of a device or a message in the service.

use std::time::{SystemTime, UNIX_EPOCH};

use super::json::Fields;
use super::message::check_given;
use super::{Api, Call};
use crate::error::{Error, Hint, Result};

/// The requested part of a trace. The console allows a span of one day.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is given to a call"]
pub struct TraceRequest {
    begin: SystemTime,
    end: SystemTime,
    page: u32,
    page_size: u32,
    reverse: bool,
}

impl TraceRequest {
    /// Creates a request for the first 100 entries of this span, in the order of time.
    pub fn new(begin: SystemTime, end: SystemTime) -> Self {
        TraceRequest { begin, end, page: 1, page_size: 100, reverse: false }
    }

    /// Sets the page, from 1. Default 1.
    pub fn page(mut self, page: u32) -> Self {
        self.page = page;
        self
    }

    /// Sets the number of entries per page: 1 to 100. Default 100.
    pub fn page_size(mut self, entries: u32) -> Self {
        self.page_size = entries;
        self
    }

    /// Sets whether the newest come first. Default `false`.
    pub fn reverse(mut self, reverse: bool) -> Self {
        self.reverse = reverse;
        self
    }

    fn check(&self, action: &str) -> Result<()> {
        if self.begin >= self.end || self.begin < UNIX_EPOCH {
            return Err(Error::invalid(format!("{action}: the span ends before it begins")));
        }
        if self.page == 0 {
            return Err(Error::invalid(format!("{action}: pages are counted from 1")));
        }
        if !(1..=100).contains(&self.page_size) {
            let size = self.page_size;
            return Err(Error::invalid(format!("{action}: a page of {size} entries; it must be 1 to 100")));
        }
        Ok(())
    }
}

/// One page of a trace.
#[derive(Debug, Clone)]
pub struct TracePage {
    entries: Vec<TraceEntry>,
    total: Option<u64>,
}

impl TracePage {
    /// Returns the entries.
    #[must_use]
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }

    /// Returns the number of entries in all pages, if the service reports it.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// One event. Fields that an operation does not report are `None`; texts are the service's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    time: Option<String>,
    action: Option<String>,
    code: Option<String>,
    info: Option<String>,
    client_id: Option<String>,
    message_id: Option<String>,
    channel_id: Option<String>,
}

impl TraceEntry {
    fn read(fields: &Fields<'_>) -> Self {
        TraceEntry {
            time: fields.maybe_text("Time"),
            action: fields.maybe_text("Action"),
            code: fields.maybe_text("ActionCode"),
            info: fields.maybe_text("ActionInfo"),
            client_id: fields.maybe_text("ClientId"),
            message_id: fields.maybe_text("MsgId"),
            channel_id: fields.maybe_text("ChannelId"),
        }
    }

    /// Returns the time as the service writes it; its format is not documented.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        self.time.as_deref()
    }

    /// Returns the event, such as `connect`, `close`, `pub_mqtt`, `sub`, `push_offline` (official SDK).
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// Returns the code of [`info`](TraceEntry::info).
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Returns the result, such as `accepted`, `not authorized`, `clientId conflict`, `resource auth failed`, `no
    /// heart`, `invalid param` (official SDK).
    #[must_use]
    pub fn info(&self) -> Option<&str> {
        self.info.as_deref()
    }

    /// Returns the client id.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Returns the message id.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// Returns the id of the connection.
    #[must_use]
    pub fn channel_id(&self) -> Option<&str> {
        self.channel_id.as_deref()
    }
}

impl Api {
    /// Returns the connects and disconnects of a device (`QueryMqttTraceDevice`).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the client id is empty, the request is invalid, or the region is not
    /// known (see [`ApiBuilder::region`](super::ApiBuilder::region)). Otherwise as documented at [`Api`].
    pub fn device_trace(&self, client_id: &str, request: &TraceRequest) -> Result<TracePage> {
        let about = [("ClientId", "client id", client_id)];
        self.trace("QueryMqttTraceDevice", "DeviceInfoList", &about, request, true)
    }

    /// Returns the messages that a client sent and received (`QueryMqttTraceMessageOfClient`).
    ///
    /// # Errors
    /// As [`device_trace`](Api::device_trace).
    pub fn client_message_trace(&self, client_id: &str, request: &TraceRequest) -> Result<TracePage> {
        let about = [("ClientId", "client id", client_id)];
        self.trace("QueryMqttTraceMessageOfClient", "MessageOfClientList", &about, request, true)
    }

    /// Returns the origin of a message (`QueryMqttTraceMessagePublish`). The result has no pages: only the span of the
    /// request is used.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the message id is empty; otherwise as
    /// [`device_trace`](Api::device_trace).
    pub fn publish_trace(&self, message_id: &str, request: &TraceRequest) -> Result<TracePage> {
        let about = [("MsgId", "message id", message_id)];
        self.trace("QueryMqttTraceMessagePublish", "MessageTraceLists", &about, request, false)
    }

    /// Returns the deliveries of a message (`QueryMqttTraceMessageSubscribe`), to all clients or to one.
    ///
    /// # Errors
    /// As [`publish_trace`](Api::publish_trace).
    pub fn subscribe_trace(
        &self,
        message_id: &str,
        client_id: Option<&str>,
        request: &TraceRequest,
    ) -> Result<TracePage> {
        let mut about = vec![("MsgId", "message id", message_id)];
        about.extend(client_id.map(|id| ("ClientId", "client id", id)));
        self.trace("QueryMqttTraceMessageSubscribe", "MessageTraceLists", &about, request, true)
    }

    fn trace(
        &self,
        action: &str,
        list: &str,
        about: &[(&str, &str, &str)],
        request: &TraceRequest,
        pages: bool,
    ) -> Result<TracePage> {
        self.same_process()?;
        for (_, what, value) in about {
            check_given(action, what, value)?;
        }
        request.check(action)?;
        let region = self.inner.region.as_deref().ok_or_else(|| {
            Error::invalid(format!("{action} needs the region, which is not part of the endpoint"))
                .with_hint(Hint::ApiRegion)
        })?;
        let millis = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
        let make = |_| {
            let mut call = self
                .of_instance(action)
                .parameter("MqttRegionId", region)
                .parameter("BeginTime", millis(request.begin))
                .parameter("EndTime", millis(request.end))
                .repeatable(true);
            if pages {
                call = call
                    .parameter("CurrentPage", request.page.to_string())
                    .parameter("PageSize", request.page_size.to_string())
                    .parameter("Reverse", request.reverse.to_string());
            }
            about.iter().fold(call, |call: Call, (name, _, value)| call.parameter(*name, *value))
        };
        let answer = self.run(make)?;
        let fields = Fields::new(action, &answer);
        let entries = fields.objects(list)?.iter().map(TraceEntry::read).collect();
        Ok(TracePage { entries, total: fields.maybe_number("Total") })
    }
}
