"""Which files of the workspace a document's import lines lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.assist.context.imports import imported_files
from qwen_lsp.code.snapshot import Snapshot

CASES = [
    ("app/main.py", "from shop.cart import Cart\nimport shapes\n", ["shop/cart.py", "shapes/__init__.py"]),
    ("app/main.py", "from .near import x\n", ["app/near.py"]),
    ("web/main.ts", 'import { a } from "./lib/a";\nimport b from "../b.js";\n', ["web/lib/a.ts", "b.js"]),
    ("web/main.js", "const c = require('./c');\n", ["web/c.js"]),
    ("csrc/main.c", '#include "list.h"\n#include <stdio.h>\n', ["csrc/list.h"]),
    ("src/main.rs", "mod geo;\nuse crate::text::Line;\n", ["src/geo.rs", "src/text/mod.rs"]),
    ("src/main/java/a/Main.java", "import a.b.Thing;\n", ["src/main/java/a/b/Thing.java"]),
    (
        "cmd/main.go",
        'import (\n\t"fmt"\n\t"example.org/tool/words"\n)\n',
        ["words/words.go", "words/more.go"],
    ),
]


@pytest.mark.parametrize(
    ("own", "text", "wanted"), CASES, ids=[case[0] + " " + case[1][:12] for case in CASES]
)
def test_import_lines_lead_to_files(tmp_path: Path, own: str, text: str, wanted: list[str]) -> None:
    for file in [own, *wanted, "other.py", "elsewhere/other.ts"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x", "utf-8")
    found = imported_files(Snapshot((tmp_path / own).as_uri(), "x", 1, text), [tmp_path])
    assert {path.resolve().relative_to(tmp_path.resolve()).as_posix() for path in found} == set(wanted)


def test_a_document_without_a_file_leads_nowhere() -> None:
    assert imported_files(Snapshot("untitled:1", "python", 1, "import os\n"), [Path("/work")]) == []
