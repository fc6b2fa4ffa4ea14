"""What is measured, with what, and what it should reach."""

import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Callable

from . import build

OURS = "aliyun-mqtt"
RAW = "raw socket"
RUMQTTC = "rumqttc"
MOSQ = "libmosquitto"
PAHO_C = "Paho C"
PAHO_RUST = "paho-mqtt (crate)"
PAHO_PYTHON = "paho-mqtt (Python)"
CHANNEL = "rumqttc, channel"
BY_HAND = "rumqttc, channel, manual ack"
LOOP = "rumqttc, in its loop"
MOSQUITTO_PUB = "mosquitto_pub"

PROGRAMS = {
    OURS: "ours", RAW: "raw", RUMQTTC: "rumqttc", MOSQ: "mosq", PAHO_C: "pahoc", PAHO_RUST: "paho",
    PAHO_PYTHON: "python",
}
MODES = {CHANNEL: "channel", BY_HAND: "acknowledging", LOOP: "loop"}


@dataclasses.dataclass(frozen=True)
class Scale:
    rounds: int
    # What the numbers of messages are multiplied with.
    share: float

    def of(self, count):
        return max(20, int(count * self.share))


FULL = Scale(7, 1)
QUICK = Scale(3, 0.25)
SMOKE = Scale(1, 0.001)


@dataclasses.dataclass(frozen=True)
class Metric:
    key: str
    unit: str
    better: str  # "more" or "less"


RATE = Metric("rate", "messages/s", "more")
CPU = Metric("cpu", "us of CPU per message", "less")
P50 = Metric("p50", "us, p50", "less")
P999 = Metric("p999", "us, p99.9", "less")
SECONDS = Metric("seconds", "s", "less")
MS = Metric("ms", "ms", "less")


@dataclasses.dataclass(frozen=True)
class Goal:
    """So many times `peer`'s value, or without a peer so much: at least, or at most where less is better."""

    metric: Metric
    bound: float
    peer: str | None = None


@dataclasses.dataclass
class Case:
    name: str
    title: str
    metrics: list[Metric]
    # Each takes the lab, and returns values by the keys of the metrics.
    clients: dict[str, Callable]
    goals: list[Goal] = dataclasses.field(default_factory=list)
    # Why a peer may be faster, for the document.
    why: dict[str, str] = dataclasses.field(default_factory=dict)
    most_rounds: int | None = None


def per_message(measured):
    """The metrics of a run that sends or receives many messages."""
    if measured["lost"]:
        raise RuntimeError(f"{measured['lost']:.0f} messages did not come")
    count = measured["count"]
    return {"rate": count / measured["seconds"], "cpu": measured["cpu"] / count * 1e6, "seconds": measured["seconds"]}


def publishing(labels, port, counts, **values):
    """Clients that publish `counts` messages; a number, or one by label. `port` finds the server's."""

    def client(label):
        count, given = counts.get(label, counts[None]), {**values, **windows.get(label, {})}
        return lambda lab: per_message(lab.client(PROGRAMS[label], "publish", port=port(lab), count=count, **given))

    windows = values.pop("windows", {})
    return {label: client(label) for label in labels}


def receiving(labels, qos, run):
    """Clients that receive; `run` takes the lab, the program and its arguments."""

    def client(label):
        mode = {"mode": MODES[label]} if label in MODES else {}
        program = PROGRAMS.get(label, "rumqttc")
        return lambda lab: per_message(run(lab, program, qos=qos, **mode))

    return {label: client(label) for label in labels}


def timing(labels, role, counts, **values):
    """Clients that time single operations. `ca=True`: over TLS."""
    tls = values.pop("ca", False)

    def client(label):
        def run(lab):
            where = {"port": lab.tls_port, "ca": lab.ca} if tls else {"port": lab.port}
            return lab.client(PROGRAMS[label], role, count=counts, **where, **values)

        return run

    return {label: client(label) for label in labels}


