#!/usr/bin/env python3
"""anchors.py FOLDER: the built pages in FOLDER have the anchors that check.py expects, load nothing from elsewhere, and
none is missing."""
import pathlib
import re
import sys

import check

# What makes a browser load something at once; a link does not.
LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)\s*=\s*["'](?:https?:)?//[^"']*""")


def main():
    folder, faults = pathlib.Path(sys.argv[1]), []
    for language in check.LANGUAGES:
        for name, page in check.read(language).items():
            if name == "SUMMARY.md":
                continue
            built = folder / language / name.replace(".md", ".html")
            html = built.read_text(encoding="utf-8")
            ids = set(re.findall(r'<h[1-6] id="([^"]*)"', html))
            faults += [f"{built}: no heading has the id {missing}" for missing in sorted(page.anchors() - ids)]
            faults += [f"{built}: loads {found}" for found in LOADED.findall(html)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"{folder}: built")


if __name__ == "__main__":
    main()
