"""Fences: written so that nothing inside closes them, read as they were meant."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.code.markdown import FencedBlock, fence, read_fences


@given(st.text(alphabet="`~ab \n", max_size=60))
def test_what_is_fenced_is_read_back(code: str) -> None:
    blocks = read_fences(f"words\n{fence(code, 'py')}\nmore").blocks
    assert [(block.tag, block.code.rstrip(), block.closed) for block in blocks] == [
        ("py", code.rstrip(), True)
    ]


@pytest.mark.parametrize(
    ("text", "blocks", "prose"),
    [
        ("no fence", [], ("no fence",)),
        ("a\n```C++ x=1\nb\n```\nc", [("c++", "b\n", True)], ("a\n", "c")),
        ("~~~\n```\n~~~", [("", "```\n", True)], ("", "")),
        ("1. Do:\n       ```py\n       b\n       ```", [("py", "b\n", True)], ("1. Do:\n", "")),
        ("```\nb\n``", [("", "b\n``", False)], ("", "")),
        ("````\n```\n", [("", "```\n", False)], ("", "")),
        ("a\r\n```\r\nb\r\n```\r\n", [("", "b\n", True)], ("a\n", "")),
        ("a\fb\n```\nc\fd\n```", [("", "c\fd\n", True)], ("a\fb\n", "")),
        ("an `inline` and ```three``` ticks", [], ("an `inline` and ```three``` ticks",)),
    ],
)
def test_fences_are_told_from_prose(
    text: str, blocks: list[tuple[str, str, bool]], prose: tuple[str, ...]
) -> None:
    read = read_fences(text)
    assert (read.blocks, read.prose) == (tuple(FencedBlock(*block) for block in blocks), prose)


def test_the_library_is_imported_when_a_fence_is_read() -> None:
    code = "import sys, qwen_lsp.code.markdown; assert 'markdown_it' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
