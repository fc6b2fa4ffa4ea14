//! What a call costs through C, beside the same call in Rust: the CPU time of the calling thread, both in turn on one
//! connection, and the median of the ratios. `cargo bench -p aliyun-mqtt-capi --bench calls [NAME]`.
#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use std::{ptr, thread};

use aliyun_mqtt::{Client, ConfigBuilder, Credentials, Delivery, Limits, Outgoing, QoS};
// Links the functions.
use aliyun_mqtt_capi as _;

const ROUNDS: usize = 41;
const TOPIC: &str = "demo/bench";
const FLOOD: &str = "demo/flood";

type Error = *mut *mut c_void;

unsafe extern "C" {
    fn amq_config_new() -> *mut c_void;
    fn amq_config_set_endpoint(config: *mut c_void, text: *const c_char, len: usize, error: Error) -> i32;
    fn amq_config_set_instance_id(config: *mut c_void, text: *const c_char, len: usize, error: Error) -> i32;
    fn amq_config_set_group_id(config: *mut c_void, text: *const c_char, len: usize, error: Error) -> i32;
    fn amq_config_set_credentials(config: *mut c_void, credentials: *const c_void, error: Error) -> i32;
    fn amq_credentials_signature(
        id: *const c_char,
        id_len: usize,
        secret: *const c_char,
        secret_len: usize,
        credentials: *mut *mut c_void,
        error: Error,
    ) -> i32;
    fn amq_client_connect(config: *const c_void, client: *mut *mut c_void, error: Error) -> i32;
    fn amq_client_publish(
        client: *const c_void,
        topic: *const c_char,
        topic_len: usize,
        qos: i32,
        payload: *const c_void,
        payload_len: usize,
        timeout_ms: i64,
        error: Error,
    ) -> i32;
    fn amq_outgoing_new(
        topic: *const c_char,
        topic_len: usize,
        qos: i32,
        payload: *const c_void,
        payload_len: usize,
        outgoing: *mut *mut c_void,
        error: Error,
    ) -> i32;
    fn amq_outgoing_free(outgoing: *mut c_void);
    fn amq_client_enqueue(
        client: *const c_void,
        outgoing: *const c_void,
        timeout_ms: i64,
        delivery: *mut *mut c_void,
        error: Error,
    ) -> i32;
    fn amq_client_enqueue_bytes(
        client: *const c_void,
        topic: *const c_char,
        topic_len: usize,
        qos: i32,
        payload: *const c_void,
        payload_len: usize,
        timeout_ms: i64,
        delivery: *mut *mut c_void,
        error: Error,
    ) -> i32;
    fn amq_delivery_free(delivery: *mut c_void);
    fn amq_client_flush(client: *const c_void, timeout_ms: i64, error: Error) -> i32;
    fn amq_client_recv(client: *const c_void, timeout_ms: i64, message: *mut *mut c_void, error: Error) -> i32;
    fn amq_message_topic(message: *const c_void, len: *mut usize) -> *const c_char;
    fn amq_message_payload(message: *const c_void, len: *mut usize) -> *const u8;
    fn amq_message_free(message: *mut c_void);
    fn amq_client_stats_value(client: *const c_void, which: i32, value: *mut u64, error: Error) -> i32;
}

/// A client of each kind, on connections of their own.
struct Pair {
    rust: Client,
    c: *mut c_void,
}

