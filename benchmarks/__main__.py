"""All tables of docs/performance.md: `python -m benchmarks`, or some of them: `python -m benchmarks engine lookup`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "engine": ("The MLX engine beside mlx-lm, and several requests at once", ("benchmarks.engine",)),
    "lookup": ("Prompt lookup: tokens per forward on rewrites", ("benchmarks.lookup",)),
    "recall": ("Recall from the user's own code", ("benchmarks.recall", "--python-only")),
    "keystrokes": ("What a keystroke costs, beside mlx_lm.server", ("benchmarks.keystrokes",)),
    "startup": ("Starting the language server, and its memory", ("benchmarks.startup",)),
    "polish": ("Polishing, context and what they cost", ("benchmarks.polish",)),
    "actions": ("Listing code actions", ("benchmarks.actions",)),
}
"""Name of a part: its title, and the module with its arguments."""


def main() -> int:
    """Run the parts, each in a process of its own; 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="NAME", help=", ".join(PARTS))
    wanted = parser.parse_args().parts
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    failed = [name for name in wanted or PARTS if not run(name)]
    if failed:
        print(f"\nFailed, or missed its limit: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def run(name: str) -> bool:
    """Run one part and print its title first; whether it ended well."""
    title, (module, *arguments) = PARTS[name]
    print(f"\n== {name}: {title} ==", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode
    print(f"-- {name}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
