"""Reads what the checks of the book need from a page of Markdown: line by line, the subset that the book uses."""
import dataclasses
import pathlib
import re

FENCE = re.compile(r"^(```+)(.*)$")
HEADING = re.compile(r"^(#{1,6}) +(.*)$")
CODE_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")

# Links by reference, with a title, in angle brackets, and in HTML.
UNREAD = re.compile(r"""\]\[|^ *\[[^\]]*\]: |\]\(<|\]\([^()\s]+\s+["'(]|<[a-z]+ [^>]*(?:href|src)=|<https?:""",
                    re.MULTILINE | re.IGNORECASE)


@dataclasses.dataclass
class Block:
    """A fenced block, or the hidden commands of a comment `<!-- setup: ... -->`, whose language is `setup`."""

    language: str
    flags: list[str]
    lines: list[str]
    # The line of the fence.
    line: int
    # The reason of the mark `<!-- no_run: reason -->` before the block.
    mark: str | None = None
    # What the mark `<!-- run_with: name -->` before it names, which languages.py runs it with.
    run_with: str | None = None

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)


@dataclasses.dataclass
class Table:
    line: int
    rows: list[int]  # the number of cells of each


class Page:
    def __init__(self, path: pathlib.Path):
        self.path = path
        self.headings: list[tuple[int, str, int]] = []
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        # The comments that are neither marks nor setup.
        self.comments: list[str] = []
        self.faults: list[str] = []
        self.lines = path.read_text(encoding="utf-8").split("\n")
        self._prose: list[str] = []
        self._read()

    def fault(self, line: int, text: str):
        self.faults.append(f"{self.path}:{line}: {text}")

    def anchors(self):
        """The ids that mdBook gives to the headings."""
        known: dict[str, int] = {}
        ids = set()
        for _, text, _ in self.headings:
            base = anchor(text)
            count = known.get(base, 0)
            known[base] = count + 1
            ids.add(base if count == 0 else f"{base}-{count}")
        return ids

    def links(self):
        """The targets of all links, with their lines."""
        prose = CODE_SPAN.sub(lambda found: re.sub(r"[^\n]", "x", found[0]), "\n".join(self._prose))
        for found in LINK.finditer(prose):
            yield found[1], prose.count("\n", 0, found.start()) + 1
        for found in UNREAD.finditer(prose):
            self.fault(prose.count("\n", 0, found.start()) + 1, f"a link in a form that nothing checks: {found[0]}")

    def prose(self):
        """The numbers and texts of the lines outside of blocks and comments; the others are empty."""
        return list(enumerate(self._prose, 1))

    def _read(self):
        lines = iter(enumerate(self.lines, 1))
        marks = {}
        for number, line in lines:
            if found := FENCE.match(line):
                self._hide(number)
                block = self._block(found, number, lines)
                if block:
                    block.mark, block.run_with = marks.get("no_run"), marks.get("run_with")
                    marks = {}
                    self.blocks.append(block)
                continue
            if line.startswith("<!--"):
                self._hide(number)
                marks |= self._comment(number, line, lines)
                continue
            self._prose.append(line)
            if line.strip() and marks:
                self.fault(number, "a mark that is not followed by a block")
                marks = {}
            if found := HEADING.match(line):
                self.headings.append((len(found[1]), found[2].strip(), number))
            elif line.startswith("|"):
                cells = len(re.split(r"(?<!\\)\|", line.strip())) - 2
                if self.tables and self.tables[-1].line + len(self.tables[-1].rows) == number:
                    self.tables[-1].rows.append(cells)
                else:
                    self.tables.append(Table(number, [cells]))
            elif "```" in line or line.lstrip().startswith("~~~"):
                self.fault(number, "a fence that is not three backticks at the beginning of its line")
        if marks:
            self.fault(len(self.lines), "a mark that is not followed by a block")

    def _block(self, fence, number, lines):
        info = fence[2].strip()
        language, *flags = info.split(",")
        content = []
        for inside, line in lines:
            self._hide(inside)
            if line == fence[1]:
                if not language:
                    self.fault(number, "a block without a language")
                return Block(language, flags, content, number)
            content.append(line)
        self.fault(number, "a block without an end")
        return None

    def _comment(self, number, line, lines):
        """Reads a comment; returns the mark that it is, if it is one."""
        text = line
        while "-->" not in text:
            inside, line = next(lines, (None, None))
            if line is None:
                self.fault(number, "a comment without an end")
                return {}
            self._hide(inside)
            text += "\n" + line
        body = text[len("<!--"):text.index("-->")].strip()
        if text[text.index("-->") + 3:].strip():
            self.fault(number, "text behind a comment")
        kind, _, rest = body.partition(":")
        if kind in ("no_run", "run_with"):
            if not rest.strip():
                self.fault(number, f"the mark {kind} without anything behind it")
            return {kind: rest.strip() or "?"}
        if kind == "setup":
            self.blocks.append(Block("setup", [], rest.strip().split("\n"), number))
        else:
            self.comments.append(body)
        return {}

    def _hide(self, number):
        assert len(self._prose) == number - 1
        self._prose.append("")


def anchor(heading: str):
    """The id that mdBook gives to a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = "".join(character for character in text if character.isalnum() or character in "_- \t")
    return re.sub(r"\s", "-", text.strip()).lower()
