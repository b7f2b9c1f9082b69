"""The command line: parse, call one function, exit."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp import __version__
from qwen_lsp.errors import QwenLspError
from qwen_lsp.settings import Settings, load_settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from qwen_lsp.engine.base import Engine
    from qwen_lsp.runtime import Services

    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_ABOUT = """A private code assistant on your own machine.

First steps:
  qwen-lsp serve       start the model and the page (a small starter model is built the first time)
  qwen-lsp pull        download the real model, Qwen3-Coder-30B-A3B (17 GB; asks first)
  qwen-lsp doctor      what is here, what is missing, what to do next
Your editor starts `qwen-lsp lsp` by itself: see editors/ for its configuration."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    parser = _parser()
    given, unknown = parser.parse_known_args(arguments)
    if unknown and not given.lenient:
        parser.error(f"unknown: {' '.join(unknown)}")
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except QwenLspError as error:
        print(f"qwen-lsp: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qwen-lsp", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(lenient=False)
    parser.add_argument("--version", action="version", version=f"qwen-lsp {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_serve, _add_lsp, _add_doctor, _add_pull, _add_starter, _add_complete, _add_eval):
        add(commands)
    return parser


def _add_serve(commands: _Commands) -> None:
    serve = commands.add_parser("serve", help="start the model, the API and the page on this machine")
    serve.add_argument(
        "--model", help="a model folder or Hugging Face name; default: found, else the starter"
    )
    serve.add_argument("--engine", choices=["auto", "local", "remote", "demo", "none"], help="who answers")
    serve.add_argument("--port", type=int, help="port of page and API (default 7860; 0: any free one)")
    serve.add_argument("--address", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--no-page", action="store_true", help="only the API")
    serve.add_argument("--stop", action="store_true", help="stop the running host")
    serve.add_argument("--status", action="store_true", help="say what the running host does")
    serve.add_argument("--from-editor", action="store_true", help=argparse.SUPPRESS)
    serve.set_defaults(run=_serve)


def _add_lsp(commands: _Commands) -> None:
    lsp = commands.add_parser(
        "lsp", help="the language server, on standard input and output (editors start it)"
    )
    lsp.add_argument("--stdio", action="store_true", help="accepted for editors that add it; always so")
    lsp.add_argument("--engine", choices=["auto", "local", "remote", "demo", "none"], help="who answers")
    lsp.add_argument("--trace", type=Path, metavar="FILE", help="append a JSON line for every suggestion")
    # Editors add arguments of their own, such as --clientProcessId.
    lsp.set_defaults(run=_lsp, lenient=True)


def _add_doctor(commands: _Commands) -> None:
    doctor = commands.add_parser("doctor", help="what is here, what is missing, what to do next")
    doctor.add_argument(
        "--traces", action="store_true", help="the last suggestions, where they came from and why"
    )
    doctor.add_argument(
        "--stats", action="store_true", help="what was shown and accepted; never leaves the machine"
    )
    doctor.add_argument("--erase-stats", action="store_true", help="erase these statistics")
    doctor.set_defaults(run=_doctor)


def _add_pull(commands: _Commands) -> None:
    from qwen_lsp.engine.models.local import DEFAULT_MODEL

    pull = commands.add_parser("pull", help="download a model (shows the size and asks first)")
    pull.add_argument("model", nargs="?", default=DEFAULT_MODEL, help=f"default: {DEFAULT_MODEL}")
    pull.add_argument("--from", dest="hub", choices=["huggingface", "modelscope"], default="huggingface")
    pull.add_argument("--yes", action="store_true", help="do not ask")
    pull.add_argument("--force", action="store_true", help="even if memory looks too small")
    pull.set_defaults(run=_pull)


def _add_starter(commands: _Commands) -> None:
    starter = commands.add_parser("starter", help="build the small starter model (up to three minutes, once)")
    starter.add_argument("folder", nargs="?", type=Path, help="where to (default: the user cache)")
    starter.set_defaults(run=_starter)


def _add_complete(commands: _Commands) -> None:
    complete = commands.add_parser("complete", help="print the suggestion for a place in a file")
    complete.add_argument(
        "place", metavar="FILE:LINE[:COLUMN]", help="counted from 1; without a column: the line's end"
    )
    complete.set_defaults(run=_complete)


def _add_eval(commands: _Commands) -> None:
    ev = commands.add_parser(
        "eval", help="punch holes into a repository and measure how well they are filled"
    )
    ev.add_argument("paths", nargs="+", type=Path, help="files or folders; with --compare two result files")
    ev.add_argument("--engine", choices=["auto", "local", "remote", "demo", "none"], help="who answers")
    ev.add_argument("--recall", choices=["on", "off"], help="suggestions from the repository's own code")
    ev.add_argument("--holes", type=int, default=100, help="how many (default 100)")
    ev.add_argument("--seed", type=int, default=0, help="which (default 0)")
    ev.add_argument(
        "--kinds",
        default="line,block,body",
        help="of line, lines (one to three), block, body (of a function)",
    )
    ev.add_argument("--per-file", type=int, default=3, metavar="N", help="of each kind (default 3)")
    ev.add_argument("--by-key", action="store_true", help="ask as by a key press: fewer reasons for silence")
    ev.add_argument(
        "--through", choices=["assistant", "lsp"], default="assistant", help="lsp: a real language server"
    )
    ev.add_argument(
        "--tests", metavar="CMD", help="run the repository's tests with each hole filled, in a copy"
    )
    ev.add_argument("--json", type=Path, metavar="FILE", help="write the results")
    ev.add_argument("--compare", action="store_true", help="compare two result files")
    ev.set_defaults(run=_eval)


def _settings(**given: object) -> Settings:
    """The settings in force with the command line's laid over them; says what was refused."""
    settings, problems = load_settings()
    for problem in problems:
        print(f"qwen-lsp: {problem}", file=sys.stderr)
    changes: dict[str, dict[str, object]] = {}
    for name, value in given.items():
        if value is not None:
            section, _, option = name.partition("__")
            changes.setdefault(section, {})[option] = value
    replaced = {s: dataclasses.replace(getattr(settings, s), **options) for s, options in changes.items()}
    return dataclasses.replace(settings, **replaced)


def _serve(given: argparse.Namespace) -> int:
    from qwen_lsp.host import commands

    if given.stop:
        return commands.stop()
    if given.status:
        return commands.status()
    settings = _settings(
        engine__model=given.model,
        engine__kind=given.engine,
        host__port=given.port,
        host__address=given.address,
    )
    return asyncio.run(_serve_page(settings, given))


async def _serve_page(settings: Settings, given: argparse.Namespace) -> int:
    from qwen_lsp.engine.recording import recorded
    from qwen_lsp.runtime import Services, open_engine
    from qwen_lsp.server import lifecycle

    engine = recorded(open_engine(settings))  # one record for the host and the page
    services = Services(settings, engine)

    async def page() -> ASGIApp:
        return await asyncio.to_thread(_import_page, services)

    with_page = settings.host.page and not given.no_page
    return await lifecycle.serve(settings, engine, page if with_page else None, from_editor=given.from_editor)


def _import_page(services: Services) -> ASGIApp:
    from webui.app import build_page  # seconds: gradio

    return build_page(services)


def _lsp(given: argparse.Namespace) -> int:
    from qwen_lsp.lsp.server import run_stdio

    return run_stdio(_editor_engine, kind=given.engine, trace=given.trace)


def _editor_engine(settings: Settings) -> Engine:
    """What an editor window talks to: the shared host, unless the settings name another engine."""
    from qwen_lsp.runtime import open_engine

    if settings.engine.kind == "auto":
        from qwen_lsp.host.client import HostEngine

        return HostEngine(settings)
    return open_engine(settings)


def _doctor(given: argparse.Namespace) -> int:
    from qwen_lsp.cli import doctor

    if given.erase_stats:
        return doctor.erase_stats()
    if given.stats:
        return doctor.show_stats()
    if given.traces:
        return doctor.show_traces()
    return asyncio.run(doctor.examine(_settings()))


def _pull(given: argparse.Namespace) -> int:
    from qwen_lsp.engine.models.download import check_room, plan_pull, pull

    plan = plan_pull(given.model, given.hub)
    print(plan.sentence(), file=sys.stderr)
    if not given.force:
        check_room(plan)
    if plan.missing_bytes and not given.yes and not _agreed("Download it?"):
        print("Nothing was downloaded.", file=sys.stderr)
        return 1
    folder = pull(plan)
    print("Ready. `qwen-lsp serve` uses it from now on.", file=sys.stderr)
    print(folder)
    return 0


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        print(f"{question} Add --yes to agree where nobody can be asked.", file=sys.stderr)
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _starter(given: argparse.Namespace) -> int:
    from qwen_lsp.starter.build import BuildProgress, ensure_starter

    def show(progress: BuildProgress) -> None:
        left = "" if progress.seconds_left is None else f", about {progress.seconds_left:.0f} s left"
        print(f"\r\033[K{progress.share:4.0%} {progress.step}{left}", end="", file=sys.stderr, flush=True)

    folder = ensure_starter(given.folder, progress=show)
    print(file=sys.stderr)
    print(folder)
    return 0


def _complete(given: argparse.Namespace) -> int:
    from qwen_lsp.cli.complete_and_eval import complete_at

    return asyncio.run(complete_at(given.place, _settings(), _editor_engine))


def _eval(given: argparse.Namespace) -> int:
    from qwen_lsp.cli.complete_and_eval import compare_results, evaluate_paths

    if given.compare:
        return compare_results(given.paths)
    recall = None if given.recall is None else ("eager" if given.recall == "on" else "off")
    settings = _settings(engine__kind=given.engine, recall__mode=recall)
    return asyncio.run(evaluate_paths(given, settings, _editor_engine))


if __name__ == "__main__":
    raise SystemExit(main())
