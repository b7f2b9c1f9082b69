"""What lint cannot see of the house: one meaning a class name, small files and folders, few escapes from types.

`python .ci/house.py` prints what breaks a rule and exits 1; `make check` runs it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("qwen_lsp", "webui")
MOST_LINES, MOST_FILES = 400, 20
MOST_IGNORES = 20
MOST_ANY = 60
_ENGINE_PROBE = re.compile(r"\b(?:getattr|isinstance)\([\w.]*engine\b")


def main() -> int:
    """Print every broken rule; 1 when there is one."""
    broken = [*_class_names(), *_sizes(), *_escapes(), *_probes()]
    print("\n".join(broken) or "The house is in order.")
    return 1 if broken else 0


def _files() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def _class_names() -> Iterator[str]:
    places: dict[str, list[str]] = defaultdict(list)
    for file in _files():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(ROOT)))
    for name, files in sorted(places.items()):
        if len(files) > 1:
            yield f"{name} is a class in {' and '.join(files)}: one word, one meaning."


def _sizes() -> Iterator[str]:
    folders: dict[Path, int] = defaultdict(int)
    for file in [*_files(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        lines = file.read_text("utf-8").count("\n")
        if lines > MOST_LINES:
            yield f"{file.relative_to(ROOT)} has {lines} lines; {MOST_LINES} at most."
        folders[file.parent] += file.is_relative_to(ROOT / "qwen_lsp") or file.is_relative_to(ROOT / "webui")
    for folder, count in folders.items():
        if count > MOST_FILES:
            yield f"{folder.relative_to(ROOT)} holds {count} files; {MOST_FILES} at most."


def _escapes() -> Iterator[str]:
    text = "\n".join(file.read_text("utf-8") for file in _files())
    ignores = text.count("type: ignore")
    if ignores > MOST_IGNORES:
        yield f"{ignores} times `type: ignore` in {' and '.join(ROOMS)}; {MOST_IGNORES} at most."
    page = "\n".join(file.read_text("utf-8") for file in (ROOT / "webui").rglob("*.py"))
    anys = len(re.findall(r"\bAny\b", re.sub(r"^from typing import .*$", "", page, flags=re.MULTILINE)))
    if anys > MOST_ANY:
        yield f"{anys} times `Any` in webui; {MOST_ANY} at most."


def _probes() -> Iterator[str]:
    for file in _files():
        if file.is_relative_to(ROOT / "qwen_lsp" / "engine"):
            continue
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if _ENGINE_PROBE.search(line):
                yield f"{file.relative_to(ROOT)}:{number} probes an engine; engine/base.py says what it can."


if __name__ == "__main__":
    sys.exit(main())
