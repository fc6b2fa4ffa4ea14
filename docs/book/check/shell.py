#!/usr/bin/env python3
"""shell.py PROGRAM [CHAPTER...]: runs the shell blocks of the READMEs and of the chapters against an emulator, with the
command line PROGRAM, and compares what they print with what the book shows. In the Chinese ones, PROGRAM speaks
Chinese.

The blocks of a chapter run in order in one bash, in a new empty folder, which is also HOME.
"""
import dataclasses
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile

import check
import markdown

# For one chapter, whatever the machine is busy with.
LIMIT = 240
NO_EMULATOR = "shell: no emulator"
# What the book shows does not depend on the machine.
FIXED = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb"}
SPEAKS = "ALIYUN_MQTT_LANG"


@dataclasses.dataclass
class Step:
    """A command of a `console` block with the output that the book shows, or a whole script."""

    line: int
    text: str
    # `None`: any output.
    output: list[str] | None = None
    # The next command is `echo $?`.
    may_fail: bool = False


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    wanted = {name.removesuffix(".md") + ".md" for name in sys.argv[2:]}
    ran, faults = 0, []
    for language in check.LANGUAGES:
        pages = check.read(language) | {"README.md": check.read_readme(language)}
        if unknown := wanted - pages.keys():
            sys.exit(f"no such chapter: {', '.join(sorted(unknown))}")
        for name, page in pages.items():
            steps = list(steps_of(page))
            if steps and (not wanted or name in wanted):
                found = run(program, page, steps, language)
                print(f"{language}/{name}: {len(steps)} commands and scripts, {len(found)} faults", flush=True)
                faults += found
                ran += len(steps)
    if faults:
        sys.exit("\n\n".join(faults))
    print(f"the book: {ran} commands and scripts print what it shows")


def steps_of(page):
    for block in page.blocks:
        if block.mark is not None:
            continue
        if block.language in ("sh", "setup"):
            yield Step(block.line, block.text)
        elif block.language == "console":
            yield from commands_of(page, block)


def commands_of(page, block):
    steps = []
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:], []))
        elif not steps:
            sys.exit(f"{page.path}:{number}: output before the first command")
        elif line.startswith("> ") and not steps[-1].output:
            steps[-1].text += "\n" + line[2:]
        else:
            steps[-1].output.append(line)
    for step, following in zip(steps, steps[1:]):
        step.may_fail = following.text.startswith("echo $?")
    return steps


def run(program, page, steps, language):
    """Runs the steps of a page; returns what was not as the book says."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        home, results = folder / "home", folder / "results"
        home.mkdir()
        results.mkdir()
        script = folder / "script"
        script.write_text(script_of(steps, results), encoding="utf-8")
        command = ["bash", str(script)]
        if NO_EMULATOR not in page.comments:
            command = [str(program), "emulator", "--parent-topic", "demo", "--group-id", "GID_demo", "--", *command]
        own = {"HOME": str(home), "PATH": f"{program.parent}:{os.environ['PATH']}", SPEAKS: language}
        environment = FIXED | own
        with open(folder / "log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True)
            try:
                process.wait(LIMIT)
                late = ""
            except subprocess.TimeoutExpired:
                late = f"no end after {LIMIT} s"
            finally:
                end(process)
        return list(faults_of(page, steps, results, late, (folder / "log").read_text(encoding="utf-8")))


def end(process):
    """Ends what a chapter has left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def script_of(steps, results):
    """One bash for all steps, so that variables, functions and jobs stay. `$?` is that of the step before."""
    # An emulator in the background has left the group of the processes.
    parts = ['status=0', 'trap \'[ -z "${ALIYUN_MQTT_EMULATOR_PID:-}" ] || kill "$ALIYUN_MQTT_EMULATOR_PID"\' EXIT']
    for number, step in enumerate(steps):
        output, ended = (shlex.quote(str(results / f"{number}.{kind}")) for kind in ("output", "status"))
        strict = ("set -e\n", "\nset +e") if step.output is None else ("", "")
        parts.append(f"(exit $status)\n{{ {strict[0]}{step.text}{strict[1]}\n}} >{output} 2>&1\n"
                     f"status=$?; echo $status >{ended}")
    return "\n".join(parts) + "\n"


def faults_of(page, steps, results, late, log):
    for number, step in enumerate(steps):
        output = (results / f"{number}.output")
        printed = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        shown = f"{page.path}:{step.line}: {step.text.strip()}"
        try:
            status = int((results / f"{number}.status").read_text(encoding="ascii"))
        except FileNotFoundError:
            yield f"{shown}\n{late or 'it ended the shell'}:\n{printed}{log}"
            return
        if status != 0 and not step.may_fail:
            yield f"{shown}\nexit code {status}:\n{printed}"
        elif step.output is not None and not pattern(step.output).fullmatch(tidy(printed)):
            yield f"{shown}\nprints:\n{printed}but the book shows:\n" + "\n".join(step.output)


def tidy(text):
    """Without spaces at the ends of lines, and without empty lines at the end."""
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip("\n")


def pattern(lines):
    """What the book shows as a pattern: `…` is any text, a line of it alone any number of lines."""
    parts = []
    for line in tidy("\n".join(lines)).split("\n"):
        if line == "…":
            parts.append(r"(?:[^\n]*(?:\n|\Z))*?")
        else:
            parts.append("[^\\n]*".join(re.escape(part) for part in line.split("…")) + r"(?:\n|\Z)")
    return re.compile("".join(parts))


if __name__ == "__main__":
    main()
