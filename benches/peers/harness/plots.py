"""Bars in SVG, without a library."""

import dataclasses
import os

from .cases import OURS
from .measure import median

COLORS = {OURS: "#d9480f"}
OTHER = "#868e96"


@dataclasses.dataclass(frozen=True)
class Plot:
    file: str
    title: str
    table: str
    metric: str
    divide: float
    # The cases, and what they are called here.
    groups: tuple


PLOTS = [
    Plot(
        "performance-publish.svg", "Publishing 64 B through mosquitto, thousand messages per second (more is better)",
        "Publishing through mosquitto", "rate", 1000,
        (("publish-qos0", "QoS 0"), ("publish-qos1", "QoS 1"), ("publish-qos2", "QoS 2")),
    ),
    Plot(
        "performance-receive.svg", "Receiving 64 B from mosquitto, microseconds of CPU per message (less is better)",
        "Receiving from mosquitto", "cpu", 1, (("receive-qos0", "QoS 0"), ("receive-qos1", "QoS 1")),
    ),
    Plot(
        "performance-latency.svg", "Latency, microseconds at p50 (less is better)", "Latency", "p50", 1,
        (("roundtrip-qos1", "publish, QoS 1"), ("roundtrip-qos2", "publish, QoS 2"), ("latency", "publish to receive")),
    ),
]


def write(cases, results, folder):
    clients = {case.name: list(case.clients) for case in cases}
    for plot in PLOTS:
        groups = []
        for name, title in plot.groups:
            result = results["cases"].get(name)
            bars = [(label, median(result, label, plot.metric)) for label in clients.get(name, [])] if result else []
            groups.append((title, [(label, value / plot.divide) for label, value in bars if value is not None]))
        with open(os.path.join(folder, plot.file), "w", encoding="utf-8") as file:
            file.write(draw(plot.title, groups))


def draw(title, groups):
    """Horizontal bars in groups, each with its number."""
    names, width, bar, gap = 270, 380, 16, 4
    longest = max((value for _, bars in groups for _, value in bars), default=0) or 1
    parts, y = [], 48
    for name, bars in groups:
        parts.append(text(12, y, name, weight="bold"))
        y += 10
        for label, value in bars:
            length = value / longest * width
            color = COLORS.get(label, OTHER)
            parts.append(text(names - 8, y + bar - 4, label, anchor="end"))
            parts.append(f'<rect x="{names}" y="{y}" width="{length:.1f}" height="{bar}" fill="{color}"/>')
            parts.append(text(names + length + 6, y + bar - 4, f"{value:.1f}" if value < 100 else f"{value:.0f}"))
            y += bar + gap
        y += 24
    size = f'width="{names + width + 60}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, paper, text(12, 22, title, weight="bold", size=14), *parts, "</svg>", ""])


def text(x, y, content, anchor="start", weight="normal", size=12):
    content = content.replace("&", "&amp;").replace("<", "&lt;")
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="#212529"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{content}</text>'
