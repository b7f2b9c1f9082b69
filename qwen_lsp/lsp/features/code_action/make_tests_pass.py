"""The action "Make the tests pass": rounds in the sandbox, shown one by one; the file changes only when accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.code.markdown import fence
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.errors import ActionRefused
from qwen_lsp.lsp.features.code_action.controller import ActionController
from qwen_lsp.lsp.features.code_action.show_markdown import show
from qwen_lsp.lsp.session import Session

if TYPE_CHECKING:
    from qwen_lsp.assist.actions import ActionRequest, Actions, EditOutcome, Offer, Report
    from qwen_lsp.sandbox import Round

_MOST_FILES = 3_000
_MOST_BYTES = 20_000_000
_MOST_FILE_BYTES = 2_000_000


async def make_tests_pass(session: Session, desk: ActionController, offer: Offer, ask: ActionRequest) -> bool:
    """Mend the file until its tests pass, show every round, and apply the result once the user agrees."""

    async def work(report: Report) -> list[Round]:
        return await _rounds(session, await desk.actions(), ask, report)

    rounds = await desk.guarded(offer.title, work)
    if not rounds:
        return False
    if rounds[0].passed:
        desk.say("The tests pass already.", types.MessageType.Info)
        return False
    last = rounds[-1]
    await show(session, desk.say, offer.title, _told(rounds))
    if not last.passed:
        desk.say(
            f"The tests still fail after {last.number} rounds; nothing was changed. {last.verdict.detail}".strip()
        )
        return False
    return await desk.apply(_outcome(session, ask.snapshot, offer, last))


async def _rounds(session: Session, actions: Actions, ask: ActionRequest, report: Report) -> list[Round]:
    from qwen_lsp.assist.actions import ActionProgress
    from qwen_lsp.sandbox import Verdict, how_contained, job_for_tests, run_contained, until_green

    snapshot, options = ask.snapshot, session.settings.sandbox
    how_contained(options)  # says why not before the model is asked
    root, files, targets = await asyncio.to_thread(_project, session, ask)
    name = _inside(snapshot.path, root)

    async def test(code: str) -> Verdict:
        report(ActionProgress("running the tests"))
        job = job_for_tests(
            snapshot.language,
            {**files, name: code},
            targets=targets,
            framework=_framework(files, targets),
            project=root,
        )
        return await run_contained(job, options)

    async def write(so_far: Sequence[Round]) -> str:
        before = so_far[-1]
        now = Snapshot(snapshot.uri, snapshot.language, snapshot.version, before.code)
        return await actions.repair(now, before.verdict.for_the_model(), report)

    rounds: list[Round] = []
    async with aclosing(until_green(snapshot.text, write, test, options.attempts, try_start=True)) as stream:
        async for one in stream:
            rounds.append(one)
            report(
                ActionProgress(
                    f"round {one.number}: {one.verdict.summary}", one.number / (options.attempts + 1)
                )
            )
    return rounds


def _project(session: Session, ask: ActionRequest) -> tuple[Path, dict[str, str | bytes], tuple[str, ...]]:
    """The project's folder, its files as the editor has them, and the tests of this file."""
    from qwen_lsp.assist.actions.test_location import tests_of

    path = ask.snapshot.path
    if path is None:
        raise ActionRefused("Save the file first: its place decides where its tests are.")
    root = next((root for root in ask.roots if path.is_relative_to(root)), path.parent)
    tests = tests_of(path, ask.snapshot.language, [root])
    if not tests:
        raise ActionRefused(f"There are no tests of {path.name} yet. 'Generate tests' writes some.")
    files = _files(session, root, deep=root in ask.roots)
    for test in tests:
        files.setdefault(_inside(test, root), test.read_bytes())
    return root, files, tuple(_inside(test, root) for test in tests)


def _files(session: Session, root: Path, *, deep: bool) -> dict[str, str | bytes]:
    """What the tests may need: the workspace without secrets and ignored files, or just the file's own folder."""
    from qwen_lsp.code.workspace.ignore import IgnoreRules
    from qwen_lsp.code.workspace.walk import walk

    rules = IgnoreRules([root], session.settings.context.ignore)
    found: dict[str, str | bytes] = {}
    total = 0
    paths = (
        walk([root], rules.is_private)
        if deep
        else (path for path in sorted(root.iterdir()) if path.is_file())
    )
    for path in paths:
        opened = session.documents.get(path.as_uri())
        size = path.stat().st_size
        if size > _MOST_FILE_BYTES or path.is_symlink() or rules.is_private(path):
            continue
        total += size
        if total > _MOST_BYTES or len(found) >= _MOST_FILES:
            break
        found[_inside(path, root)] = opened.text if opened is not None else path.read_bytes()
    return found


def _framework(files: dict[str, str | bytes], targets: tuple[str, ...]) -> str:
    """unittest when the Python tests are written with it and nothing else."""
    texts = [
        text if isinstance(text := files[name], str) else text.decode("utf-8", "replace") for name in targets
    ]
    is_unittest = all("unittest" in text and "pytest" not in text for text in texts)
    return "unittest" if is_unittest else ""


def _inside(path: Path | None, root: Path) -> str:
    return path.relative_to(root).as_posix() if path is not None else ""


def _outcome(session: Session, snapshot: Snapshot, offer: Offer, last: Round) -> EditOutcome:
    from qwen_lsp.assist.actions import EditOutcome, FileEdit
    from qwen_lsp.assist.actions.minimal_edits import rebased, smallest_edits
    from qwen_lsp.assist.actions.region import whole_file

    now = session.documents.get(snapshot.uri) or snapshot
    region = whole_file(snapshot)
    edits = rebased(smallest_edits(region, last.code.replace("\r\n", "\n").removesuffix("\n")), region, now)
    count = "one round" if last.number == 1 else f"{last.number} rounds"
    return EditOutcome(offer.title, (FileEdit(now.uri, now, edits),), f"The tests pass after {count}.")


def _told(rounds: list[Round]) -> str:
    """All rounds as Markdown."""
    parts: list[str] = []
    for one in rounds:
        title = "As it was" if one.number == 0 else f"Round {one.number}"
        parts += [f"## {title}: {one.verdict.outcome}", one.verdict.summary]
        if one.diff:
            parts.append(fence(one.diff, "diff"))
        if one.output.strip():
            parts.append(fence(one.output.strip()[-4_000:]))
    return "\n\n".join(parts)
