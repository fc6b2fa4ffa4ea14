//! Where a reply goes: by P2P in both versions of MQTT, or to a response topic.

use std::thread;

use super::{SHORT, asked, echo, id};
use crate::support::broker::{Broker, Kind, Packet, lax};
use crate::support::{LONG, client, config, connect, connected, emulator, error, payloads, text, topic};
use aliyun_mqtt::{Client, ErrorKind, Fate, Outgoing, Protocol, QoS, RequestOptions};

#[test]
fn both_versions_ask_each_other() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let old = connect(config(&emulator).protocol(Protocol::V311));
    let new = connect(config(&emulator).protocol(Protocol::V5));
    let form = |replier: &Client| {
        let message = asked(replier);
        let request = message.request().expect("a request");
        replier.reply(&message, request.payload()).expect("replied");
        request.is_enveloped()
    };
    new.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        let replier = scope.spawn(|| form(&new));
        assert_eq!(text(old.request(&topic, "from 3.1.1", LONG).expect("a reply").payload()), "from 3.1.1");
        assert!(replier.join().expect("no panic"));
        // A client that asks itself takes its request for no reply, in either form.
        for envelope in [false, true] {
            let replier = scope.spawn(|| form(&new));
            let myself = aliyun_mqtt::p2p_topic(emulator.parent_topic(), id(&new)).expect("a topic");
            let message = Outgoing::new(myself, QoS::AtLeastOnce, "myself");
            let reply = new.request_message(message, RequestOptions::new(LONG).envelope(envelope)).expect("a reply");
            assert_eq!(text(reply.payload()), "myself");
            assert_eq!(replier.join().expect("no panic"), envelope);
        }
    });
    new.unsubscribe(&topic).expect("unsubscribed");
    old.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        let replier = scope.spawn(|| form(&old));
        let message = Outgoing::new(&topic, QoS::AtLeastOnce, "from 5").user_property("k", "v");
        let reply = new.request_message(message, RequestOptions::new(LONG).envelope(true)).expect("a reply");
        assert_eq!(text(reply.payload()), "from 5");
        assert!(replier.join().expect("no panic"));
        // Without it, 3.1.1 sees a message like any other; and the error says what to do.
        let unseen = scope.spawn(|| error(new.request(&topic, "unseen", SHORT)));
        let message = old.recv_timeout(LONG).expect("alive").expect("a message");
        assert!(message.request().is_none() && message.payload() == b"unseen");
        let unseen = unseen.join().expect("no panic");
        assert!(unseen.hint().is_some_and(|hint| hint.contains("be asked with envelope")), "{unseen}");
    });
}

#[test]
fn over_mqtt_5_a_reply_has_what_the_replier_gave_it() {
    let emulator = emulator();
    let v5 = || connect(config(&emulator).protocol(Protocol::V5));
    let (replier, requester) = (v5(), v5());
    let topic = topic(&emulator, "ask");
    replier.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        scope.spawn(|| {
            let message = asked(&replier);
            assert_eq!(message.user_property("question"), Some("1"));
            let request = message.request().expect("a request");
            assert_eq!(Some(request.response_topic()), message.response_topic());
            assert_eq!(request.correlation_data(), message.correlation_data());
            let reply = request.reply(QoS::ExactlyOnce, "!").content_type("text/plain").user_property("answer", "2");
            replier.publish_message(reply).expect("replied");
        });
        let question = Outgoing::new(&topic, QoS::AtLeastOnce, "?").user_property("question", "1");
        let reply = requester.request_message(question, LONG).expect("a reply");
        assert_eq!((reply.content_type(), reply.user_property("answer")), (Some("text/plain"), Some("2")));
        assert_eq!(reply.qos(), QoS::ExactlyOnce);
    });
    // A request need not have correlation data.
    let other = Outgoing::new(&topic, QoS::AtLeastOnce, "?").response_topic(crate::support::topic(&emulator, "back"));
    requester.subscribe(crate::support::topic(&emulator, "back"), QoS::AtLeastOnce).expect("subscribed");
    requester.publish_message(other).expect("published");
    replier.reply(&asked(&replier), "!").expect("replied");
    assert_eq!(payloads(&requester, 1), ["!"]);
}

#[test]
fn a_response_topic_is_subscribed_before_the_first_request() {
    let emulator = emulator();
    let (question, answers) = (topic(&emulator, "ask"), topic(&emulator, "answers/1"));
    let replier = client(&emulator);
    replier.subscribe(&question, QoS::AtLeastOnce).expect("subscribed");
    let requester = connect(config(&emulator).response_topic(&answers));
    assert_eq!(requester.config().response_topic(), Some(answers.as_str()));
    // Other messages that come there are the program's.
    let events = requester.events();
    for round in 0..2 {
        thread::scope(|scope| {
            scope.spawn(|| echo(&replier, 4));
            for _ in 0..4 {
                scope.spawn(|| {
                    let reply = requester.request(&question, "?", LONG).expect("a reply");
                    assert_eq!(reply.topic(), answers);
                });
            }
        });
        replier.publish(&answers, QoS::AtLeastOnce, "by the way").expect("published");
        assert_eq!(payloads(&requester, 1), ["by the way"]);
        if round == 0 {
            emulator.kick(&id(&requester));
            connected(&events);
        }
    }
}

#[test]
fn a_stream_of_the_response_topic_may_end_while_a_request_waits() {
    let emulator = emulator();
    let (question, answers) = (topic(&emulator, "ask"), topic(&emulator, "answers/1"));
    let replier = client(&emulator);
    replier.subscribe(&question, QoS::AtLeastOnce).expect("subscribed");
    let requester = connect(config(&emulator).response_topic(&answers));
    let stream = requester.subscription(&answers, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        let call = scope.spawn(|| requester.request(&question, "?", LONG));
        let message = asked(&replier);
        drop(stream);
        // Behind whatever the end of the stream has sent.
        requester.subscribe(&question, QoS::AtLeastOnce).expect("subscribed");
        replier.reply(&message, "!").expect("replied");
        assert_eq!(text(call.join().expect("no panic").expect("a reply").payload()), "!");
    });
}

#[test]
fn a_response_topic_that_is_refused_leaves_the_request_unsent() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().response_topic("t/answers"));
    thread::scope(|scope| {
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let subscribe = line.expect(Kind::Subscribe);
        assert_eq!(subscribe.filters(), [("t/answers".to_string(), 1)]);
        line.suback(subscribe.id(), &[0x80]);
        let refused = error(call.join().expect("no panic"));
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Rejected, Some(Fate::NotSent)), "{refused}");
        let said = refused.to_string();
        assert!(said.contains("t/ask") && said.contains("t/answers"), "{said}");
        assert_eq!(client.stats().published, 0);
        // The next request tries again.
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[1]);
        let request = line.expect(Kind::Publish);
        line.send(&Packet::PubAck(request.id()));
        line.reply(&request, 0, 0, "!");
        call.join().expect("no panic").expect("a reply");
        // And one after that has no need to.
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let request = line.read().expect("a packet");
        assert_eq!(request.kind(), Kind::Publish);
        line.reply(&request, 0, 0, "!");
        call.join().expect("no panic").expect("a reply");
    });
}

#[test]
fn limits_of_names_show_before_a_reply_is_missed() {
    // The reply's topic would be longer than this client may use.
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config().limits(lax().topic_len(10)));
    let refused = error(client.request("t/ask", "?", LONG));
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("response_topic")), "{refused}");
}
