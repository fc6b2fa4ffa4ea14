//! Causes where something else answers instead of the MQTT service: another protocol, a web server, a proxy, or
//! nothing.

use super::row::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::PlainToTlsPort,
        "plain-to-tls-port",
        Exit::Network,
        "the port speaks TLS, but the endpoint uses a plain connection",
        "use mqtts:// (8883) or wss:// (443)",
    ),
    row(
        Cause::PlainToWebSocketPort,
        "mqtt-to-websocket-port",
        Exit::Network,
        "the port speaks WebSocket, but the endpoint uses MQTT without it",
        "use ws:// (80) or wss:// (443), or the MQTT port: 1883, or 8883 with TLS",
    ),
    row(
        Cause::WebSocketToMqttPort,
        "websocket-to-mqtt-port",
        Exit::Network,
        "the port speaks MQTT without WebSocket, but the endpoint uses WebSocket",
        "use mqtt:// (1883) or mqtts:// (8883), or the WebSocket port: 80, or 443 with TLS",
    ),
    row(
        Cause::WebSocketNotAllowed,
        "websocket-not-allowed",
        Exit::Network,
        "the HTTP server requires its own login for the WebSocket, or forbids it (401, 403)",
        "check the gateway in front of the service, or connect without it; the MQTT login is not used for HTTP",
    ),
    row(
        Cause::WebSocketRedirected,
        "websocket-redirected",
        Exit::Network,
        "the HTTP server redirects to another address on the same host; redirects are not followed",
        "use that address as the endpoint; https:// corresponds to wss://",
    ),
    row(
        Cause::WebSocketUpgradeLost,
        "websocket-upgrade-lost",
        Exit::Network,
        "the HTTP server demands an upgrade that was requested (426); something on the network path probably removes \
         the request",
        "configure the gateway or proxy to pass the headers Upgrade and Connection; wss:// avoids most of these \
         problems",
    ),
    row(
        Cause::WebSocketNoServer,
        "websocket-no-server",
        Exit::Network,
        "a gateway answers, but has no server behind it at the moment (429, 5xx)",
        "try again later, and check the gateway; the console shows whether the instance is running",
    )
    .here("try again later, and check the gateway"),
    row(
        Cause::WebSocketWithoutMqtt,
        "websocket-without-mqtt",
        Exit::Network,
        "the server accepts the WebSocket, but not the sub-protocol mqtt, which MQTT requires; it probably serves \
         something else",
        "check the path of the endpoint; the usual one is /mqtt",
    ),
    row(
        Cause::WebSocketBroken,
        "websocket-broken",
        Exit::Network,
        "the server accepts the WebSocket, but its answer is invalid (RFC 6455: Upgrade, Connection, \
         Sec-WebSocket-Accept)",
        "check the gateway or proxy on the network path, which probably changes the headers",
    ),
    row(
        Cause::WebSocketRefused,
        "websocket-refused",
        Exit::Network,
        "the HTTP server does not offer a WebSocket for MQTT at this path",
        "check the path, usually /mqtt, and that this is the right server",
    ),
    row(
        Cause::HttpInsteadOfMqtt,
        "http-instead-of-mqtt",
        Exit::Network,
        "a web server answers instead of the MQTT service",
        "check host and port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://",
    ),
    row(
        Cause::HttpProxy,
        "http-proxy",
        Exit::Network,
        "an HTTP proxy answers and requires a login",
        "set ALIYUN_MQTT_PROXY=http://user:password@host:port, or use --proxy for a proxy without a login",
    ),
    row(
        Cause::ProxyUnreachable,
        "proxy-unreachable",
        Exit::Network,
        "the configured HTTP proxy cannot be reached",
        "check host and port in --proxy or ALIYUN_MQTT_PROXY; if it is env, those in https_proxy",
    ),
    row(
        Cause::ProxySilent,
        "proxy-silent",
        Exit::Timeout,
        "the configured HTTP proxy did not answer in time",
        "check host and port of the proxy; it may itself be waiting for an endpoint that does not answer",
    ),
    row(
        Cause::ProxyRefused,
        "proxy-refused",
        Exit::Network,
        "the configured HTTP proxy refuses to make the connection, or is not a proxy",
        "check what the proxy allows: many allow only port 443 (wss://) or certain hosts; the message has its answer",
    ),
    row(
        Cause::CaptivePortal,
        "captive-portal",
        Exit::Network,
        "the answer redirects to another site, probably the login page of this network",
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
        "what answers does not speak MQTT",
        "check host and port (接入点); something on the network path may answer instead",
    ),
    row(
        Cause::ConnackSilent,
        "connack-silent",
        Exit::Timeout,
        "the connection is open, but CONNECT got no answer",
        "check that it is an MQTT port; something on the network path may drop the packets, or the instance is \
         overloaded",
    ),
    row(
        Cause::ConnectionClosed,
        "connection-closed",
        Exit::Network,
        "the connection was closed in answer to CONNECT",
        "check that it is an MQTT port and that the Group ID exists; a firewall can also cause this",
    )
    .here(
        "check that it is an MQTT port and that the Group ID exists; `aliyun-mqtt emulator --watch` shows why an \
         emulator closes a connection",
    ),
    row(
        Cause::ConnectionCut,
        "connection-cut",
        Exit::Network,
        "the connection was lost",
        "check the network; the console's device trace (设备轨迹) names the reason",
    )
    .here(
        "check whether the server has ended; `aliyun-mqtt emulator --watch` shows why an emulator closes a \
         connection",
    ),
];
