"""A language server with its wire watched: `python wire.py LOG COMMAND…` writes down each request and each answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO


def watched(log: Path, command: list[str]) -> list[str]:
    """How to start a server so that its wire is written down."""
    return [sys.executable, str(Path(__file__).resolve()), str(log), *command]


def counts(log: Path) -> tuple[set[str], set[str]]:
    """The editor's requests, and those of them that were answered."""
    requests: set[str] = set()
    answers: set[str] = set()
    for line in log.read_text("utf-8").splitlines():
        kind, id, *_ = line.split(" ")
        (requests if kind == "request" else answers).add(id)
    return requests, answers


def asked(log: Path, method: str) -> int:
    """How many requests for this method the editor has made."""
    return sum(line.endswith(f" {method}") for line in log.read_text("utf-8").splitlines())


def _pass_on(source: IO[bytes], target: IO[bytes], kind: str, log: Path) -> None:
    while head := source.readline():
        lines = [head]
        while (line := source.readline()) not in (b"\r\n", b""):
            lines.append(line)
        length = next(
            int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")
        )
        body = source.read(length)
        message = json.loads(body)
        if "id" in message and ("method" in message) == (kind == "request"):
            with log.open("a", encoding="utf-8") as out:  # an id starts anew with each server
                method = [message["method"]] if "method" in message else []
                out.write(" ".join([kind, f"{os.getpid()}-{message['id']}", *method]) + "\n")
        target.write(b"".join(lines) + b"\r\n" + body)
        target.flush()
    target.close()


def main() -> None:
    """Pass everything on until the server ends."""
    log = Path(sys.argv[1])
    server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin
    assert server.stdout
    there = (sys.stdin.buffer, server.stdin, "request", log)
    threading.Thread(target=_pass_on, args=there, daemon=True).start()
    _pass_on(server.stdout, sys.stdout.buffer, "answer", log)
    os._exit(server.wait())


if __name__ == "__main__":
    main()
