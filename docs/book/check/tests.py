#!/usr/bin/env python3
"""tests.py: what the checks find, and what they let pass."""
import pathlib
import tempfile
import unittest

import check
import markdown
import shell


def page(text, name="page.md"):
    folder = pathlib.Path(tempfile.mkdtemp())
    path = folder / name
    path.write_text(text, encoding="utf-8")
    try:
        return markdown.Page(path)
    finally:
        path.unlink()
        folder.rmdir()


def faults(text, others=()):
    """The faults of a page, without their place."""
    known = {"page.md": page("# Title\n\n" + text)} | {name: page(other, name) for name, other in others}
    subject = known["page.md"]
    check.check_links(subject, known)
    check.check_blocks(subject)
    check.check_width(subject)
    check.check_breaks(subject)
    return [fault.split(": ", 1)[1] for fault in subject.faults]


def readme_faults(text, files=()):
    """The faults of a README beside these files."""
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            (pathlib.Path(folder) / name).write_text("# Title\n\n## Part\n", encoding="utf-8")
        path = pathlib.Path(folder) / "README.md"
        path.write_text("# Title\n\n" + text, encoding="utf-8")
        subject = markdown.Page(path)
        check.check_readme(subject)
        return [fault.split(": ", 1)[1] for fault in subject.faults]


def step(english, chinese):
    return list(check.in_step({"page.md": page(english)}, {"page.md": page(chinese)}))


