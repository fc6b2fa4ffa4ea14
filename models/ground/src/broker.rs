//! The broker of a model, and the lines to it. It acknowledges in the order of arrival, cuts lines when the scheduler's
//! dice say so, and writes down what a broker can see of broken promises.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Condvar, Mutex, MutexGuard};

use crate::faults::{self, Fault};

/// What the broker does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many unacknowledged requests a client may have.
    pub window: usize,
    /// Packet ids run from 1 to this.
    pub ids: u16,
    /// Lines it may cut.
    pub cuts: u32,
    /// It cuts a line on which nothing happens.
    pub restless: bool,
    /// It may cut a line before CONNACK, too.
    pub refuses: bool,
    /// Sessions survive a cut, unless the dice say otherwise.
    pub sessions: Sessions,
    /// Messages it sends for each subscription.
    pub offers: u32,
    /// It answers each request, in the envelope of `aliyun_mqtt::Request`, with what was asked.
    pub answers: bool,
    /// It may panic where rumqttc would have to.
    pub panics: bool,
    /// It may keep its acknowledgements to itself.
    pub silent: bool,
}

/// What becomes of a session when its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    Forgotten,
    Kept,
    Either,
}

impl Plan {
    #[must_use]
    pub fn new(window: u16) -> Self {
        Plan {
            window: window.into(),
            ids: window + 2,
            cuts: 0,
            restless: false,
            refuses: false,
            sessions: Sessions::Forgotten,
            offers: 0,
            answers: false,
            panics: false,
            silent: false,
        }
    }
}

/// A request as the adapter puts it on the line.
#[derive(Debug, Clone)]
pub enum Request {
    Publish { topic: String, qos: u8, payload: Vec<u8> },
    Subscribe(Vec<String>),
    Unsubscribe(String),
    Acknowledge(u16),
    Disconnect,
}

/// A message that is sent again: QoS, topic, payload.
pub type Again = (u8, String, Vec<u8>);

/// An event as the adapter takes it from the line.
#[derive(Debug, Clone)]
pub enum Event {
    SentPublish(u16),
    SentSubscribe(u16),
    SentUnsubscribe(u16),
    SentDisconnect,
    PubAck(u16),
    PubRec(u16),
    PubComp(u16),
    /// For so many filters.
    SubAck(u16, usize),
    UnsubAck(u16),
    Publish {
        id: u16,
        topic: String,
        payload: Vec<u8>,
    },
    Acknowledged,
    Alive,
}

/// The end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The other side cut it.
    Cut,
    /// It broke.
    Broken,
    /// Nothing was answered to CONNECT.
    NoConnAck,
}

/// What the broker has seen.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Topic and payload of each message, in the order of arrival.
    pub messages: Vec<(String, Vec<u8>)>,
    /// Promises that were broken.
    pub violations: Vec<String>,
    pub connections: u32,
    /// DISCONNECT came.
    pub goodbyes: u32,
}

#[derive(Default)]
struct State {
    seen: Seen,
    cuts: u32,
    has_session: bool,
    /// QoS 2: PUBREC was sent, PUBREL has not come.
    releasing: BTreeSet<u16>,
    offered: u32,
    silent: bool,
    lines: Vec<Weak<Line>>,
}

/// One broker, for one run of a model.
pub struct Broker {
    plan: Plan,
    state: std::sync::Mutex<State>,
}

std::thread_local! {
    static BROKER: RefCell<Option<Arc<Broker>>> = const { RefCell::new(None) };
}

impl Broker {
    /// The broker of this run.
    #[must_use]
    pub fn begin(plan: Plan) -> Arc<Broker> {
        crate::begin();
        let state = State { cuts: plan.cuts, silent: plan.silent, ..State::default() };
        let broker = Arc::new(Broker { plan, state: std::sync::Mutex::new(state) });
        BROKER.set(Some(Arc::clone(&broker)));
        broker
    }

    #[must_use]
    pub fn seen(&self) -> Seen {
        self.state().seen.clone()
    }

