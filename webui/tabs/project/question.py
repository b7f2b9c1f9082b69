"""What is asked about a file or folder of the project, in the words of the editors' actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qwen_lsp.assist.actions.catalogue import plan_for
from qwen_lsp.assist.actions.outcome import Reply, finish
from qwen_lsp.assist.actions.prompts import SYSTEM
from qwen_lsp.assist.actions.spec import ActionPlan, Read
from qwen_lsp.assist.actions.types import ActionRequest, Offer, Outcome
from qwen_lsp.code.languages import language_of
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.symbols import Symbol, definitions
from qwen_lsp.code.syntax import parses
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Message, Request, Sampling
from qwen_lsp.errors import ActionRefused
from qwen_lsp.settings import ActionSettings
from webui.parts.workspace_files import NotReadable, Workspace
from webui.tabs.project.fit_to_window import (
    CHARS_PER_TOKEN,
    FittedFiles,
    Gathered,
    budget_chars,
    fit_file,
    gather,
)

TASKS = ("explain", "review", "tests", "migrate")
_FOLDER_TASKS = {
    "explain": "Explain this module: its purpose, its parts and how they work together. Answer in Markdown.",
    "migrate": (
        "Draft a migration of this module: {words}\nAnswer in Markdown: what changes in each file and in which order, "
        "and then a list of the risks to check."
    ),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One request, what it shows the model, and how its answer becomes an outcome (None: it is Markdown)."""

    request: Request
    plan: ActionPlan | None
    fit: FittedFiles | Gathered


def snapshot_of(workspace: Workspace, relative: str) -> Snapshot:
    """A file of the workspace held still. Raises NotReadable."""
    language = language_of(PurePosixPath(relative)) or "plaintext"
    return Snapshot(workspace.place(relative).as_uri(), language, 0, workspace.read(relative))


def symbols_of(workspace: Workspace, relative: str) -> list[Symbol]:
    """What a file defines. Raises NotReadable."""
    snapshot = snapshot_of(workspace, relative)
    return definitions(snapshot.text, snapshot.language)


def question(
    workspace: Workspace,
    choice: str,
    part: Symbol | None,
    task: str,
    words: str,
    info: EngineInfo,
    options: ActionSettings,
) -> Question:
    """The question about a file, one of its definitions, or a folder (its path ends with a slash).

    Raises NotReadable or ActionRefused with the reason.
    """
    if task == "migrate" and not words.strip():
        raise ActionRefused("Say what to migrate to, in the line below the task.")
    if choice.endswith("/"):
        return _about_folder(workspace, choice, task, words, info, options)
    return _about_file(workspace, choice, part, task, words, info, options)


def _about_folder(
    workspace: Workspace, folder: str, task: str, words: str, info: EngineInfo, options: ActionSettings
) -> Question:
    if task not in _FOLDER_TASKS:
        raise ActionRefused("This is asked of one file: choose one in the tree.")
    files: list[tuple[str, str, str]] = []
    for path in workspace.under(folder):
        try:
            files.append((path, language_of(PurePosixPath(path)) or "", workspace.read(path)))
        except NotReadable:
            continue
    gathered = gather(files, budget_chars(info.context_tokens, options.max_tokens))
    if not gathered.text:
        raise ActionRefused(f"There is nothing in {folder} that could be read.")
    asked = _FOLDER_TASKS[task].replace("{words}", words.strip())
    prompt = ChatPrompt((Message("system", SYSTEM), Message("user", f"{gathered.text}\n\n{asked}")))
    return Question(_request(prompt, task, options), None, gathered)


def _about_file(
    workspace: Workspace,
    path: str,
    part: Symbol | None,
    task: str,
    words: str,
    info: EngineInfo,
    options: ActionSettings,
) -> Question:
    snapshot = snapshot_of(workspace, path)
    if not snapshot.text.strip():
        raise ActionRefused("The file is empty.")
    budget = budget_chars(info.context_tokens, options.max_tokens)
    if task == "migrate":  # the answer repeats the code
        budget = min(budget, round(CHARS_PER_TOKEN * options.max_tokens))
    fit = fit_file(snapshot, part, budget)
    ask = ActionRequest(snapshot, fit.start, fit.end, roots=(workspace.root,), instruction=words)
    plan = plan_for(Offer(task, task, ""), ask, reader(workspace))
    if plan.path is not None:
        workspace.place(str(plan.path.relative_to(workspace.root)))
    return Question(_request(plan.prompt, task, options, plan.drafts), plan, fit)


def _request(prompt: ChatPrompt, task: str, options: ActionSettings, drafts: Sequence[str] = ()) -> Request:
    return Request(
        prompt,
        max_tokens=options.max_tokens,
        sampling=Sampling(temperature=options.temperature),
        lane=Lane.CHAT,
        drafts=tuple(drafts),
        id=f"project/{task}",
    )


def outcome_of(workspace: Workspace, plan: ActionPlan, text: str, *, cut: bool) -> Outcome:
    """The outcome of an answer, for the files as they are now. Raises ActionRefused or NotReadable."""
    now = snapshot_of(workspace, relative_to(workspace, plan.region.snapshot.uri))
    there = None
    if plan.path is not None and plan.path.exists():
        there = snapshot_of(workspace, str(plan.path.relative_to(workspace.root)))
    return finish(plan, Reply(text, cut), now, there, parses)


def relative_to(workspace: Workspace, uri: str) -> str:
    """The path of a document inside the workspace. Raises NotReadable for one outside."""
    path = Snapshot(uri, "", 0, "").path
    if path is None or not path.is_relative_to(workspace.root):
        raise NotReadable(f"{uri} is not in {workspace.root}.")
    return path.relative_to(workspace.root).as_posix()


def reader(workspace: Workspace) -> Read:
    """Reads files for a plan: only those of the workspace that may be read."""

    def read(path: Path) -> str | None:
        try:
            return workspace.read(str(path.relative_to(workspace.root)))
        except (NotReadable, ValueError):
            return None

    return read