def median_of(count, run):
    times = sorted(run() for _ in range(count))
    return {"ms": times[len(times) // 2]}


def mosquitto(lab):
    return lab.port


LIMIT = "It is the limit: it writes in batches, and keeps no promise."
LESS = "It does less for each message: no deadline, and no search for the one that makes a server close the connection."
CALLBACK = "Its callback runs on the thread that reads: nothing is handed over between threads."
FIRST = "It acknowledges before the program has seen the message, up to ten in one write"
PUBLISHING = {RAW: LIMIT, MOSQ: LESS, RUMQTTC: LESS, PAHO_C: LESS, PAHO_RUST: LESS}
RECEIVING = {
    RAW: LIMIT,
    LOOP: f"{FIRST}, and hands nothing over between threads.",
    CHANNEL: f"{FIRST}, and its queue has no bound.",
    BY_HAND: "Its queue has no bound.",
    MOSQ: CALLBACK,
    PAHO_C: CALLBACK,
}


def publish_cases(scale):
    found = []
    goals = {
        0: [Goal(RATE, 1.0, MOSQ)],
        1: [Goal(RATE, 1.0, RAW), Goal(RATE, 1.4, RUMQTTC)],
        2: [Goal(RATE, 0.9, RUMQTTC)],
    }
    everybody = [OURS, RAW, RUMQTTC, MOSQ, PAHO_C, PAHO_RUST, PAHO_PYTHON]
    if scale is SMOKE:
        everybody.remove(PAHO_PYTHON)
    for qos in (0, 1, 2):
        count = scale.of((200_000, 60_000, 40_000)[qos])
        # The same time, not the same number.
        counts = {None: count, PAHO_PYTHON: max(20, count // 5), PAHO_C: count // 2, PAHO_RUST: count // 2}
        clients = publishing(everybody, mosquitto, counts, qos=qos)
        title = f"Publish, QoS {qos}, 64 B"
        found.append(Case(f"publish-qos{qos}", title, [RATE, CPU], clients, goals[qos], PUBLISHING))
    for qos in (0, 1, 2):
        counts = {None: scale.of((30_000, 20_000, 15_000)[qos])}
        clients = publishing([OURS, RAW, RUMQTTC, MOSQ, PAHO_C], mosquitto, counts, qos=qos, size=16_384)
        goal = [Goal(RATE, 0.95, RUMQTTC)]
        title = f"Publish, QoS {qos}, 16 KB"
        found.append(Case(f"publish-16k-qos{qos}", title, [RATE, CPU], clients, goal, PUBLISHING))
    clients = publishing([OURS, RUMQTTC], mosquitto, {None: scale.of(60_000)}, qos=1, version=5)
    title = "Publish, QoS 1, 64 B, MQTT 5"
    found.append(Case("publish-v5-qos1", title, [RATE, CPU], clients, [Goal(RATE, 1.3, RUMQTTC)], PUBLISHING))
    return found


def sink_cases(scale):
    found = []
    for qos, goals in ((0, []), (1, [Goal(RATE, 1.15, RUMQTTC)])):
        counts = {None: scale.of((200_000, 100_000)[qos]), RAW: scale.of(4_000_000)}

        def publish(label, qos=qos, counts=counts):
            def run(lab):
                count = counts.get(label, counts[None])
                with lab.sink() as port:
                    return per_message(lab.client(PROGRAMS[label], "publish", port=port, count=count, qos=qos))

            return run

        clients = {label: publish(label) for label in (OURS, RAW, RUMQTTC, MOSQ, PAHO_C)}
        title = f"Publish to the sink, QoS {qos}, 64 B"
        found.append(Case(f"sink-publish-qos{qos}", title, [RATE, CPU], clients, goals, PUBLISHING))
    for qos, goals in ((0, [Goal(RATE, 0.9, CHANNEL)]), (1, [])):
        count = scale.of((300_000, 100_000)[qos])

        def pour(lab, program, count=count, **values):
            with lab.sink(count=count) as port:
                return lab.receiver(program, lambda: None, port=port, count=count, **values)

        labels = [OURS, RAW, CHANNEL, BY_HAND, LOOP, MOSQ, PAHO_C]
        if qos == 0:
            # There is nothing to acknowledge.
            labels.remove(BY_HAND)
        title = f"Receive from the sink, QoS {qos}, 64 B"
        clients = receiving(labels, qos, pour)
        found.append(Case(f"sink-receive-qos{qos}", title, [RATE, CPU], clients, goals, RECEIVING))
    return found


def receive_cases(scale):
    found = []
    for qos in (0, 1):
        count = scale.of((200_000, 40_000)[qos])

        def run(lab, program, count=count, **values):
            def feed():
                lab.client("raw", "publish", port=lab.port, count=count, qos=values["qos"])

            return lab.receiver(program, feed, port=lab.port, count=count, **values)

        labels = [OURS, RAW, CHANNEL, BY_HAND, LOOP, MOSQ, PAHO_C]
        if qos == 0:
            labels.remove(BY_HAND)
        title = f"Receive from mosquitto, QoS {qos}, 64 B"
        clients = receiving(labels, qos, run)
        # mosquitto sets the pace; what differs is what a message costs.
        found.append(Case(f"receive-qos{qos}", title, [CPU, RATE], clients, [Goal(CPU, 1.1, CHANNEL)], RECEIVING))
    return found


def latency_cases(scale):
    found = []
    for qos in (1, 2):
        labels = [OURS, RAW, RUMQTTC, MOSQ, PAHO_C]
        clients = timing(labels, "roundtrip", scale.of(10_000), qos=qos)
        goal = [Goal(P50, 1.05, RUMQTTC)]
        title = f"One publish after another, QoS {qos}"
        found.append(Case(f"roundtrip-qos{qos}", title, [P50], clients, goal, PUBLISHING))
    clients = timing([OURS, RUMQTTC, MOSQ, PAHO_C], "latency", scale.of(5_000), qos=1, rate=1000)
    goals = [Goal(P50, 1.1, PAHO_C), Goal(P999, 1.0, PAHO_C)]
    found.append(Case("latency", "From publish to receive at 1,000/s, QoS 1", [P50, P999], clients, goals, PUBLISHING))
    return found


def slow_line_cases(scale):
    count = 10_000 if scale is not SMOKE else 20
    lines = ["-t", "demo/bench", "-q", "1", "-l"]
    window = {RAW: {"window": 1000}}

    def command(run):
        return lambda lab: {"seconds": run(lab) / 1000}

    def ours(lab):
        return lab.ours_command("pub", *lines, stdin=lab.lines(count), port=lab.delayed_port)

    def theirs(lab):
        return lab.mosquitto_command(*lines, stdin=lab.lines(count), port=lab.delayed_port)

    clients = publishing([OURS, RAW, RUMQTTC], lambda lab: lab.delayed_port, {None: count}, qos=1, windows=window)
    commands = {OURS: command(ours)}
    if scale is FULL:
        # It takes 100 s.
        commands[MOSQUITTO_PUB] = command(theirs)
    title = f"{count:,} at QoS 1 over a round trip of 200 ms"
    why = {RAW: "It has 1,000 in flight from the start."}
    rounds = 2 if scale is FULL else 1
    in_process = Case("slow-line", title, [SECONDS], clients, [Goal(SECONDS, 3.0)], why, most_rounds=rounds)
    title = f"{title}, command line"
    by_command = Case("slow-line-command", title, [SECONDS], commands, [Goal(SECONDS, 3.5)], most_rounds=1)
    return [in_process, by_command]


def one_shot_cases(scale):
    found = []
    little = "It makes a connection and little else: no check of the descriptors, no outbox."
    why = {RUMQTTC: little, MOSQ: little, MOSQUITTO_PUB: "It is a small C program."}
    for transport, tls, goals in (("tcp", False, [Goal(P50, 1.6, RUMQTTC)]), ("tls", True, [])):
        clients = timing([OURS, RUMQTTC, MOSQ], "oneshot", scale.of(400), qos=1, ca=tls)
        title = f"Connect, publish at QoS 1, disconnect; {transport.upper()}"
        found.append(Case(f"oneshot-{transport}", title, [P50], clients, goals, why))
    runs = max(1, int(40 * scale.share))
    for transport, tls, bound in (("tcp", False, 1.25), ("tls", True, 0.9)):
        message = ["-t", "demo/bench", "-q", "1", "-m", "Hello"]

        def ours(lab, tls=tls):
            port = lab.tls_port if tls else lab.port
            return median_of(runs, lambda: lab.ours_command("pub", *message, port=port, tls=tls))

        def theirs(lab, tls=tls):
            port = lab.tls_port if tls else lab.port
            return median_of(runs, lambda: lab.mosquitto_command(*message, port=port, tls=tls))

        clients = {OURS: ours, MOSQUITTO_PUB: theirs}
        clients["/bin/true"] = lambda lab: median_of(runs, lambda: lab.command(["/bin/true"]))
        title = f"`pub` of one message at QoS 1; {transport.upper()}"
        name = f"oneshot-command-{transport}"
        found.append(Case(name, title, [MS], clients, [Goal(MS, bound, MOSQUITTO_PUB)], why))
    return found


def spool_case(scale):
    count = 1000 if scale is not SMOKE else 20
    arguments = ["-t", "demo/bench", "-q", "1", "-l"]

    def ours(lab, spooled):
        folder = tempfile.mkdtemp(dir=spool_folder())
        try:
            spool = ["--spool", os.path.join(folder, "spool")] if spooled else []
            return {"ms": lab.ours_command("pub", *arguments, *spool, stdin=lab.lines(count), port=lab.port)}
        finally:
            shutil.rmtree(folder)

    def theirs(lab):
        return {"ms": lab.mosquitto_command(*arguments, stdin=lab.lines(count), port=lab.port)}

    clients = {
        OURS: lambda lab: ours(lab, True),
        "aliyun-mqtt, without a spool": lambda lab: ours(lab, False),
        MOSQUITTO_PUB: theirs,
    }
    why = {MOSQUITTO_PUB: "It keeps nothing on disk."}
    return [Case("spool-lines", f"`pub -l --spool` of {count:,} lines at QoS 1", [MS], clients, [Goal(MS, 50)], why)]


def spool_folder():
    """On a disk: /tmp may be memory."""
    os.makedirs(build.TARGET, exist_ok=True)
    return build.TARGET


def clients_case(scale):
    count = 1000 if scale is not SMOKE else 20
    memory, rate = Metric("total", f"MB for {count:,} clients", "less"), Metric("rate", "connects/s", "more")

    def hold(program, **values):
        def run(lab):
            measured = lab.client(program, "clients", port=lab.port, count=count, **values)
            return {"rate": count / measured["seconds"], "total": measured["bytes"] * count / 1e6}

        return run

    clients = {OURS: hold("ours"), "aliyun-mqtt, window(1000)": hold("ours", window=1000), RUMQTTC: hold("rumqttc")}
    goals = [Goal(memory, 80), Goal(rate, 1.0, RUMQTTC)]
    why = {RUMQTTC: "It has neither outbox nor inbox, and no state but the connection's."}
    return [Case("clients", f"{count:,} clients in one process", [memory, rate], clients, goals, why, most_rounds=3)]


def build_case():
    size = Metric("size", "MB, a stripped program with the default features", "less")
    took = Metric("seconds", "s, `cargo build --release` of the library", "less")

    def run(lab):
        stripped = os.path.getsize(build.program()) / 1e6
        folder = os.path.join(build.TARGET, "fresh")
        shutil.rmtree(folder, ignore_errors=True)
        manifest = os.path.join(build.ROOT, "Cargo.toml")
        options = ["--release", "--locked", "-p", "aliyun-mqtt"]
        # What has to be downloaded is no part of it.
        build.run("cargo", "fetch", "--quiet", "--locked", "--manifest-path", manifest)
        started = time.monotonic()
        build.cargo("build", *options, manifest=manifest, target=folder)
        seconds = time.monotonic() - started
        shutil.rmtree(folder)
        return {"seconds": seconds, "size": stripped}

    goals = [Goal(took, 40), Goal(size, 3.0)]
    return [Case("build", "Building and size", [took, size], {OURS: run}, goals, most_rounds=1)]


def all_cases(scale):
    found = publish_cases(scale) + sink_cases(scale) + receive_cases(scale) + latency_cases(scale)
    found += slow_line_cases(scale) + one_shot_cases(scale) + spool_case(scale) + clients_case(scale)
    return found if scale is SMOKE else found + build_case()
