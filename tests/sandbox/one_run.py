"""A process of its own that runs one job contained and prints its verdict; started as an ordinary user by the tests."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from typing import Any

from qwen_lsp.errors import SandboxUnavailable
from qwen_lsp.sandbox import job_for_program, job_for_tests, run_contained
from qwen_lsp.settings import SandboxSettings


def main() -> None:
    """Read {kind, files, options} from stdin; print the verdict, or why there is none."""
    given: dict[str, Any] = json.load(sys.stdin)
    options = SandboxSettings(**given["options"])
    try:
        if given["kind"] == "program":
            job = job_for_program("python", "main.py", given["files"]["main.py"])
        else:
            job = job_for_tests("python", given["files"], framework=given["kind"])
        said = dataclasses.asdict(asyncio.run(run_contained(job, options)))
    except SandboxUnavailable as error:
        said = {"outcome": "unavailable", "detail": str(error)}
    print(json.dumps({**said, "uid": os.getuid()}))


if __name__ == "__main__":
    main()
