"""Results as Markdown and plots."""

import json
import os
import statistics
import textwrap

from . import plots
from .cases import OURS, RAW
from .measure import median, ratio

BEGIN = "<!-- measured: benches/peers/run --write-docs replaces everything from here -->"
END = "<!-- measured: to here -->"

# The tables of the document: a title, and the cases in them.
TABLES = [
    ("Publishing through mosquitto", ["publish-"]),
    ("A client alone: the sink", ["sink-"]),
    ("Receiving from mosquitto", ["receive-"]),
    ("Latency", ["roundtrip-", "latency"]),
    ("A round trip of 200 ms", ["slow-line"]),
    ("One message per connection or process", ["oneshot-", "spool-"]),
    ("Many clients", ["clients"]),
    ("Building", ["build"]),
]


def show(value):
    """A number with about three digits."""
    if value is None:
        return "-"
    if value >= 1_000_000:
        return f"{value / 1e6:,.1f} M"
    if value >= 10_000:
        return f"{value / 1000:,.0f} k"
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.1g}"


def spread(result, label, metric):
    """Fastest and slowest round."""
    found = result["values"].get(label, {}).get(metric)
    return f"{show(min(found))} to {show(max(found))}" if found else "-"


def rows(case, result):
    """A line for each client and metric: median, spread, and by how much the library is better."""
    for metric in case.metrics:
        for label in case.clients:
            middle = median(result, label, metric.key)
            if middle is None:
                outcome = "failed" if label in result["failed"] else "-"
                yield metric, label, outcome, "-", "-"
                continue
            times = ratio(result, OURS, label, metric.key, metric.better)
            times = "" if label == OURS or times is None else f"{times:.2f}"
            yield metric, label, show(middle), spread(result, label, metric.key), times


def detail(case, result):
    lines = [f"\n### {case.title} (`{case.name}`)\n", "| | client | median | rounds | aliyun-mqtt is better by |"]
    lines.append("|---|---|---|---|---|")
    for metric, label, middle, between, times in rows(case, result):
        lines.append(f"| {metric.unit} | {label} | {middle} | {between} | {times} |")
    return "\n".join(lines)


def goals(cases, results):
    lines = ["\n### Goals\n", "| case | wanted | measured | |", "|---|---|---|---|"]
    for case in cases:
        result = results["cases"].get(case.name)
        for goal in case.goals if result else []:
            metric = goal.metric
            value = median(result, OURS, metric.key)
            unit = metric.unit
            if goal.peer:
                value, unit = ratio(result, OURS, goal.peer, metric.key, "more"), f"x {goal.peer}'s {metric.unit}"
            more = metric.better == "more"
            reached = value is not None and (value >= goal.bound if more else value <= goal.bound)
            wanted = f"at {'least' if more else 'most'} {goal.bound:g} {unit}"
            shown = "-" if value is None else f"{value:.2f}"
            lines.append(f"| {case.title} | {wanted} | {shown} | {'reached' if reached else '**missed**'} |")
    return "\n".join(lines)


def table(cases, results):
    """A row for each case and metric, a column for each client. Cases with the same clients share a table."""
    parts = []
    for case in cases:
        result = results["cases"].get(case.name)
        if not result:
            continue
        labels = [label for label in case.clients if label in result["values"]]
        if not parts or parts[-1][0] != labels:
            parts.append((labels, []))
        for metric in case.metrics:
            cells = []
            for label in labels:
                cell = show(median(result, label, metric.key))
                times = ratio(result, OURS, label, metric.key, metric.better)
                cells.append(cell if label == OURS or times is None else f"{cell} ({show(times)})")
            parts[-1][1].append(f"| {case.title} | {metric.unit} | {' | '.join(cells)} |")
    text = []
    for labels, lines in parts:
        text += ["", f"| case | unit | {' | '.join(labels)} |", "|---" * (len(labels) + 2) + "|", *lines]
    return text


def where_others_are_faster(cases, results):
    """The clients that are better by more than 5 %, each with the reason and the cases."""
    found = {}
    for case in cases:
        result = results["cases"].get(case.name)
        for label, reason in case.why.items() if result else ():
            metric = case.metrics[0]
            times = ratio(result, OURS, label, metric.key, metric.better)
            if label != RAW and times is not None and times < 0.95:
                theirs, ours = (show(median(result, name, metric.key)) for name in (label, OURS))
                where = f"{case.title} ({theirs} to {ours} {metric.unit})"
                found.setdefault((label, reason), []).append(where)
    text = ["", "### Where another is faster", ""]
    if not found:
        return text + ["No client but the raw socket is better than aliyun-mqtt by more than 5 % in any case."]
    text += ["By more than 5 %, in the first unit of each case; the raw socket is left out:", ""]
    for (label, reason), where in found.items():
        line = f"**{label}**: {reason} {'; '.join(where)}."
        text += textwrap.wrap(line, 118, initial_indent="* ", subsequent_indent="  ", break_long_words=False)
    return text


def widest(results):
    """The median, over all clients and cases, of the spread of the rounds relative to their median."""
    found = []
    for case in results["cases"].values():
        for metrics in case["values"].values():
            for values in metrics.values():
                if len(values) > 1 and statistics.median(values):
                    found.append((max(values) - min(values)) / statistics.median(values))
    return statistics.median(found) if found else 0


def measured(cases, results):
    """The part of the document that is measured."""
    lines = ["", "```sh", results["command"], "```", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in results["machine"].items()]
    lines += [
        "",
        "Each cell is the median of the rounds. The number in brackets says by how much aliyun-mqtt is better than",
        "that client (above 1) or worse (below 1): the median of the ratios within each round. Half of the cells have",
        f"rounds that lie {widest(results) * 100:.0f} % of their median or less apart.",
    ]
    for title, names in TABLES:
        some = [case for case in cases if any(case.name.startswith(name) for name in names)]
        lines += ["", f"### {title}", *table(some, results)]
        lines += [line for plot in plots.PLOTS if plot.table == title for line in ("", f"![{plot.title}]({plot.file})")]
    return "\n".join([*lines, *where_others_are_faster(cases, results), ""])


def write(cases, results, folder):
    """Writes the results, the measured part and the plots into a folder."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    with open(os.path.join(folder, "measured.md"), "w", encoding="utf-8") as file:
        file.write(measured(cases, results))
    plots.write(cases, results, folder)


def write_docs(cases, results, docs):
    """Replaces the measured part of docs/performance.md, and its plots."""
    path = os.path.join(docs, "performance.md")
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    after = rest.split(END)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + measured(cases, results) + "\n" + END + after)
    plots.write(cases, results, docs)
