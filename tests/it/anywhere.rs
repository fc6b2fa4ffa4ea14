//! Promise 8: any call from any thread, from inside an async program.

use std::thread;

use crate::support::{LONG, client, config, emulator, payloads, text, topic};
use aliyun_mqtt::{Client, Credentials, QoS};

#[test]
fn while_another_thread_receives() {
    let emulator = emulator();
    let client = client(&emulator);
    let topic = topic(&emulator, "x");
    client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        let receiver = scope.spawn(|| payloads(&client, 3));
        for number in 0..3 {
            client.publish(&topic, QoS::AtLeastOnce, format!("{number}")).expect("published");
        }
        client.flush(LONG).expect("flushed");
        assert_eq!(receiver.join().expect("no panic"), ["0", "1", "2"]);
    });
}

#[test]
fn answering_from_where_messages_are_received() {
    let emulator = emulator();
    let client = client(&emulator);
    let (question, answer) = (topic(&emulator, "question"), topic(&emulator, "answer"));
    let questions = client.subscription(&question, QoS::AtLeastOnce).expect("subscribed");
    client.subscribe(&answer, QoS::ExactlyOnce).expect("subscribed");
    client.publish(&question, QoS::AtLeastOnce, "?").expect("published");
    for message in questions.messages().take(1) {
        assert_eq!(text(message.expect("a question").payload()), "?");
        client.publish(&answer, QoS::ExactlyOnce, "42").expect("answered");
    }
    assert_eq!(payloads(&client, 1), ["42"]);
}

#[test]
fn inside_an_async_program() {
    let emulator = emulator();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = client(&emulator);
        let topic = topic(&emulator, "async");
        client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
        client.publish(&topic, QoS::AtLeastOnce, "x").expect("published");
        assert_eq!(payloads(&client, 1), ["x"]);
        drop(client);
        let refused = config(&emulator).credentials(Credentials::signature("nobody", "nothing-secret"));
        Client::connect(refused.build().expect("a good configuration")).expect_err("refused");
    });
}

#[test]
fn inside_a_program_of_many_async_threads() {
    let emulator = emulator();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    let topic = topic(&emulator, "async");
    let client = client(&emulator);
    runtime.block_on(async {
        client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
        // In tasks, where nothing may block but everything may be called; and where blocking is what they are for.
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let (client, topic) = (client.clone(), topic.clone());
                let publish = move || client.publish(&topic, QoS::AtLeastOnce, format!("{number}"));
                if number % 2 == 0 {
                    tokio::spawn(async move { publish() })
                } else {
                    tokio::task::spawn_blocking(publish)
                }
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic").expect("published");
        }
        let mut got = tokio::task::block_in_place(|| payloads(&client, 8));
        got.sort_unstable();
        assert_eq!(got, (0..8).map(|number| number.to_string()).collect::<Vec<_>>());
        // Made, left and dropped in a task.
        let config = config(&emulator);
        let task = tokio::spawn(async move {
            let other = crate::support::connect(config);
            other.disconnect().expect("nothing to deliver");
            drop(other);
        });
        task.await.expect("no panic");
        // The last handle goes in a task.
        tokio::spawn(async move { drop(client) }).await.expect("no panic");
    });
}
