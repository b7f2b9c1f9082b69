"""Fill-in-the-middle prompts, one template a model family; what stays while typing comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from qwen_lsp.code.languages import language, language_of
from qwen_lsp.engine.request import Marker, Text, TextPrompt
from qwen_lsp.engine.special_tokens import QWEN_ENDINGS

Part = Text | Marker


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A piece of another file to show the model."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A place to fill. While an anchor lives only `typed` changes, and it comes last in the prompt."""

    prefix: str
    suffix: str
    typed: str = ""
    path: str = ""
    repo: str = ""
    others: tuple[OtherFile, ...] = ()


@dataclass(frozen=True, slots=True)
class FimTemplate:
    """How one family of models wants a hole to be written."""

    name: str
    prefix: str
    suffix: str
    middle: str = ""
    """Empty: the middle is written straight after the prefix (with `suffix_first`)."""
    suffix_first: bool = False
    repo_name: str = ""
    file_sep: str = ""
    stops: tuple[str, ...] = ()
    """Spellings that end an answer, for engines that would write them out as text."""

    def render(self, hole: Hole) -> TextPrompt:
        """The prompt: other files, the frozen window, then what has been typed since."""
        shows_files = bool(hole.others) and bool(self.file_sep)
        parts = list(self._repository(hole)) if shows_files else []
        prefix = hole.prefix
        if hole.others and not shows_files:
            prefix = quoted(hole.others, hole.path) + prefix
        parts += self._window(prefix, hole.suffix)
        if hole.typed:
            parts.append(Text(hole.typed))
        return TextPrompt(tuple(part for part in parts if part != Text("")))

    def _repository(self, hole: Hole) -> Iterator[Part]:
        if self.repo_name:
            yield Marker(self.repo_name)
            yield Text(f"{hole.repo or 'project'}\n")
        for other in hole.others:
            yield Marker(self.file_sep)
            yield Text(f"{other.path}\n{other.text.rstrip()}\n")
        yield Marker(self.file_sep)
        yield Text(f"{hole.path}\n")

    def _window(self, prefix: str, suffix: str) -> list[Part]:
        before: list[Part] = [Marker(self.prefix), Text(prefix)]
        after: list[Part] = [Marker(self.suffix), Text(suffix)]
        ordered = after + before if self.suffix_first else before + after
        return [*ordered, Marker(self.middle)] if self.middle else ordered


TEMPLATES: dict[str, FimTemplate] = {
    template.name: template
    for template in (
        FimTemplate(
            "qwen",
            "<|fim_prefix|>",
            "<|fim_suffix|>",
            "<|fim_middle|>",
            repo_name="<|repo_name|>",
            file_sep="<|file_sep|>",
            stops=QWEN_ENDINGS,
        ),
        FimTemplate(
            "starcoder",
            "<fim_prefix>",
            "<fim_suffix>",
            "<fim_middle>",
            stops=("<|endoftext|>", "<file_sep>", "<fim_prefix>"),
        ),
        FimTemplate(
            "deepseek",
            "<｜fim▁begin｜>",
            "<｜fim▁hole｜>",
            "<｜fim▁end｜>",
            stops=("<｜end▁of▁sentence｜>", "<|EOT|>"),
        ),
        FimTemplate("codellama", "<PRE> ", " <SUF>", " <MID>", stops=("<EOT>", "</s>")),
        FimTemplate(
            "codestral", "[PREFIX]", "[SUFFIX]", suffix_first=True, stops=("</s>", "[PREFIX]", "[SUFFIX]")
        ),
        FimTemplate(
            "codegemma",
            "<|fim_prefix|>",
            "<|fim_suffix|>",
            "<|fim_middle|>",
            stops=("<|file_separator|>", "<end_of_turn>", "<eos>"),
        ),
    )
}


def template_of(name: str | None) -> FimTemplate | None:
    """The template of that name; None for models that cannot fill holes, or an unknown name."""
    return TEMPLATES.get((name or "").lower())


def quoted(others: Sequence[OtherFile], path: str) -> str:
    """Other files as comments above the code, for models without a file separator."""
    mark = language(language_of(PurePath(path)) or "").line_comment or "//"
    lines: list[str] = []
    for other in others:
        lines.append(f"{mark} {other.path}")
        lines += [f"{mark} {line}".rstrip() for line in other.text.rstrip().splitlines()]
    return "\n".join(lines) + "\n"
