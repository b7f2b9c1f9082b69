"""What an answer about the project became: Markdown to keep, findings, or changes of files to accept."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from qwen_lsp.assist.actions.types import (
    EditOutcome,
    FileEdit,
    FindingsOutcome,
    Outcome,
    ShowOutcome,
    applied,
)
from webui.i18n.texts import bilingual, in_language
from webui.parts.highlight import highlight
from webui.parts.workspace_files import Workspace
from webui.tabs.project.fit_to_window import FittedFiles, Gathered
from webui.tabs.project.question import relative_to

_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before (None: it is not there) and after."""

    path: str
    before: str | None
    after: str

    @property
    def diff(self) -> str:
        """As a unified diff."""
        old, new = (self.before or "").splitlines(), self.after.splitlines()
        from_name = "/dev/null" if self.before is None else f"a/{self.path}"
        return "\n".join(difflib.unified_diff(old, new, from_name, f"b/{self.path}", lineterm=""))


@dataclass(frozen=True, slots=True)
class ProjectResult:
    """Shown and kept: `markdown` is what a download holds."""

    markdown: str = ""
    changes: tuple[FileChange, ...] = ()
    warning: str = ""


def result_of(outcome: Outcome, workspace: Workspace, language: str = "en") -> ProjectResult:
    """The result of an outcome, in the reader's language. Raises NotReadable for edits outside the workspace."""
    if isinstance(outcome, ShowOutcome):
        return ProjectResult(outcome.markdown)
    if isinstance(outcome, FindingsOutcome):
        return ProjectResult(findings_markdown(outcome, language))
    changes = tuple(_change(edit, workspace) for edit in outcome.files)
    return ProjectResult(_draft_markdown(outcome, changes, language), changes, outcome.needs_confirmation)


def _change(edit: FileEdit, workspace: Workspace) -> FileChange:
    before = None if edit.base is None else edit.base.text
    return FileChange(relative_to(workspace, edit.uri), before, applied(before or "", edit.edits))


def findings_markdown(outcome: FindingsOutcome, language: str = "en") -> str:
    """The findings by their lines, security first said."""
    if not outcome.findings:
        return in_language("finding_none", language)
    rows = []
    for one in outcome.findings:
        first, last = outcome.snapshot.line_of(one.start) + 1, outcome.snapshot.line_of(one.end) + 1
        key = "finding_line" if last <= first else "finding_lines"
        fix = f"\n  - {in_language('finding_fix', language, words=_one_line(one.fix))}" if one.fix else ""
        told = in_language(
            key,
            language,
            severity=in_language(f"finding_{one.severity}", language),
            area=in_language(f"finding_{one.area}", language),
            first=first,
            last=last,
            words=_one_line(one.message),
        )
        rows.append(f"- {told}{fix}")
    return "\n".join(rows)


def _one_line(words: str) -> str:
    return " ".join(words.split())


def _draft_markdown(outcome: EditOutcome, changes: Sequence[FileChange], language: str) -> str:
    if outcome.note:
        return outcome.note.strip()
    return "" if changes else in_language("project_unchanged", language)


def changes_html(result: ProjectResult) -> str:
    """The changes as coloured diffs, with what to look at first."""
    shown = [change for change in result.changes if change.diff]
    if not shown:
        return ""
    warning = f'<p class="q-say bad">{escape(result.warning)}</p>' if result.warning else ""
    return warning + "".join(
        f'<section class="q-step q-round"><h3>{escape(change.path)}</h3>'
        f'<pre class="q-code" tabindex="0">{highlight(change.diff + chr(10), "diff")}</pre></section>'
        for change in shown
    )


def fit_html(fit: FittedFiles | Gathered) -> str:
    """What the model was shown, and what was left out."""
    if isinstance(fit, FittedFiles):
        words = bilingual("project_lines", first=fit.first_line, last=fit.last_line, lines=fit.lines)
        return words if fit.is_whole else f"{words} · {_left(fit.left_out)}"
    words = bilingual("project_gathered", whole=len(fit.whole), outlined=len(fit.outlined))
    return f"{words} · {_left(fit.left_out)}" if fit.left_out else words


def _left(names: Sequence[str]) -> str:
    more = "" if len(names) <= _MOST_NAMED else f" … (+{len(names) - _MOST_NAMED})"
    return f"<b>{bilingual('project_left_out')}</b> {escape(', '.join(names[:_MOST_NAMED]) + more)}"
