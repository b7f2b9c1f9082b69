"""Running generated code and its tests, contained; and the loop that mends code until its tests pass."""

from qwen_lsp.sandbox.job import Job
from qwen_lsp.sandbox.repair_loop import Round, until_green
from qwen_lsp.sandbox.run import how_contained, run_contained
from qwen_lsp.sandbox.toolchains.jobs import job_for_program, job_for_tests
from qwen_lsp.sandbox.verdict import TestResult, Verdict

__all__ = [
    "Job",
    "Round",
    "TestResult",
    "Verdict",
    "how_contained",
    "job_for_program",
    "job_for_tests",
    "run_contained",
    "until_green",
]  # fmt: skip
