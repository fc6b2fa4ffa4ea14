/* MQTT 3.1.1 by hand, for the raw client and the sink: both know exactly which bytes they write. */
#ifndef WIRE_H
#define WIRE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum {
    CONNECT = 1, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ,
    PINGRESP, DISCONNECT
};

/* Writes a PUBLISH; returns its length. */
static size_t put_publish(uint8_t *to, int qos, uint16_t id, const uint8_t *payload, size_t size) {
    size_t topic = strlen(TOPIC), rest = 2 + topic + (qos ? 2 : 0) + size;
    uint8_t *at = to;
    *at++ = PUBLISH << 4 | qos << 1;
    do {
        *at++ = (rest & 127) | (rest > 127 ? 128 : 0);
    } while (rest >>= 7);
    *at++ = topic >> 8, *at++ = topic & 255;
    memcpy(at, TOPIC, topic), at += topic;
    if (qos) *at++ = id >> 8, *at++ = id & 255;
    memcpy(at, payload, size);
    return at + size - to;
}

/* Writes a packet that is an id alone. */
static size_t put_id(uint8_t *to, int kind, uint16_t id) {
    to[0] = kind << 4 | (kind == PUBREL ? 2 : 0), to[1] = 2, to[2] = id >> 8, to[3] = id & 255;
    return 4;
}

static void write_all(int fd, const uint8_t *from, size_t length) {
    while (length) {
        ssize_t done = send(fd, from, length, MSG_NOSIGNAL);
        if (done <= 0) fail("write");
        from += done, length -= done;
    }
}

struct packet {
    uint8_t head;
    uint16_t id; /* 0 if it has none */
    uint8_t *body;
    size_t rest;
};

struct reader {
    int fd;
    size_t from, to;
    uint8_t bytes[1 << 20];
};

/* Takes the next packet from what was read; 0 if it is not complete. */
static int take(struct reader *reader, struct packet *packet) {
    uint8_t *at = reader->bytes + reader->from;
    size_t have = reader->to - reader->from, rest = 0, digits = 0;
    do {
        if (have < 2 + digits) return 0;
        rest |= (size_t)(at[1 + digits] & 127) << 7 * digits;
    } while (at[1 + digits++] & 128);
    if (have < 1 + digits + rest) return 0;
    packet->head = at[0], packet->body = at + 1 + digits, packet->rest = rest, packet->id = 0;
    uint8_t *id = packet->body;
    int kind = at[0] >> 4;
    if (kind == PUBLISH) id += 2 + (id[0] << 8 | id[1]);
    if (kind != CONNECT && rest >= 2 && (kind != PUBLISH || at[0] & 6)) packet->id = id[0] << 8 | id[1];
    reader->from += 1 + digits + rest;
    return 1;
}

/* Reads what is there; 0 at the end. With MSG_DONTWAIT it may be nothing. */
static int more(struct reader *reader, int flags) {
    memmove(reader->bytes, reader->bytes + reader->from, reader->to - reader->from);
    reader->to -= reader->from, reader->from = 0;
    ssize_t got = recv(reader->fd, reader->bytes + reader->to, sizeof reader->bytes - reader->to, flags);
    if (got < 0 && (flags & MSG_DONTWAIT)) return 1;
    if (got <= 0) return 0;
    reader->to += got;
    return 1;
}

static void no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

#endif
