#!/usr/bin/env python3
"""check.py: the links of the book and of the documents beside it, its blocks, whether both languages are in step, and
whether Chinese pages break lines only where a space belongs. Needs nothing but Python.

Prints the number of blocks of each kind, and of those that are marked `no_run`.
"""
import collections
import itertools
import json
import pathlib
import re
import sys
import tomllib
import urllib.parse

import markdown

BOOK = pathlib.Path(__file__).resolve().parents[1]
LANGUAGES = ["en", "zh"]
ROOT = BOOK.parents[1]
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
README_BYTES = 6000
# Its text is the program's, which breaks it as English.
GENERATED = ROOT / "docs/doctor.zh-CN.md"
# What is run, compiled or parsed, and the flags that it may have.
CHECKED = {"rust": {"no_run", "should_panic", "edition2024"}, "sh": set(), "console": set(), "toml": set(),
           "json": set(), "jsonl": set()}
# What languages.py runs a block with, and the languages of such blocks.
RUN_WITH = {"the Python package": "python", "the PHP package": "php", "the C library": "c", "paho-mqtt": "python"}
# What is shown only.
SHOWN = {"text", "ini", "xml", "http"}
WIDTH = 120
WIDE = r"[\u2e80-\u303f\u3400-\u9fff\uff00-\uffef]"
WIDE_SIGN = r"[\u3001-\u303f\uff00-\uff0f\uff1a-\uff20]"


def main():
    pages = {language: read(language) for language in LANGUAGES}
    faults = []
    for language, known in pages.items():
        for page in known.values():
            check_links(page, known)
            check_blocks(page)
            check_width(page)
            check_breaks(page)
    faults += in_step(*pages.values())
    readmes = {language: {"README.md": read_readme(language)} for language in LANGUAGES}
    for known in readmes.values():
        check_readme(known["README.md"])
    faults += in_step(*readmes.values())
    others = {str(path): markdown.Page(path) for path in other_documents()}
    faults += in_step(*pairs(others.values()))
    for page in others.values():
        check_files(page)
        if page.path != GENERATED:
            check_breaks(page)
    for known in [*pages.values(), *readmes.values(), others]:
        for page in known.values():
            faults += page.faults
    if faults:
        sys.exit("\n".join(faults))
    report(pages["en"] | readmes["en"])


def read(language):
    """Reads all pages of a language, by their names."""
    return {path.name: markdown.Page(path) for path in sorted((BOOK / language / "src").glob("*.md"))}


def other_documents():
    """The documents of the repository beside the book and the READMEs."""
    folders = [ROOT, ROOT / "docs", ROOT / "docs/languages"]
    return sorted({path for folder in folders for path in folder.glob("*.md")} - set(READMES.values()))


def pairs(documents):
    """Those of the documents that are there in both languages, by their English names."""
    translated = {page.path.name.replace(".zh-CN", ""): page for page in documents if ".zh-CN." in page.path.name}
    return {page.path.name: page for page in documents if page.path.name in translated}, translated


def read_readme(language):
    return markdown.Page(READMES[language])


def check_readme(page):
    """A README is short, its links lead to files of the repository and their headings, and its blocks are checked."""
    size = page.path.stat().st_size
    if size > README_BYTES:
        page.fault(1, f"{size} bytes, more than {README_BYTES}")
    check_files(page)
    check_blocks(page)
    check_width(page)
    check_breaks(page)


def check_files(page):
    """The links of a page outside of the book lead to files of the repository and to their headings."""
    for target, line in page.links():
        path, _, fragment = urllib.parse.unquote(target).partition("#")
        file = page.path.parent / path if path else page.path
        if target.startswith("https://"):
            continue
        if not file.exists():
            page.fault(line, f"a link to {target}, which is no file")
        elif fragment and (file.suffix != ".md" or fragment not in markdown.Page(file).anchors()):
            page.fault(line, f"a link to {target}, but {file.name} has no such heading")


def check_links(page, pages):
    """Each link leads to a page of the book and to a heading there, or by https to elsewhere."""
    for target, line in page.links():
        if target.startswith("https://"):
            continue
        path, _, fragment = urllib.parse.unquote(target).partition("#")
        other = pages.get(path) if path else page
        if other is None:
            page.fault(line, f"a link to {target}, which is no page of the book")
        elif fragment and fragment not in other.anchors():
            page.fault(line, f"a link to {target}, but {other.path.name} has no such heading")
        elif page.path.name == "SUMMARY.md" and not other.headings:
            page.fault(line, f"{target} has no heading")
    if page.path.name == "SUMMARY.md":
        listed = [target for target, _ in page.links()]
        for name in pages.keys() - {page.path.name}:
            if listed.count(name) != 1:
                page.fault(1, f"{name} is listed {listed.count(name)} times")
    elif [level for level, _, _ in page.headings].count(1) != 1 or page.headings[0][0] != 1:
        page.fault(1, "a page has one title, and begins with it")


def check_blocks(page):
    """Each block has a known language; what is not run has a mark; what is data can be parsed."""
    for block in page.blocks:
        if block.language == "setup":
            continue
        checked = block.language in CHECKED
        if unknown := set(block.flags) - CHECKED.get(block.language, set()):
            page.fault(block.line, f"unknown: {', '.join(sorted(unknown))}")
        if block.run_with is not None and RUN_WITH.get(block.run_with) != block.language:
            page.fault(block.line, f"a block in {block.language} cannot be run with {block.run_with}")
        if block.run_with is not None and block.mark is not None:
            page.fault(block.line, "marked as run and as not run")
        is_run = (checked and "no_run" not in block.flags or block.run_with is not None) and block.mark is None
        if block.mark is None and not is_run and block.language not in SHOWN:
            page.fault(block.line, f"not run, and not marked: <!-- no_run: reason --> before {block.language}")
        if block.mark is not None and block.language == "rust" and "no_run" not in block.flags:
            page.fault(block.line, "marked, but not `rust,no_run`")
        if block.mark is not None and block.language in SHOWN | {"toml", "json", "jsonl"}:
            page.fault(block.line, "a mark before what is never run")
        try:
            if block.language == "toml":
                tomllib.loads(block.text)
            elif block.language == "json":
                json.loads(block.text)
            elif block.language == "jsonl":
                for line in block.lines:
                    json.loads(line)
        except ValueError as error:
            page.fault(block.line, f"not valid {block.language}: {error}")


