//! Subscribing and receiving.

use std::sync::Arc;
use std::time::Duration;

use super::Client;
use crate::deadline::after;
use crate::error::Result;
use crate::message::{Message, QoS};
use crate::session::{self, QueueId, Until};
use crate::subscribe_options::{FilterRequest, SubscribeOptions};
use crate::subscription::{Messages, Subscription};

impl Client {
    /// Subscribes and blocks until the server has granted the subscription (SUBACK), at most for the timeout. Returns
    /// the granted QoS, which may be lower than the requested one.
    ///
    /// A [`QoS`] is enough; [`SubscribeOptions`] has the options of MQTT 5. Matching messages go to the client's own
    /// queue. On a lost session the subscription is made again in the background.
    ///
    /// A client may have 30 filters. The service accepts more, but sends nothing for them, so the client refuses more
    /// ([`Limits`](crate::Limits)).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the filter breaks a rule, the options need MQTT 5 and the client speaks
    /// 3.1.1, or two filters with identifiers overlap. [`Rejected`](crate::ErrorKind::Rejected) with the SUBACK code;
    /// [`SuspectedRefusal`](crate::ErrorKind::SuspectedRefusal), since this service answers a subscription without
    /// permission by closing the connection; [`Timeout`](crate::ErrorKind::Timeout) with the stage;
    /// [`Closed`](crate::ErrorKind::Closed), or the reason why the client has ended.
    pub fn subscribe(&self, filter: impl AsRef<str>, options: impl Into<SubscribeOptions>) -> Result<QoS> {
        let granted = self.subscribe_many(&[(filter, options.into())])?;
        granted.first().copied().ok_or_else(|| crate::Error::internal("SUBACK without a reason code"))
    }

    /// Subscribes to several filters in one packet, as [`subscribe`](Client::subscribe). Returns the granted QoS of
    /// each, in their order.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
    /// use aliyun_mqtt::QoS;
    /// client.subscribe_many(&[("demo/a", QoS::AtLeastOnce), ("demo/b", QoS::AtMostOnce)])?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`subscribe`](Client::subscribe), and [`Invalid`](crate::ErrorKind::Invalid) when the filters have different
    /// identifiers. If one filter is refused, the others may have been granted.
    pub fn subscribe_many<F, O>(&self, filters: &[(F, O)]) -> Result<Vec<QoS>>
    where
        F: AsRef<str>,
        O: Into<SubscribeOptions> + Copy,
    {
        let filters: Vec<FilterRequest> =
            filters.iter().map(|(filter, options)| (filter.as_ref().to_string(), (*options).into())).collect();
        session::check_filters(&filters, self.config())?;
        self.session().subscribe(&filters, true, after(self.timeout))
    }

    /// Subscribes as [`subscribe`](Client::subscribe), and returns a [`Subscription`] that receives the matching
    /// messages in place of the client's own queue.
    ///
    /// The subscription begins with the matching messages that already wait in the client's own queue, in the order of
    /// receipt, acknowledged or not: in a kept session, messages arrive before the program can subscribe. On an error
    /// they return to their places.
    ///
    /// # Errors
    /// As [`subscribe`](Client::subscribe).
    pub fn subscription(&self, filter: impl AsRef<str>, options: impl Into<SubscribeOptions>) -> Result<Subscription> {
        let (filter, options) = (filter.as_ref(), options.into());
        let filters = [(filter.to_string(), options)];
        session::check_filters(&filters, self.config())?;
        self.session().check_process()?;
        // The queue exists first: a message may follow SUBACK at once, or arrive before it.
        let queue = self.session().open_queue(filter);
        let subscription = Subscription::new(Arc::clone(self.session()), queue, filter.to_string());
        if let Err(error) = self.session().subscribe(&filters, false, after(self.timeout)) {
            if error.fate() == Some(crate::Fate::Unknown) {
                // So that dropping `subscription` unsubscribes it.
                self.session().doubtful(filter, options);
            }
            return Err(error);
        }
        Ok(subscription)
    }

    /// Unsubscribes and blocks until the server confirms (UNSUBACK), at most for the timeout. A [`Subscription`] with
    /// this filter receives nothing more.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), [`Timeout`](crate::ErrorKind::Timeout),
    /// [`Closed`](crate::ErrorKind::Closed), or the reason why the client has ended. Even then the filter is not
    /// subscribed again after a reconnect; only a kept session may still have it.
    pub fn unsubscribe(&self, filter: impl AsRef<str>) -> Result<()> {
        let filter = filter.as_ref();
        session::check_filters(&[(filter.to_string(), QoS::AtMostOnce.into())], self.config())?;
        self.session().unsubscribe(filter, after(self.timeout))
    }

    /// Takes the next message of the client's own queue. Blocks until there is one, without a deadline.
    ///
    /// By default, taking a message acknowledges it; see [`AckMode`](crate::AckMode).
    ///
    /// # Errors
    /// The reason why the client has ended, after every message received before has been taken;
    /// [`Closed`](crate::ErrorKind::Closed) at once when a [`Closer`](crate::Closer) ends the wait.
    pub fn recv(&self) -> Result<Message> {
        self.session().recv(QueueId::Client)
    }

    /// Takes the next message of the client's own queue. Blocks at most this long. `Ok(None)`: none came in time.
    ///
    /// # Errors
    /// As [`recv`](Client::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Message>> {
        self.session().take(QueueId::Client, Until::after(timeout))
    }

    /// Takes the next message of the client's own queue, if there is one. Does not block.
    ///
    /// # Errors
    /// The reason why the client has ended, or [`Closed`](crate::ErrorKind::Closed), after every message received
    /// before has been taken.
    pub fn try_recv(&self) -> Result<Option<Message>> {
        self.session().take(QueueId::Client, Until::Now)
    }

    /// Returns an iterator over the messages of the client's own queue.
    pub fn messages(&self) -> Messages<'_> {
        Messages::new(self.session(), QueueId::Client)
    }
}
