//! Requests and their replies.

use aliyun_mqtt::{Client, Config, Credentials, QoS};

use crate::rig::{Rig, end};
use crate::support::LONG;

#[test]
fn a_request_is_answered_with_the_reply() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let emulator = &rig.emulator;
    let config = Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()));
    let replier = Client::connect(config.build().expect("a configuration")).expect("a connection");
    replier.subscribe("emulator/ask", QoS::AtLeastOnce).expect("a subscription");
    let replying = replier.clone();
    let thread = std::thread::spawn(move || {
        let message = replying.recv_timeout(LONG).expect("no failure").expect("a request");
        let payload = [message.request().expect("a request").payload(), b"!"].concat();
        replying.reply(&message, payload).expect("the reply is sent");
    });
    let mut http = rig.http();
    let answer = http.post("/v1/requests?topic=emulator/ask&timeout=60", "?").expect(200);
    assert_eq!(answer.body, b"?!");
    thread.join().expect("the replier ends");
    http.post("/v1/requests?topic=emulator/nobody&timeout=0.2", "?").problem(504, "timeout", Some("delivered"));
    http.call("POST", "/v1/requests?topic=emulator/ask", &["Prefer: respond-async"], b"").problem(
        400,
        "invalid",
        Some("not sent"),
    );
    end(relay);
}
