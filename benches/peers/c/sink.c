/* A server that costs next to nothing: it acknowledges everything it reads in one write, and pours messages over
 * whoever subscribes. `sink serve count=N size=S window=W pause=MS`: so many messages, of the granted QoS, and at most
 * so many of them unacknowledged. It rests for the pause before it writes: by then a client has gone to sleep. Prints
 * its port. */
#include <pthread.h>

#include "wire.h"

static long to_pour, size, window, pause_ms;

static void rest(void) {
    if (pause_ms) usleep(pause_ms * 1000);
}

/* All messages, then on with the connection. */
static void pour(struct reader *reader, int qos) {
    static __thread uint8_t out[1 << 17], payload[1 << 14];
    long sent = 0, settled = 0;
    struct packet packet;
    while (sent < to_pour || (qos && settled < sent)) {
        size_t length = 0;
        while (sent < to_pour && length < 1 << 16 && (!qos || sent - settled < window)) {
            length += put_publish(out + length, qos, sent % 65535 + 1, payload, size);
            sent++;
        }
        rest();
        write_all(reader->fd, out, length);
        if (!qos) continue;
        if (!more(reader, sent == to_pour || sent - settled >= window ? 0 : MSG_DONTWAIT)) return;
        while (take(reader, &packet)) settled += packet.head >> 4 == PUBACK;
    }
}

static void *serve(void *argument) {
    struct reader *reader = argument;
    static __thread uint8_t out[1 << 20];
    struct packet packet;
    int qos = -1;
    no_delay(reader->fd);
    while (more(reader, 0)) {
        size_t length = 0;
        while (take(reader, &packet)) {
            switch (packet.head >> 4) {
            case CONNECT:
                memcpy(out + length, (uint8_t[]){CONNACK << 4, 2, 0, 0}, 4), length += 4;
                break;
            case PUBLISH:
                if (packet.id) length += put_id(out + length, packet.head & 2 ? PUBACK : PUBREC, packet.id);
                break;
            case PUBREL:
                length += put_id(out + length, PUBCOMP, packet.id);
                break;
            case SUBSCRIBE:
                qos = packet.body[packet.rest - 1] & 3;
                length += put_id(out + length, SUBACK, packet.id);
                out[length - 3] = 3, out[length++] = qos;
                break;
            case UNSUBSCRIBE:
                length += put_id(out + length, UNSUBACK, packet.id);
                break;
            case PINGREQ:
                out[length++] = PINGRESP << 4, out[length++] = 0;
                break;
            case DISCONNECT:
                shutdown(reader->fd, SHUT_WR);
            }
        }
        rest();
        if (send(reader->fd, out, length, MSG_NOSIGNAL) < 0) break;
        if (qos >= 0) pour(reader, qos), qos = -1;
    }
    close(reader->fd);
    free(reader);
    return NULL;
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (argc < 2 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1000)) fail("listen");
    to_pour = number(argv, "count", 0), size = number(argv, "size", 64), window = number(argv, "window", 1000);
    pause_ms = number(argv, "pause", 0);
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct reader *reader = calloc(1, sizeof *reader);
        pthread_t thread;
        reader->fd = accept(listener, NULL, NULL);
        if (reader->fd < 0 || pthread_create(&thread, NULL, serve, reader)) fail("accept");
        pthread_detach(thread);
    }
}
