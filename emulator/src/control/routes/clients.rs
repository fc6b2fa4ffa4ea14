//! The calls about clients, topics and messages.

use super::super::field::{Kind, may, need};
use super::route::{Answer, CLIENT_ID, COUNT, Call, NOTHING, Route};

const CODE: Kind = Kind::Integer { min: 1, max: 5 };
const QOS: Kind = Kind::Integer { min: 0, max: 2 };

pub(super) const ROUTES: &[Route] = &[
    Route {
        call: Call::Kick,
        method: "POST",
        path: "/control/kick",
        summary: "Closes the connection of a client",
        about: "As a failing network would; a persistent session stays.",
        query: &[],
        body: &[need("client_id", CLIENT_ID, "The client.")],
        answer: Answer::Fields(&[need("kicked", Kind::Flag, "True if the client was connected.")]),
    },
    Route {
        call: Call::RefuseLogins,
        method: "POST",
        path: "/control/refuse-logins",
        summary: "Refuses later logins",
        about: "Existing connections are not affected.",
        query: &[],
        body: &[
            need("code", CODE, "The CONNACK code of MQTT 3.1.1; MQTT 5 clients receive the corresponding one."),
            may("count", COUNT, "Refuse only so many logins. Default: all, until accept-logins."),
        ],
        answer: NOTHING,
    },
    Route {
        call: Call::AcceptLogins,
        method: "POST",
        path: "/control/accept-logins",
        summary: "Accepts logins again",
        about: "",
        query: &[],
        body: &[],
        answer: NOTHING,
    },
    Route {
        call: Call::Forbid,
        method: "POST",
        path: "/control/forbid",
        summary: "Forbids a topic or filter",
        about: "From now on, publishing to a topic that it matches, or subscribing to a filter that it covers, closes \
                the connection, as the service does if a permission is missing.",
        query: &[],
        body: &[need("filter", Kind::Topic, "The topic or filter.")],
        answer: NOTHING,
    },
    Route {
        call: Call::Allow,
        method: "POST",
        path: "/control/allow",
        summary: "Allows a topic or filter again",
        about: "Reverts a forbid of exactly this filter.",
        query: &[],
        body: &[need("filter", Kind::Topic, "The topic or filter.")],
        answer: Answer::Fields(&[need("allowed", Kind::Flag, "True if it was forbidden.")]),
    },
    Route {
        call: Call::Notify,
        method: "POST",
        path: "/control/notify",
        summary: "Pushes a notice to a client",
        about: "Sends a QoS 0 message to one connected client, whatever it has subscribed to.",
        query: &[],
        body: &[
            need("client_id", CLIENT_ID, "The client."),
            need("topic", Kind::TopicName, "The topic, such as $SYS/tokenExpireNotice."),
            may("payload", Kind::Payload, "The payload. Default: empty."),
        ],
        answer: Answer::Fields(&[need("pushed", Kind::Flag, "True if the client was connected.")]),
    },
    Route {
        call: Call::Publish,
        method: "POST",
        path: "/control/publish",
        summary: "Publishes a message as the service",
        about: "To the subscribers of its topic, or to the target of a P2P topic. Returns when the broker inside has \
                accepted it. 422 for a payload above the limit.",
        query: &[],
        body: &[
            need("topic", Kind::TopicName, "The topic; its first level must be a parent topic."),
            may("qos", QOS, "The QoS. Default: 1."),
            may("payload", Kind::Payload, "The payload. Default: empty."),
        ],
        answer: NOTHING,
    },
];
