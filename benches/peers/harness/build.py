"""Builds and installs the clients and what serves them."""

import os
import platform
import shutil
import subprocess
import sys
import tomllib

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.path.join(ROOT, "target", "peers")
RESULTS = os.path.join(HERE, "results")

# What a package has to bring, and its name.
DEBIAN = {
    "/usr/sbin/mosquitto": "mosquitto",
    "/usr/bin/mosquitto_pub": "mosquitto-clients",
    "/usr/include/mosquitto.h": "libmosquitto-dev",
    "/usr/include/MQTTAsync.h": "libpaho-mqtt-dev",
    "/usr/bin/openssl": "openssl",
}
C = {"raw": [], "sink": [], "mosq": ["-lmosquitto"], "pahoc": ["-lpaho-mqtt3as"]}
PYTHON_PAHO = "paho-mqtt==2.1.0"


def everything(smoke):
    """Returns the path of each program. `smoke`: as little as possible is built, and nothing from PyPI."""
    packages(DEBIAN)
    programs = c_clients(*C) | rust_clients("ours", "rumqttc", "paho")
    if smoke:
        # The tests have built it; another choice of packages would build much of the tree again.
        built = os.path.join(ROOT, "target", "debug", "aliyun-mqtt")
        programs["aliyun-mqtt"] = built if os.path.exists(built) else command_line("dev", "debug")
    else:
        programs["python"] = python_client()
        programs["aliyun-mqtt"] = command_line(*packaged())
    return programs


def run(*command, **options):
    print("$", " ".join(command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, **options)


def packages(wanted):
    """Installs the packages whose files are missing."""
    missing = [package for file, package in wanted.items() if not os.path.exists(file)]
    if missing:
        sudo = [] if os.getuid() == 0 else ["sudo"]
        run(*sudo, "apt-get", "update", "-qq")
        # RUNLEVEL: the service it would start is not wanted.
        quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        run(*sudo, *quiet, *install, stdout=subprocess.DEVNULL)


def c_clients(*names):
    folder = os.path.join(TARGET, "c")
    os.makedirs(folder, exist_ok=True)
    # A header defines more than each program uses.
    warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-unused-function"]
    for name in names:
        source, output = os.path.join(HERE, "c", name + ".c"), os.path.join(folder, name)
        run("gcc", "-O2", *warnings, "-o", output, source, *C[name], "-lpthread")
    return {name: os.path.join(folder, name) for name in names}


def rust_clients(*names):
    bins = [option for name in names for option in ("--bin", name)]
    cargo("build", "--release", "--locked", *bins, manifest=manifest(), target=TARGET)
    return {name: os.path.join(TARGET, "release", name) for name in names}


def manifest():
    return os.path.join(HERE, "rust", "Cargo.toml")


def cargo(command, *options, manifest, target):
    run("cargo", command, "--quiet", "--manifest-path", manifest, "--target-dir", target, *options)


def profile():
    """The profile for packages, from the workspace's Cargo.toml; None if it has none."""
    with open(os.path.join(ROOT, "Cargo.toml"), "rb") as file:
        return tomllib.load(file).get("profile", {}).get("dist")


def packaged():
    """The profile for packages, or `release`, and its folder."""
    return ("dist", "dist") if profile() else ("release", "release")


def command_line(profile_name, folder):
    options = ["--locked", "--profile", profile_name, "-p", "aliyun-mqtt-cli", "-p", "aliyun-mqtt", "-p"]
    target = os.path.join(ROOT, "target")
    cargo("build", *options, "aliyun-mqtt-emulator", manifest=os.path.join(ROOT, "Cargo.toml"), target=target)
    return os.path.join(target, folder, "aliyun-mqtt")


def packaged_options():
    """The options by which cargo knows the profile "packaged": that for packages, in another workspace."""
    options = []
    for key, value in (profile() or {"inherits": "release"}).items():
        value = f'"{value}"' if isinstance(value, str) else str(value).lower()
        options += ["--config", f"profile.packaged.{key}={value}"]
    return options


def program():
    """Builds a program with the library's default features as a package is built, strips it, and returns its path."""
    options = ["--locked", "--bin", "program", "--profile", "packaged", *packaged_options()]
    cargo("build", *options, manifest=manifest(), target=TARGET)
    path = os.path.join(TARGET, "packaged", "program")
    run("strip", "-o", path + ".stripped", path)
    return path + ".stripped"


def python_client():
    """A script that runs with the interpreter of a venv."""
    venv = os.path.join(TARGET, "python")
    if not os.path.exists(os.path.join(venv, "done")):
        shutil.rmtree(venv, ignore_errors=True)
        run(sys.executable, "-m", "venv", venv)
        run(os.path.join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", PYTHON_PAHO)
        open(os.path.join(venv, "done"), "w", encoding="utf-8").close()
    return [os.path.join(venv, "bin", "python3"), os.path.join(HERE, "python", "client.py")]


def machine():
    """What the figures depend on, without a date."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open(os.path.join(HERE, "rust", "Cargo.lock"), "rb") as file:
        locked = {package["name"]: package["version"] for package in tomllib.load(file)["package"]}
    with open("/etc/os-release", encoding="utf-8") as file:
        system = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    return {
        "processor": f"{len(models)} x {models[0] if models else platform.machine()}",
        "system": f"{system.get('PRETTY_NAME', 'Linux').strip(chr(34))}, Linux {platform.release()}",
        "rustc": output("rustc", "--version").split()[1],
        "mosquitto, libmosquitto": debian("mosquitto"),
        "Paho C": debian("libpaho-mqtt-dev"),
        "crate rumqttc": locked["rumqttc"],
        "crate paho-mqtt": locked["paho-mqtt"] + ", linked with Debian's Paho C",
        "Python, paho-mqtt": f"{platform.python_version()}, {PYTHON_PAHO.split('==')[1]}",
    }


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def debian(package):
    return output("dpkg-query", "-W", "-f", "${Version}", package)
