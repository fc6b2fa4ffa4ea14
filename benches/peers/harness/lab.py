"""What runs during the measurements: mosquitto with and without TLS, the delay proxy, and a sink when one is wanted."""

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from .delay import Delay

# Of one run of a client.
TIMEOUT = 60

CONFIGURATION = """\
per_listener_settings false
allow_anonymous true
set_tcp_nodelay true
max_inflight_messages 1000
max_queued_messages 1000000
max_packet_size 1000000
persistence false
listener {plain} 127.0.0.1
listener {secure} localhost
certfile {folder}/server.pem
keyfile {folder}/server.key
"""


class Lab:
    def __init__(self, programs):
        self.programs = programs

    def __enter__(self):
        # 1,000 clients have some thousand descriptors, and the broker as many sockets.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.folder = tempfile.mkdtemp(prefix="peers-")
        self.ca = make_certificates(self.folder)
        self.port, self.tls_port = free_ports(2)
        configuration = CONFIGURATION.format(plain=self.port, secure=self.tls_port, folder=self.folder)
        if os.getuid() == 0:
            # Else it becomes another user, who cannot read the key.
            configuration = "user root\n" + configuration
        path = self.path("mosquitto.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(configuration)
        with open(self.path("mosquitto.log"), "w", encoding="utf-8") as log:
            self.broker = subprocess.Popen(["/usr/sbin/mosquitto", "-c", path], stdout=log, stderr=log)
        await_listener(self.port)
        self.delayed_port = Delay(self.port, 0.1).port
        return self

    def __exit__(self, *_):
        self.broker.kill()
        self.broker.wait()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def argv(self, program, *arguments, **values):
        """The command of a client, as an ordinary one takes it: `ROLE name=value...`."""
        command = self.programs[program]
        command = command if isinstance(command, list) else [command]
        return [*command, *arguments, *(f"{name}={value}" for name, value in values.items())]

    def client(self, program, role, **values):
        """Runs a client to its end, and returns what it has measured."""
        argv = self.argv(program, role, **values)
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    def receiver(self, program, feed, **values):
        """Runs a client that subscribes, calls `feed` when it is ready, and returns what it has measured."""
        with subprocess.Popen(self.argv(program, "receive", **values), stdout=subprocess.PIPE, text=True) as child:
            # Ends the wait for its lines, too.
            timer = threading.Timer(TIMEOUT, child.kill)
            timer.start()
            try:
                if child.stdout.readline() != "ready\n":
                    raise RuntimeError("it has not subscribed")
                feed()
                if not (line := child.stdout.readline()):
                    raise RuntimeError("it has not received all messages")
                return json.loads(line)
            finally:
                child.kill()
                timer.cancel()

    @contextlib.contextmanager
    def sink(self, **values):
        """A sink; the value is its port."""
        with subprocess.Popen(self.argv("sink", "serve", **values), stdout=subprocess.PIPE, text=True) as child:
            try:
                yield int(child.stdout.readline())
            finally:
                child.kill()

    def command(self, argv, stdin=os.devnull, env=None):
        """Runs a command to its end, and returns the milliseconds from before its start to after its end."""
        quiet = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        files = [(os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0), quiet, (os.POSIX_SPAWN_DUP2, 1, 2)]
        started = time.perf_counter()
        child = os.posix_spawn(argv[0], argv, {"PATH": os.environ["PATH"], **(env or {})}, file_actions=files)
        _, status, _ = os.wait4(child, 0)
        took = time.perf_counter() - started
        if status:
            raise RuntimeError(f"{' '.join(argv)}: exit {os.waitstatus_to_exitcode(status)}")
        return took * 1000

    def ours_command(self, *arguments, stdin=os.devnull, port, tls=False):
        env = {
            "ALIYUN_MQTT_ENDPOINT": f"mqtts://localhost:{port}" if tls else f"mqtt://127.0.0.1:{port}",
            "ALIYUN_MQTT_INSTANCE_ID": "post-cn-bench",
            "ALIYUN_MQTT_GROUP_ID": "GID_bench",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "access-key-id",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "access-key-secret",
            "HOME": self.folder,
        }
        if tls:
            env["ALIYUN_MQTT_CA_FILE"] = self.ca
        return self.command([self.programs["aliyun-mqtt"], *arguments], stdin, env)

    def mosquitto_command(self, *arguments, stdin=os.devnull, port, tls=False):
        where = ["-h", "localhost", "--cafile", self.ca] if tls else ["-h", "127.0.0.1"]
        login = ["-i", "GID_bench@@@client", "-u", "Signature|access-key-id|post-cn-bench", "-P", "password"]
        return self.command(["/usr/bin/mosquitto_pub", *where, "-p", str(port), *login, *arguments], stdin)

    def lines(self, count):
        """A file of so many lines of 64 bytes."""
        path = self.path(f"lines-{count}")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(f"{number:063}\n" for number in range(count))
        return path


def make_certificates(folder):
    """A CA and a server's certificate for localhost; returns the path of the CA's."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=bench CA")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    with open(os.path.join(folder, "san"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "san"]
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", *signer)
    return os.path.join(folder, "ca.pem")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def await_listener(port):
    end = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
