//! Requests and replies.

use std::{ptr, thread};

use super::support::*;
use crate::client::{amq_client, amq_client_id};
use crate::kinds::{amq_fate, amq_kind, amq_stage};
use crate::message::*;
use crate::outgoing::*;
use crate::publish::amq_client_publish_outgoing;
use crate::request::*;
use crate::status::amq_status::*;

/// Answers one request with its own payload, backwards.
fn answer(replier: &Owned<amq_client>) -> bool {
    let request = recv(replier);
    let asked = lent_bytes(|len| unsafe { amq_message_request_payload(request.get(), len) }).expect("a request");
    let reply: Vec<u8> = asked.into_iter().rev().collect();
    ok(|error| unsafe { amq_client_reply(replier.get(), request.get(), b(&reply), reply.len(), -2, error) });
    assert!(unsafe { amq_message_is_request(request.get()) });
    assert!(lent(|len| unsafe { amq_message_request_response_topic(request.get(), len) }).is_some());
    assert!(lent_bytes(|len| unsafe { amq_message_request_correlation_data(request.get(), len) }).is_some());
    unsafe { amq_message_request_is_enveloped(request.get()) }
}

#[test]
fn requests_are_answered_in_both_versions() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    for make in [client, v5_client] {
        let (asker, replier) = (make(&emulator), make(&emulator));
        subscribe(&replier, &topic);
        thread::scope(|scope| {
            let enveloped = scope.spawn(|| [answer(&replier), answer(&replier), answer(&replier)]);
            let reply = made(|reply, error| unsafe {
                amq_client_request(asker.get(), p(&topic), topic.len(), b("abc"), 3, LONG, reply, error)
            });
            assert_eq!(payload(&reply), "cba");
            let (parent, id) = (emulator.parent_topic(), lent(|len| unsafe { amq_client_id(replier.get(), len) }));
            let id = id.expect("a client id");
            let reply = made(|reply, error| unsafe {
                let (asker, parent, parent_len) = (asker.get(), p(parent), parent.len());
                amq_client_request_p2p(asker, parent, parent_len, p(&id), id.len(), b("de"), 2, -2, reply, error)
            });
            assert_eq!(payload(&reply), "ed");
            let message = outgoing(&topic, 1, "fg");
            let reply = made(|reply, error| unsafe {
                amq_client_request_outgoing(asker.get(), message.get(), true, LONG, reply, error)
            });
            assert!(payload(&reply).ends_with("gf"));
            let [first, _, last] = enveloped.join().expect("no panic");
            assert!(last && first == (asker.client().config().protocol() == aliyun_mqtt::Protocol::V311));
        });
    }
}

#[test]
fn a_reply_can_be_made_as_a_message() {
    let emulator = emulator();
    let (asker, replier) = (client(&emulator), client(&emulator));
    let topic = topic(&emulator, "ask");
    subscribe(&replier, &topic);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            made(|reply, error| unsafe {
                amq_client_request(asker.get(), p(&topic), topic.len(), ptr::null(), 0, LONG, reply, error)
            })
        });
        let request = recv(&replier);
        let reply = made(|result, error| unsafe { amq_outgoing_reply(request.get(), 1, b("done"), 4, result, error) });
        ok(|error| unsafe { amq_client_publish_outgoing(replier.get(), reply.get(), -2, error) });
        assert_eq!(payload(&asking.join().expect("no panic")), "done");
    });
}

#[test]
fn what_is_no_request_is_not_replied_to() {
    let emulator = emulator();
    let client = client(&emulator);
    subscribe(&client, &topic(&emulator, "x"));
    publish(&client, &topic(&emulator, "x"), "hello");
    let message = recv(&client);
    let failed = fails(|error| unsafe { amq_client_reply(client.get(), message.get(), b("x"), 1, -2, error) });
    assert_eq!((failed.status, failed.kind), (AMQ_ERROR, amq_kind::Invalid));
    let failed = not_made::<amq_outgoing>(|result, error| unsafe {
        amq_outgoing_reply(message.get(), 1, b("x"), 1, result, error)
    });
    assert_eq!(failed.status, AMQ_ERROR_MISUSE);
}

#[test]
fn a_request_without_a_reply_was_delivered() {
    let emulator = emulator();
    let client = client(&emulator);
    let topic = topic(&emulator, "nobody");
    let failed = not_made::<amq_message>(|reply, error| unsafe {
        amq_client_request(client.get(), p(&topic), topic.len(), b("x"), 1, 2_000, reply, error)
    });
    assert_eq!((failed.status, failed.stage, failed.fate), (AMQ_ERROR_TIMEOUT, amq_stage::Reply, amq_fate::Delivered));
}