def check_width(page):
    prose = dict(page.prose())
    for number, line in enumerate(page.lines, 1):
        if is_foreign(prose.get(number, "")):
            continue  # a Chinese paragraph is one line: see check_breaks
        if len(line) > WIDTH and not line.startswith("|") and "https://" not in line:
            page.fault(number, f"{len(line)} characters, more than {WIDTH}")


def check_breaks(page):
    """A line break shows as a space, which does not belong between Chinese characters nor beside their punctuation."""
    for (_, line), (number, following) in itertools.pairwise(page.prose()):
        following = following.lstrip()
        begins = not following or re.match(r"[*|#<>]|- |\d+\. ", following)
        if not line.strip() or begins or line.startswith(("|", "#")):
            continue
        end, start = line[-1], following[:1]
        if re.match(WIDE, end) and re.match(WIDE, start) or re.match(WIDE_SIGN, end) or re.match(WIDE_SIGN, start):
            page.fault(number, "a line break within a Chinese sentence, which shows as a space")


def in_step(english, chinese):
    """Both languages have the same pages, headings, blocks and tables."""
    for name in sorted(english.keys() ^ chinese.keys()):
        yield f"{name} is there in one language only"
    for name in sorted(english.keys() & chinese.keys()):
        here, there = english[name], chinese[name]
        yield from compare("heading", there.path, [(level, line) for level, _, line in here.headings],
                           [(level, line) for level, _, line in there.headings])
        yield from compare("block", there.path,
                           [(kind_of(block), block.line) for block in here.blocks],
                           [(kind_of(block), block.line) for block in there.blocks])
        yield from compare("table", there.path, [(table.rows, table.line) for table in here.tables],
                           [(table.rows, table.line) for table in there.tables])
        if here.comments != there.comments:
            yield f"{there.path}: other comments: {there.comments} for {here.comments}"
        if name == "SUMMARY.md":
            yield from compare("chapter", there.path, list(here.links()), list(there.links()))
        for ours, theirs in zip(here.blocks, there.blocks):
            if ours.language == theirs.language:
                yield from same_block(there.path, ours, theirs)


def kind_of(block):
    return block.language, block.flags, block.mark is not None, block.run_with


def compare(what, path, ours, theirs):
    """The first pair that is not the same. Each entry is what is compared, and its line."""
    for (our, _), (their, line) in zip(ours, theirs):
        if our != their:
            yield f"{path}:{line}: {what} {their}, but {our} in English"
            return
    if len(ours) != len(theirs):
        yield f"{path}: {len(theirs)} {what}s, but {len(ours)} in English"


COMMENT = r"/\*.*?\*/"
LINE_COMMENT = {"rust": "//", "c": "//", "cpp": "//", "java": "//", "javascript": "//", "php": "//"}


def same_block(path, ours, theirs):
    """Blocks are the same but for comments, and for text literals that are Chinese."""
    our, their = (significant(block) for block in (ours, theirs))
    for (our_code, _), (their_code, number) in zip(our, their):
        shown = ours.language in SHOWN or ours.language == "console" and not our_code.startswith(("$ ", "> "))
        if not same_line(our_code, their_code, shown):
            yield f"{path}:{number}: not the line of the English block: {our_code.strip()}"
            return
    if len(our) != len(their):
        yield f"{path}:{theirs.line}: {len(their)} lines of code, but {len(our)} in English"


def significant(block):
    """The lines of a block without comments, and without those that are nothing else."""
    sign = re.escape(LINE_COMMENT.get(block.language, "#"))
    lines = []
    for number, line in enumerate(block.lines, block.line + 1):
        code = line
        if block.language not in ("text", "json", "jsonl", "http"):
            # Not inside of a literal, and in a shell only at the beginning of a word.
            line = re.sub(COMMENT, "", line).rstrip() if sign == "//" else line
            code = re.sub(rf"""^((?:[^"']|"[^"]*"|'[^']*')*?)(?:(?<=\s)|^){sign}.*$""", r"\1", line)
        if code.strip() or not line.strip():
            lines.append((code.rstrip(), number))
    return lines


def same_line(ours, theirs, shown):
    """Text literals may be Chinese, and so may the whole line if it is only shown."""
    literal = re.compile(r'''"[^"]*"|'[^']*\'''')
    if literal.sub('""', ours) == literal.sub('""', theirs):
        pairs = zip(literal.findall(ours), literal.findall(theirs))
        return all(our == their or is_foreign(their) for our, their in pairs)
    return shown and is_foreign(theirs)


def is_foreign(text):
    return re.search(r"[^\x00-\x7f]", text) is not None


def report(pages):
    kinds = collections.Counter(block.language for page in pages.values() for block in page.blocks)
    marks = [(name, block) for name, page in pages.items() for block in page.blocks if block.mark is not None]
    print("blocks:", ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    for name, block in marks:
        print(f"  {name}:{block.line}: {block.language} is not run: {block.mark}")
    print(f"pages: {len(pages) - 2} and README.md, in each language; marked no_run: {len(marks)}")


if __name__ == "__main__":
    main()
