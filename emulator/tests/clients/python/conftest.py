"""Fixtures: devices that are closed, and faults that are ended, whatever the test does."""

import pytest
from emulator import GROUP, Device, control


@pytest.fixture
def device(request):
    """Makes clients of the test's own, by default logged in by signature."""
    devices = []

    def make(name="a", *login, **options):
        test = "".join(c if c.isascii() and c.isalnum() else "_" for c in request.node.name)[-30:]
        made = Device(f"{GROUP}@@@{test}_{name}", *login, **options)
        devices.append(made)
        return made

    yield make
    for each in devices:
        each.close()


@pytest.fixture
def faults():
    """Calls the control API, and ends all faults behind the test."""
    yield lambda path, **body: control("POST", path, body)
    control("POST", "/accept-logins", {})
    control("POST", "/clock", {"skew": 0})
    for path in ("/api/throttle", "/api/fail"):
        control("POST", path, {"count": 0})
    for forbidden in control("GET", "/settings")["faults"]["forbidden"]:
        control("POST", "/allow", {"filter": forbidden})
