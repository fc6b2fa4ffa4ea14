"""A proxy on loopback that holds back each byte for a while, in both directions."""

import collections
import socket
import threading
import time


class Delay:
    """Listens on `port` until the process ends. Only the TCP handshake is without the delay."""

    def __init__(self, target_port, one_way):
        self.target, self.one_way = target_port, one_way
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, sink in ((client, server), (server, client)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line = Line(source, sink, self.one_way)
                threading.Thread(target=line.read, daemon=True).start()
                threading.Thread(target=line.write, daemon=True).start()


class Line:
    """One direction of a connection."""

    def __init__(self, source, sink, one_way):
        self.source, self.sink, self.one_way = source, sink, one_way
        self.waiting, self.more = collections.deque(), threading.Semaphore(0)

    def read(self):
        data = True
        while data:
            try:
                data = self.source.recv(1 << 18)
            except OSError:
                data = b""
            self.waiting.append((time.monotonic() + self.one_way, data))
            self.more.release()

    def write(self):
        try:
            while True:
                self.more.acquire()
                due, data = self.waiting.popleft()
                time.sleep(max(0, due - time.monotonic()))
                if not data:
                    return self.sink.shutdown(socket.SHUT_WR)
                self.sink.sendall(data)
        except OSError:
            self.source.close()
