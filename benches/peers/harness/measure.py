"""Rounds of one case: every client once per round, so that whatever else the machine does hits all of them."""

import statistics
import subprocess
import sys


def run(case, lab, rounds):
    """The values of each round by client and metric, and the clients that failed."""
    rounds = min(rounds, case.most_rounds or rounds)
    values = {label: {} for label in case.clients}
    failed = {}
    labels = list(case.clients)
    for number in range(rounds):
        # Who comes first changes from round to round.
        shift = number % len(labels)
        order = labels[shift:] + labels[:shift] if number % 2 == 0 else (labels[shift:] + labels[:shift])[::-1]
        for label in order:
            if label in failed:
                continue
            try:
                measured = case.clients[label](lab)
            except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
                failed[label] = str(error)
                print(f"{case.name}, {label}: {error}", file=sys.stderr, flush=True)
                continue
            for metric, value in measured.items():
                values[label].setdefault(metric, []).append(value)
    return {"values": {label: found for label, found in values.items() if label not in failed}, "failed": failed}


def median(result, label, metric):
    """The median over the rounds; None if it was not measured."""
    found = result["values"].get(label, {}).get(metric)
    return statistics.median(found) if found else None


def ratio(result, ours, other, metric, better):
    """By how much `ours` is better than `other`: the median over the rounds of the ratio in each round."""
    pairs = [result["values"].get(label, {}).get(metric) for label in (ours, other)]
    if not all(pairs):
        return None
    found = [a / b if better == "more" else b / a for a, b in zip(*pairs) if a and b]
    return statistics.median(found) if found else None
