//! What answers at the endpoint, if it is not the MQTT service: another protocol, a web server, a proxy, or nothing.

use super::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::PlainToTlsPort,
        "plain-to-tls-port",
        Exit::Network,
        "the port speaks TLS, and the endpoint asks for a plain connection",
        "use mqtts:// (8883) or wss:// (443)",
    ),
    row(
        Cause::PlainToWebSocketPort,
        "mqtt-to-websocket-port",
        Exit::Network,
        "the port speaks WebSocket, and the endpoint asks for MQTT without it",
        "use ws:// (80) or wss:// (443), or the MQTT port: 1883, or 8883 with TLS",
    ),
    row(
        Cause::WebSocketToMqttPort,
        "websocket-to-mqtt-port",
        Exit::Network,
        "the port speaks MQTT without WebSocket, and the endpoint asks for a WebSocket",
        "use mqtt:// (1883) or mqtts:// (8883), or the WebSocket port: 80, or 443 with TLS",
    ),
    row(
        Cause::WebSocketNotAllowed,
        "websocket-not-allowed",
        Exit::Network,
        "the HTTP server there wants a login of its own for the WebSocket, or does not allow it (401, 403)",
        "the MQTT login is not for HTTP: see to the gateway in front of the service, or connect past it",
    ),
    row(
        Cause::WebSocketRedirected,
        "websocket-redirected",
        Exit::Network,
        "the HTTP server there sends the client to another address of its own, and redirects are not followed",
        "give the address it points to as the endpoint: https:// stands for wss://",
    ),
    row(
        Cause::WebSocketUpgradeLost,
        "websocket-upgrade-lost",
        Exit::Network,
        "the HTTP server there asks for an upgrade that was asked for (426): likely something on the way takes the \
         request for it out",
        "have the gateway or proxy in between pass on the headers Upgrade and Connection; wss:// gets past most of \
         them",
    ),
    row(
        Cause::WebSocketNoServer,
        "websocket-no-server",
        Exit::Network,
        "a gateway answers there, and has no server behind it for now (429, 5xx)",
        "try again later, and see to the gateway; the console shows whether the instance runs",
    ),
    row(
        Cause::WebSocketWithoutMqtt,
        "websocket-without-mqtt",
        Exit::Network,
        "the server makes a WebSocket, but does not choose the sub-protocol mqtt, which MQTT demands: likely it is for \
         something else",
        "likely another path: /mqtt is the usual one",
    ),
    row(
        Cause::WebSocketBroken,
        "websocket-broken",
        Exit::Network,
        "the server makes a WebSocket, but its answer is not as it must be (RFC 6455: Upgrade, Connection, \
         Sec-WebSocket-Accept)",
        "see to the gateway or proxy in between, which likely changes the headers",
    ),
    row(
        Cause::WebSocketRefused,
        "websocket-refused",
        Exit::Network,
        "the HTTP server there does not make a WebSocket for MQTT of this path",
        "likely another path: /mqtt is the usual one; or it is another server",
    ),
    row(
        Cause::HttpInsteadOfMqtt,
        "http-instead-of-mqtt",
        Exit::Network,
        "a web server answers there, not the MQTT service",
        "check host and port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://",
    ),
    row(
        Cause::HttpProxy,
        "http-proxy",
        Exit::Network,
        "an HTTP proxy answers there and wants a login",
        "give the proxy and its login by ALIYUN_MQTT_PROXY=http://user:password@host:port, or without a login by \
         --proxy",
    ),
    row(
        Cause::ProxyUnreachable,
        "proxy-unreachable",
        Exit::Network,
        "the HTTP proxy that is configured cannot be reached",
        "check host and port of --proxy or ALIYUN_MQTT_PROXY, and with env those of https_proxy",
    ),
    row(
        Cause::ProxySilent,
        "proxy-silent",
        Exit::Timeout,
        "the HTTP proxy that is configured did not answer in time",
        "check host and port of the proxy; it may itself wait for an endpoint that does not answer",
    ),
    row(
        Cause::ProxyRefused,
        "proxy-refused",
        Exit::Network,
        "the HTTP proxy that is configured does not make the connection, or it is no proxy",
        "see the message: many proxies let only port 443 through (wss://), or only some hosts",
    ),
    row(
        Cause::CaptivePortal,
        "captive-portal",
        Exit::Network,
        "the answer sends the reader to another page: likely the login page of this network",
        "log in to this network with a browser first",
    ),
    row(
        Cause::AmqpInsteadOfMqtt,
        "amqp-instead-of-mqtt",
        Exit::Network,
        "the port speaks AMQP",
        "use an MQTT port: 1883, or 8883 with TLS",
    ),
    row(
        Cause::NotMqtt,
        "not-mqtt",
        Exit::Network,
        "what answers there is not MQTT",
        "check host and port (接入点); likely something on the way answers instead",
    ),
    row(
        Cause::ConnackSilent,
        "connack-silent",
        Exit::Timeout,
        "the connection stands, but CONNECT was not answered",
        "is it an MQTT port? Likely something on the way swallows it, or the instance is overloaded",
    ),
    row(
        Cause::ConnectionClosed,
        "connection-closed",
        Exit::Network,
        "the connection was closed instead of an answer to CONNECT",
        "likely no MQTT port, a firewall, or a client id or Group ID that the service does not answer at all",
    ),
    row(
        Cause::ConnectionCut,
        "connection-cut",
        Exit::Network,
        "the connection was lost",
        "likely the network; the console's device trace (设备轨迹) names the reason",
    ),
];
