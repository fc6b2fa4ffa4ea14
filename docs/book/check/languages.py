#!/usr/bin/env python3
"""languages.py PROGRAM: runs the blocks in C, PHP and Python that are marked `<!-- run_with: ... -->`, each against an
emulator of its own, which the command line PROGRAM starts.

Needs what .ci/capi, .ci/php, .ci/python and .ci/emulator-clients have built and installed below target.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import check

LIMIT = 60
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", check.ROOT / "target")).resolve()
PREFIX = TARGET / "capi/prefix"
C = """#include <aliyun_mqtt.h>
#include <stdio.h>
int main(void) {{
{block}
if (message == NULL) return 1;
printf("%s\\n", amq_message_topic(message, NULL));
amq_message_free(message);
amq_config_free(config);
amq_client_free(client);
return 0;
}}
"""
PHP = f"<?php require '{check.ROOT}/bindings/php/autoload.php';\n{{block}}"
# The block ends when it has begun to connect.
PAHO = """{block}
topic = env["ALIYUN_MQTT_TOPIC"] + "/hello"
received = []
client.on_connect = lambda *_: client.subscribe(topic, 1)
client.on_subscribe = lambda *_: client.publish(topic, "Hello", 1)
client.on_message = lambda _client, _data, message: received.append(message.topic)
while not received and client.loop(1) == mqtt.MQTT_ERR_SUCCESS: pass
print(*received)
"""


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    blocks = [(page, block) for language in check.LANGUAGES for page in check.read(language).values()
              for block in page.blocks if block.run_with is not None]
    # They mostly wait.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda pair: run(program, pair[1]), blocks))
    faults = [f"{page.path}:{block.line}: a block in {block.language}: {fault}"
              for (page, block), fault in zip(blocks, results) if fault]
    if faults or not blocks:
        sys.exit("\n\n".join(faults) or "no block is marked")
    print(f"the book: {len(blocks)} blocks in other languages receive what they send")


def run(program, block):
    """Runs a block; returns what was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        command, own = RUN[block.run_with](block.text, folder)
        emulator = [program, "emulator", "--parent-topic", "demo", "--", *command]
        ended = subprocess.run(emulator, cwd=folder, env=os.environ | own, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT)
    if ended.returncode != 0:
        return f"exit code {ended.returncode}:\n{ended.stdout}"
    return "" if "demo/hello" in ended.stdout else f"received nothing:\n{ended.stdout}"


def with_c(text, folder):
    source, executable = folder / "block.c", folder / "block"
    source.write_text(C.format(block=text), encoding="utf-8")
    found = next(PREFIX.rglob("aliyun_mqtt.pc")).parent
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "aliyun_mqtt"], check=True, text=True,
                           stdout=subprocess.PIPE, env=os.environ | {"PKG_CONFIG_PATH": str(found)}).stdout.split()
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", source, "-o", executable, *flags], check=True)
    return [executable], {"LD_LIBRARY_PATH": str(found.parent)}


def with_php(text, folder):
    source = folder / "block.php"
    source.write_text(PHP.format(block=text), encoding="utf-8")
    library = next(PREFIX.rglob("libaliyun_mqtt.so"))
    return ["php", "-d", "ffi.enable=1", source], {"ALIYUN_MQTT_LIBRARY": str(library)}


def with_python(text, folder, environment="python-venv"):
    source = folder / "block.py"
    source.write_text(text, encoding="utf-8")
    return [TARGET / environment / "bin/python", source], {}


def with_paho(text, folder):
    return with_python(PAHO.format(block=text), folder, "emulator-clients-venv")


RUN = {"the C library": with_c, "the PHP package": with_php, "the Python package": with_python, "paho-mqtt": with_paho}


if __name__ == "__main__":
    main()