fn main() {
    let only = std::env::args().nth(1).filter(|name| !name.starts_with('-'));
    let address = serve();
    let pair = Pair { rust: connect(&address), c: connect_c(&address) };
    let run = |name: &str, count: usize, rust: &dyn Fn(usize), c: &dyn Fn(usize)| {
        if only.as_deref().is_none_or(|only| name.contains(only)) {
            compare(name, count, rust, c);
        }
    };
    for len in [64, 1_024, 65_536] {
        let payload = vec![b'x'; len];
        let publish =
            |count| (0..count).for_each(|_| pair.rust.publish(TOPIC, QoS::AtLeastOnce, &payload[..]).unwrap());
        run(&format!("publish, {len} bytes"), 500, &publish, &|count| (0..count).for_each(|_| pair.publish(&payload)));
        let enqueue = |count| {
            for _ in 0..count {
                drop(pair.rust.enqueue(Outgoing::new(TOPIC, QoS::AtMostOnce, &payload[..])).unwrap());
            }
        };
        let count = if len > 10_000 { 500 } else { 5_000 };
        run(&format!("enqueue, {len} bytes"), count, &|count| pair.settled(|| enqueue(count)), &|count| {
            pair.settled(|| (0..count).for_each(|_| pair.enqueue(&payload)));
        });
        let message = Outgoing::new(TOPIC, QoS::AtMostOnce, &payload[..]);
        let again = |count| (0..count).for_each(|_| drop::<Delivery>(pair.rust.enqueue(message.clone()).unwrap()));
        let outgoing = outgoing(&payload);
        run(&format!("enqueue a copy, {len} bytes"), count, &|count| pair.settled(|| again(count)), &|count| {
            pair.settled(|| (0..count).for_each(|_| pair.enqueue_again(outgoing)));
        });
        unsafe { amq_outgoing_free(outgoing) };
    }
    let take = |count| {
        pair.flood(count);
        measured(|| {
            for _ in 0..count {
                let message = pair.rust.try_recv().unwrap().unwrap();
                assert!(message.topic().len() == FLOOD.len() && message.payload().len() == 64);
            }
        });
    };
    run("receive, 64 bytes", 5_000, &take, &|count| pair.take(count));
}

thread_local! {
    static SPENT: std::cell::Cell<Duration> = const { std::cell::Cell::new(Duration::ZERO) };
}

/// Measures what is compared, of all that a round does.
fn measured(work: impl FnOnce()) {
    let begin = cpu_time();
    work();
    SPENT.set(SPENT.get() + (cpu_time() - begin));
}

fn compare(name: &str, count: usize, rust: &dyn Fn(usize), c: &dyn Fn(usize)) {
    let cost = |work: &dyn Fn(usize)| {
        SPENT.set(Duration::ZERO);
        let begin = cpu_time();
        work(count);
        let whole = cpu_time() - begin;
        let spent = if SPENT.get().is_zero() { whole } else { SPENT.get() };
        spent.as_secs_f64() * 1e9 / count as f64
    };
    rust(count);
    c(count);
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (cost(rust), cost(c))).collect();
    rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (rust, c) = rounds[ROUNDS / 2];
    println!("{name}: Rust {rust:.0} ns, C {c:.0} ns, {:.3} times", c / rust);
}

impl Pair {
    /// Measures sending, and waits until all is sent.
    fn settled(&self, work: impl FnOnce()) {
        measured(work);
        self.rust.flush(Duration::from_secs(60)).unwrap();
        assert_eq!(unsafe { amq_client_flush(self.c, 60_000, ptr::null_mut()) }, 0);
    }

    fn publish(&self, payload: &[u8]) {
        let (data, len) = (payload.as_ptr().cast(), payload.len());
        let (topic, error) = (TOPIC.as_ptr().cast(), ptr::null_mut());
        assert_eq!(unsafe { amq_client_publish(self.c, topic, TOPIC.len(), 1, data, len, -2, error) }, 0);
    }

    fn enqueue(&self, payload: &[u8]) {
        let (data, len) = (payload.as_ptr().cast(), payload.len());
        let (topic, error) = (TOPIC.as_ptr().cast(), ptr::null_mut());
        let mut delivery = ptr::null_mut();
        unsafe {
            let delivery = &raw mut delivery;
            assert_eq!(amq_client_enqueue_bytes(self.c, topic, TOPIC.len(), 0, data, len, -2, delivery, error), 0);
            amq_delivery_free(*delivery);
        }
    }

    fn enqueue_again(&self, outgoing: *const c_void) {
        let mut delivery = ptr::null_mut();
        unsafe {
            assert_eq!(amq_client_enqueue(self.c, outgoing, -2, &raw mut delivery, ptr::null_mut()), 0);
            amq_delivery_free(delivery);
        }
    }

    /// Fills both inboxes.
    fn flood(&self, count: usize) {
        let count_text = count.to_string();
        self.rust.publish(FLOOD, QoS::AtLeastOnce, &count_text).unwrap();
        while self.rust.stats().inbox_messages < count as u64 {
            thread::yield_now();
        }
    }