class Readmes(unittest.TestCase):
    def test_a_link_needs_its_file_and_heading(self):
        good = ["other.md", "other.md#part", "plot.svg", "#title", "https://example.com"]
        for target in good:
            self.assertEqual(readme_faults(f"[x]({target})", ["other.md", "plot.svg"]), [], target)
        for target in ["none.md", "other.md#none", "plot.svg#part", "#none"]:
            self.assertEqual(len(readme_faults(f"![x]({target})", ["other.md", "plot.svg"])), 1, target)

    def test_it_is_short(self):
        self.assertEqual(readme_faults("short"), [])
        self.assertEqual(len(readme_faults("word\n" * (check.README_BYTES // 5))), 1)


class Links(unittest.TestCase):
    def test_a_link_needs_its_page_and_heading(self):
        others = [("other.md", "# Other\n\n## A `code` title, twice\n\n## 中文 标题\n\n## A `code` title, twice\n")]
        good = ["other.md", "other.md#a-code-title-twice", "other.md#a-code-title-twice-1", "other.md#中文-标题",
                "#title", "https://example.com/x_(y)"]
        for target in good:
            self.assertEqual(faults(f"[text\nover lines]({target})", others), [], target)
        for target in ["none.md", "other.md#none", "../README.md", "http://example.com", "#none"]:
            self.assertEqual(len(faults(f"see [`x`]({target})", others)), 1, target)

    def test_code_has_no_links(self):
        self.assertEqual(faults("`[x](none.md)`\n\n```text\n[x](none.md)\n```\n"), [])

    def test_a_link_in_another_form_is_a_fault(self):
        for text in ["[x][y]", "[x]: none.md", '[x](none.md "title")', "![x](<no ne.md>)", '<a href="none.md">x</a>',
                     "<http://example.com>", "~~~sh\n~~~"]:
            self.assertNotEqual(faults(text), [], text)
        self.assertEqual(faults("`[x][y]` and `http://HOST`"), [])


class Breaks(unittest.TestCase):
    def test_no_line_break_within_a_chinese_sentence(self):
        good = ["中文。\n\n中文", "一个 broker\n中文", "中文\n`code`", "* 中文\n* 中文", "中文：\n\n```text\n中\n文\n```\n",
                "English,\nEnglish", "| 中 |\n|---|\n| 文 |", "中文\n* 中文"]
        for text in good:
            self.assertEqual(faults(text), [], text)
        for text in ["中\n文", "中文，\nEnglish", "* 中文\n  中文", "`code`\n（中文）", "`code`，\n`code`"]:
            self.assertEqual(len(faults(text)), 1, text)

    def test_a_chinese_paragraph_may_be_long(self):
        self.assertEqual(faults("中文" * 100), [])
        self.assertEqual(len(faults("English " * 30)), 1)
        self.assertEqual(len(faults("```sh\necho " + "中文" * 100 + "\n```\n")), 1)


class Blocks(unittest.TestCase):
    def test_what_is_not_run_needs_a_mark_with_a_reason(self):
        for block in ["```rust,no_run\n```", "```python\n```", "```rust,ignore\n```", "```\n```", "```unknown\n```"]:
            self.assertNotEqual(faults(block), [], block)
            if "ignore" not in block and block[3] != "\n":
                self.assertEqual(faults(f"<!-- no_run: a reason -->\n\n{block}"), [], block)
            self.assertNotEqual(faults(f"<!-- no_run: -->\n\n{block}"), [], block)

    def test_a_mark_belongs_to_the_next_block_that_would_run(self):
        self.assertNotEqual(faults("<!-- no_run: a reason -->\n\nText\n\n```sh\n```"), [])
        self.assertNotEqual(faults("<!-- no_run: a reason -->\n\n```text\n```"), [])
        self.assertNotEqual(faults("<!-- no_run: a reason -->\n\n```rust\n```"), [])
        self.assertEqual(faults("<!-- no_run: a reason\n  that is long -->\n\n```sh\n```"), [])

    def test_what_runs_in_another_language_names_what_it_needs(self):
        self.assertEqual(faults("<!-- run_with: the PHP package -->\n\n```php\n```"), [])
        for text in ["<!-- run_with: the PHP package -->\n\n```python\n```", "<!-- run_with: x -->\n\n```php\n```",
                     "<!-- run_with: the PHP package -->\n\nText\n\n```sh\n```",
                     "<!-- run_with: the PHP package -->\n<!-- no_run: a reason -->\n\n```php\n```"]:
            self.assertNotEqual(faults(text), [], text)

    def test_data_can_be_parsed(self):
        self.assertEqual(faults('```json\n{"a": 1}\n```\n\n```toml\na = 1\n```\n\n```jsonl\n{}\n{}\n```'), [])
        for block in ["json\n{a}", "toml\na =", "jsonl\n{}\nx"]:
            self.assertEqual(len(faults(f"```{block}\n```")), 1, block)


class InStep(unittest.TestCase):
    def test_headings_tables_and_marks(self):
        english = "# A\n\n## B\n\n| a | b |\n|---|---|\n| 1 | x\\|y |\n"
        self.assertEqual(step(english, "# 甲\n\n## 乙\n\n| 一 | 二 |\n|---|---|\n| 1 | 三 |\n"), [])
        self.assertEqual(len(step(english, "# 甲\n\n### 乙\n\n| 一 | 二 |\n|---|---|\n| 1 | 三 |\n")), 1)
        self.assertEqual(len(step(english, "# 甲\n\n## 乙\n\n| 一 | 二 |\n|---|---|\n")), 1)
        self.assertEqual(len(step(english, "# 甲\n\n## 乙\n\n| 一 | 二 |\n|---|---|\n| 1 | 2 | 3 |\n")), 1)
        runs = [f"# T\n\n<!-- run_with: {name} -->\n\n```python\n```" for name in ["paho-mqtt", "the Python package"]]
        self.assertEqual(len(step(*runs)), 1)
        self.assertEqual(len(step("# A\n\n```sh\n```", "# 甲\n\n<!-- no_run: 原因 -->\n\n```sh\n```")), 1)

    def test_blocks_differ_in_comments_and_chinese_literals_only(self):
        same = [
            ("rust", 'f("Hello"); // why', 'f("你好"); // 原因'),
            ("rust", "f(); // why", "f();"),
            ("sh", "f 'a # b' # why", "f 'a # b' # 原因"),
            ("console", "$ f\nan output", "$ f\n输出"),
            ("toml", 'a = "x" # why', 'a = "x"'),
            ("text", "shown", "显示"),
        ]
        other = [
            ("rust", 'f("Hello");', 'g("你好");'),
            ("rust", 'f("Hello");', 'f("World");'),
            ("sh", "f a", "f b"),
            ("sh", "f a", "f 你"),
            ("console", "$ f\nan output", "$ f\nan other"),
            ("console", "$ f a", "$ f 你"),
            ("rust", "f();", "f();\ng();"),
            ("rust", "# hidden();", "# other();"),
        ]
        for language, ours, theirs in same + other:
            blocks = [f"# T\n\n```{language}\n{text}\n```\n" for text in (ours, theirs)]
            self.assertEqual(step(*blocks) == [], (language, ours, theirs) in same, (language, ours, theirs))


class Output(unittest.TestCase):
    def test_what_the_book_shows_is_a_pattern(self):
        def fits(shown, printed):
            return shell.pattern(shown.split("\n")).fullmatch(shell.tidy(printed)) is not None

        for shown, printed in [("", ""), ("a", "a  \n"), ("a…c", "abc\n"), ("…\nb", "b\n"), ("…\nb", "a\na\nb\n"),
                               ("a\n…", "a\nb\nc\n"), ("…", ""), ("a.c", "a.c")]:
            self.assertTrue(fits(shown, printed), (shown, printed))
        for shown, printed in [("", "a\n"), ("a", ""), ("a", "ab"), ("a.c", "abc"), ("…\nb", "b\nc\n"),
                               ("a…c", "a\nc")]:
            self.assertFalse(fits(shown, printed), (shown, printed))

    def test_a_command_goes_on_and_may_fail_only_before_its_status(self):
        console = page("# T\n\n```console\n$ f \\\n> -x\nout\n$ g\n$ echo $?\n1\n```\n")
        steps = list(shell.steps_of(console))
        self.assertEqual([step.text for step in steps], ["f \\\n-x", "g", "echo $?"])
        self.assertEqual([step.output for step in steps], [["out"], [], ["1"]])
        self.assertEqual([step.may_fail for step in steps], [False, True, False])


if __name__ == "__main__":
    unittest.main()
