"""Frames are found in any stream of bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.lsp.jsonrpc.stdio import frame, frames


def reader(data: bytes, size: int) -> Callable[[], bytes]:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return lambda: pieces.pop(0) if pieces else b""


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_messages_come_out_whole_however_the_bytes_arrive(size: int) -> None:
    data = frame({"a": "é😋"}) + frame([1]) + b"content-length:2\r\nContent-Type: x\r\n\r\n{}"
    assert list(frames(reader(data, size))) == [b'{"a": "\\u00e9\\ud83d\\ude0b"}', b"[1]", b"{}"]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"hello\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 99999999999999\r\n\r\n",
        b"\xff\xfe\x00\r\n\r\n",
        b"x" * 200_000,
    ],
)
def test_bytes_that_are_no_message_are_skipped(rubbish: bytes) -> None:
    assert list(frames(reader(rubbish + b"\r\n\r\n" + frame({"ok": 1}), 4096)))[-1:] == [b'{"ok": 1}']


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    list(frames(reader(data, 50)))


def test_a_stream_that_ends_in_a_message_ends_quietly() -> None:
    assert list(frames(reader(frame({"a": 1})[:-1], 5))) == []