    /// From now on it may cut so many lines.
    pub fn allow_cuts(&self, cuts: u32) {
        self.state().cuts = cuts;
    }

    /// From now on it gives all acknowledgements.
    pub fn speak(&self) {
        self.state().silent = false;
        let lines = std::mem::take(&mut self.state().lines);
        for line in lines.iter().filter_map(Weak::upgrade) {
            // Who looked before waits by now.
            drop(line.lock());
            line.filled.notify_all();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Never held across a step of the scheduler.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn violation(&self, what: String) {
        self.state().seen.violations.push(what);
    }

    fn receive(&self, id: u16, qos: u8, topic: String, payload: Vec<u8>) {
        if faults::is(Fault::Forgetful) {
            return;
        }
        let mut state = self.state();
        if qos == 2 && !state.releasing.insert(id) {
            return;
        }
        state.seen.messages.push((topic, payload));
    }

    /// Whether to cut a line now.
    fn cuts(&self) -> bool {
        let wants = self.state().cuts > 0 && one_in(8);
        wants && self.spend_cut()
    }

    fn spend_cut(&self) -> bool {
        let mut state = self.state();
        let left = state.cuts > 0;
        state.cuts -= u32::from(left);
        left
    }
}

pub fn one_in(times: u32) -> bool {
    thread_rng().gen_ratio(1, times)
}

/// Packet ids for this window.
#[must_use]
pub fn id_limit(window: u16) -> u16 {
    BROKER.with_borrow(|broker| broker.as_ref().map_or(window, |broker| broker.plan.ids))
}

/// The two ends that the adapter holds.
#[must_use]
pub fn dial() -> Option<(Sender, Pump)> {
    let broker = BROKER.with_borrow(Clone::clone)?;
    let line = Arc::new(Line { broker, state: Mutex::default(), filled: Condvar::new() });
    line.broker.state().lines.push(Arc::downgrade(&line));
    Some((Sender(Arc::clone(&line)), Pump(line)))
}

struct Line {
    broker: Arc<Broker>,
    state: Mutex<LineState>,
    filled: Condvar,
}

#[derive(Default)]
struct LineState {
    over: bool,
    /// The client's end was dropped.
    hung_up: bool,
    /// The line is lost, which the reader has yet to find out.
    doomed: bool,
    /// What a resumed session sends again; PUBREL, where there is no message.
    ahead: VecDeque<(u16, Option<Again>)>,
    requests: VecDeque<Request>,
    replies: VecDeque<Event>,
    last_id: u16,
    /// The highest id, once it has grown beyond the plan's.
    grown: u16,
    /// Ids under way, with what the broker owes for them.
    ids: BTreeMap<u16, &'static str>,
    in_flight: usize,
    left: bool,
    next_offer_id: u16,
}

/// The end that callers write to.
pub struct Sender(Arc<Line>);

/// The end that the worker reads.
pub struct Pump(Arc<Line>);

impl Line {
    fn lock(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn handed(&self, state: &mut LineState) {
        state.in_flight += 1;
        let window = self.broker.plan.window - usize::from(faults::is(Fault::NarrowWindow));
        if state.in_flight > window {
            self.broker.violation(format!("{} requests in a window of {window}", state.in_flight));
        }
    }

    fn use_id(&self, state: &mut LineState, id: u16, what: &'static str) {
        if let Some(before) = state.ids.insert(id, what) {
            self.broker.violation(format!("packet id {id} was used for {what} while it was for {before}"));
        }
    }

    fn next_id(&self, state: &mut LineState) -> u16 {
        state.last_id = if state.last_id >= self.ids(state) { 1 } else { state.last_id + 1 };
        state.last_id
    }

    fn ids(&self, state: &LineState) -> u16 {
        self.broker.plan.ids.max(state.grown)
    }
}

impl Sender {
    /// Puts a request on the line; `false` when the line is over.
    #[must_use]
    pub fn send(&self, request: Request) -> bool {
        let mut state = self.0.lock();
        if state.over {
            return false;
        }
        if state.left {
            self.0.broker.violation(format!("{request:?} after DISCONNECT"));
        }
        match &request {
            Request::Acknowledge(_) => {}
            Request::Disconnect => state.left = true,
            _ => self.0.handed(&mut state),
        }
        if faults::is(Fault::Twice) && matches!(request, Request::Publish { .. }) {
            state.requests.push_back(request.clone());
        }
        state.requests.push_back(request);
        drop(state);
        self.0.filled.notify_all();
        true
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lock().hung_up = true;
        self.0.filled.notify_all();
    }
}

impl Pump {
    /// What happens next; `None` if nothing does and nothing is to be waited for.
    ///
    /// # Errors
    /// The line is over.
    pub fn next(&self, wait: bool) -> Result<Option<Event>, End> {
        let line = &self.0;
        let mut state = line.lock();
        loop {
            if state.over {
                line.broker.violation("an event was asked for after the end".to_string());
                return Err(End::Broken);
            }
            if std::mem::take(&mut state.doomed) || line.broker.cuts() {
                state.over = true;
                return Err(if one_in(2) { End::Cut } else { End::Broken });
            }
            if line.broker.plan.panics && one_in(16) {
                drop(state);
                // Without the panic hook, which is shuttle's.
                std::panic::resume_unwind(Box::new("the model's line panics"));
            }
            let requested = !state.ahead.is_empty() || !state.requests.is_empty();
            let silent = line.broker.state().silent && one_in(2);
            if requested && (state.replies.is_empty() || one_in(2)) {
                return Ok(Some(self.take(&mut state)));
            }
            if !silent && let Some(reply) = state.replies.pop_front() {
                self.given(&mut state, &reply);
                return Ok(Some(reply));
            }
            if state.hung_up {
                state.over = true;
                return Err(End::Broken);
            }
            if !wait {
                return Ok(None);
            }
            if requested || !(state.replies.is_empty() || silent) {
                continue;
            }
            if line.broker.plan.restless && line.broker.spend_cut() {
                state.doomed = true;
            } else {
                state = line.filled.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
        }
    }

    /// Begins the line. Tells whether there is a session.
    ///
    /// # Errors
    /// The line is over.
    pub fn dial(&self) -> Result<bool, End> {
        let broker = &self.0.broker;
        let mut state = self.0.lock();
        if broker.plan.refuses && broker.cuts() {
            state.over = true;
            return Err(End::NoConnAck);
        }
        let mut known = broker.state();
        known.seen.connections += 1;
        let kept = match broker.plan.sessions {
            Sessions::Forgotten => false,
            Sessions::Kept => true,
            Sessions::Either => one_in(2),
        };
        let session_present = known.has_session && kept;
        if !session_present {
            known.releasing.clear();
        }
        known.has_session = true;
        Ok(session_present)
    }

    /// The line takes a request and, as a rule, writes it.
    fn take(&self, state: &mut LineState) -> Event {
        let line = &self.0;
        if let Some((id, again)) = state.ahead.pop_front() {
            let Some((qos, topic, payload)) = again else {
                line.broker.state().releasing.remove(&id);
                state.replies.push_back(Event::PubComp(id));
                return Event::Alive;
            };
            let reply = self.reply_to(state, &payload);
            line.broker.receive(id, qos, topic, payload);
            acknowledge(state, qos, id, reply);
            return Event::SentPublish(id);
        }
        let taken = if faults::is(Fault::Reordered) { state.requests.pop_back() } else { state.requests.pop_front() };
        let Some(request) = taken else { return Event::Alive };
        // Written to a socket that nobody reads any more.
        let lost = line.broker.cuts();
        state.doomed = lost;
        match request {
            Request::Publish { topic, qos: 0, payload } => {
                state.in_flight -= 1;
                if !lost {
                    line.broker.receive(0, 0, topic, payload);
                }
                Event::SentPublish(0)
            }
            Request::Publish { topic, qos, payload } => {
                let id = line.next_id(state);
                line.use_id(state, id, "PUBLISH");
                if !lost {
                    let reply = self.reply_to(state, &payload);
                    line.broker.receive(id, qos, topic, payload);
                    acknowledge(state, qos, id, reply);
                }
                Event::SentPublish(id)
            }
            Request::Subscribe(filters) => {
                let id = line.next_id(state);
                line.use_id(state, id, "SUBSCRIBE");
                if !lost {
                    state.replies.push_back(Event::SubAck(id, filters.len()));
                    self.offer(state, &filters);
                }
                Event::SentSubscribe(id)
            }
            Request::Unsubscribe(_) => {
                let id = line.next_id(state);
                line.use_id(state, id, "UNSUBSCRIBE");
                if !lost {
                    state.replies.push_back(Event::UnsubAck(id));
                }
                Event::SentUnsubscribe(id)
            }
            Request::Acknowledge(_) => Event::Acknowledged,
            Request::Disconnect => {
                line.broker.state().seen.goodbyes += 1;
                Event::SentDisconnect
            }
        }
    }

    /// The reply to a request, if that is one and is to be answered.
    fn reply_to(&self, state: &mut LineState, payload: &[u8]) -> Option<Event> {
        let [0xfa, 0x41, 0x52, 0x52, 1, 1, correlation, high, low, rest @ ..] = payload else { return None };
        if !self.0.broker.plan.answers {
            return None;
        }
        let (correlation, rest) = rest.split_at(usize::from(*correlation));
        let (topic, asked) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        let head = [0xfa, 0x41, 0x52, 0x52, 1, 2, correlation.len() as u8, 0, 0];
        let payload = [&head, correlation, asked].concat();
        state.next_offer_id += 1;
        let topic = String::from_utf8_lossy(topic).into_owned();
        Some(Event::Publish { id: state.next_offer_id, topic, payload })
    }

    fn offer(&self, state: &mut LineState, filters: &[String]) {
        for topic in filters {
            for _ in 0..self.0.broker.plan.offers {
                let mut known = self.0.broker.state();
                known.offered += 1;
                state.next_offer_id += 1;
                let payload = known.offered.to_string().into_bytes();
                state.replies.push_back(Event::Publish { id: state.next_offer_id, topic: topic.clone(), payload });
            }
        }
    }

    fn given(&self, state: &mut LineState, reply: &Event) {
        match reply {
            Event::PubAck(id) | Event::PubComp(id) | Event::SubAck(id, _) | Event::UnsubAck(id) => {
                state.ids.remove(id);
                state.in_flight -= 1;
            }
            // The adapter answers with PUBREL by itself.
            Event::PubRec(id) => {
                self.0.broker.state().releasing.remove(id);
                state.replies.push_back(Event::PubComp(*id));
            }
            _ => {}
        }
    }

    /// What had been read before the end.
    #[must_use]
    pub fn leftovers(&self) -> Vec<Event> {
        let mut state = self.0.lock();
        let kept = thread_rng().gen_range(0..=state.replies.len());
        let left: Vec<_> = state.replies.drain(..kept).collect();
        state.replies.clear();
        left
    }

    /// From now on ids run to this one.
    pub fn grow(&self, ids: u16) {
        let mut state = self.0.lock();
        if state.last_id >= self.0.ids(&state) {
            state.last_id = 0;
        }
        state.grown = ids;
    }

    /// So many packet ids are passed over.
    pub fn skip(&self, count: u16) {
        let mut state = self.0.lock();
        for _ in 0..count {
            self.0.next_id(&mut state);
        }
    }

    /// A message again under its old id, or PUBREL.
    pub fn resend(&self, id: u16, message: Option<Again>) {
        let mut state = self.0.lock();
        self.0.handed(&mut state);
        self.0.use_id(&mut state, id, "a repetition");
        state.ahead.push_back((id, message));
    }
}

/// The acknowledgement of a message and, before or after it, the reply to what it asked.
fn acknowledge(state: &mut LineState, qos: u8, id: u16, mut reply: Option<Event>) {
    if reply.is_some() && one_in(2) {
        state.replies.extend(reply.take());
    }
    state.replies.push_back(if qos == 2 { Event::PubRec(id) } else { Event::PubAck(id) });
    state.replies.extend(reply);
}
