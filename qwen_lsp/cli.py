"""The command line: parse, call one function, exit."""

from __future__ import annotations


def main() -> int:
    """Run one subcommand."""
    return 0