    fn take(&self, count: usize) {
        let count_text = count.to_string();
        let (payload, len) = (count_text.as_ptr().cast(), count_text.len());
        let (topic, error) = (FLOOD.as_ptr().cast(), ptr::null_mut());
        assert_eq!(unsafe { amq_client_publish(self.c, topic, FLOOD.len(), 1, payload, len, -2, error) }, 0);
        let mut waiting = 0;
        while waiting < count as u64 {
            // AMQ_STAT_INBOX_MESSAGES
            assert_eq!(unsafe { amq_client_stats_value(self.c, 18, &raw mut waiting, error) }, 0);
            thread::yield_now();
        }
        measured(|| {
            for _ in 0..count {
                let (mut message, mut topic_len, mut len) = (ptr::null_mut(), 0, 0);
                unsafe {
                    assert_eq!(amq_client_recv(self.c, 0, &raw mut message, ptr::null_mut()), 0);
                    assert!(!amq_message_topic(message, &raw mut topic_len).is_null());
                    assert!(!amq_message_payload(message, &raw mut len).is_null());
                    assert!(topic_len == FLOOD.len() && len == 64);
                    amq_message_free(message);
                }
            }
        });
    }
}

fn outgoing(payload: &[u8]) -> *mut c_void {
    let mut outgoing = ptr::null_mut();
    let (data, len) = (payload.as_ptr().cast(), payload.len());
    let (topic, error) = (TOPIC.as_ptr().cast(), ptr::null_mut());
    assert_eq!(unsafe { amq_outgoing_new(topic, TOPIC.len(), 0, data, len, &raw mut outgoing, error) }, 0);
    outgoing
}

fn connect(address: &str) -> Client {
    let builder = ConfigBuilder::default()
        .endpoint(address)
        .instance_id("post-cn-bench")
        .group_id("GID_bench")
        .limits(Limits::default())
        .credentials(Credentials::signature("id", "not-a-secret"));
    Client::connect(builder.build().unwrap()).unwrap()
}

fn connect_c(address: &str) -> *mut c_void {
    let error = ptr::null_mut();
    let text = |text: &'static str| (text.as_ptr().cast(), text.len());
    let (mut credentials, mut client) = (ptr::null_mut(), ptr::null_mut());
    unsafe {
        let config = amq_config_new();
        let ((id, id_len), (secret, secret_len)) = (text("id"), text("not-a-secret"));
        assert_eq!(amq_credentials_signature(id, id_len, secret, secret_len, &raw mut credentials, error), 0);
        assert_eq!(amq_config_set_endpoint(config, address.as_ptr().cast(), address.len(), error), 0);
        let (instance, instance_len) = text("post-cn-bench");
        assert_eq!(amq_config_set_instance_id(config, instance, instance_len, error), 0);
        let (group, group_len) = text("GID_bench");
        assert_eq!(amq_config_set_group_id(config, group, group_len, error), 0);
        assert_eq!(amq_config_set_credentials(config, credentials, error), 0);
        assert_eq!(amq_client_connect(config, &raw mut client, error), 0);
    }
    client
}

/// Starts a server that acknowledges, and sends as many messages as a message to [`FLOOD`] asks for.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("mqtt://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || converse(&stream.unwrap()));
        }
    });
    address
}

/// Reads packets until the connection ends.
fn converse(mut stream: &TcpStream) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::with_capacity(1 << 20, stream);
    loop {
        let mut head = [0];
        reader.read_exact(&mut head).ok()?;
        let (mut len, mut shift) = (0, 0);
        loop {
            let mut byte = [0];
            reader.read_exact(&mut byte).ok()?;
            len |= usize::from(byte[0] & 127) << shift;
            shift += 7;
            if byte[0] < 128 {
                break;
            }
        }
        let mut body = vec![0; len];
        reader.read_exact(&mut body).ok()?;
        match head[0] >> 4 {
            1 => stream.write_all(&[0x20, 2, 0, 0]).ok()?,
            3 if head[0] & 6 != 0 => {
                let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                stream.write_all(&[0x40, 2, body[end], body[end + 1]]).ok()?;
                if &body[2..end] == FLOOD.as_bytes() {
                    let count: usize = String::from_utf8_lossy(&body[end + 2..]).parse().unwrap();
                    let len = u8::try_from(2 + FLOOD.len() + 64).unwrap();
                    let mut one = vec![0x30, len, 0, u8::try_from(FLOOD.len()).unwrap()];
                    one.extend_from_slice(FLOOD.as_bytes());
                    one.extend_from_slice(&[b'x'; 64]);
                    stream.write_all(&one.repeat(count)).ok()?;
                }
            }
            12 => stream.write_all(&[0xD0, 0]).ok()?,
            _ => {}
        }
    }
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}
