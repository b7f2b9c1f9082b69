"""Prompt lookup on rewrites, replayed: `python -m benchmarks.lookup`.

Functions of the standard library are to be written again with a tenth of their lines changed, and the answer is known
beforehand, so what is measured is the drafting alone: tokens per forward, forwards against one a token, and the same
for texts that repeat nothing. Tokens are those of a BPE with Qwen's word pattern, trained on other library files.
"""

from __future__ import annotations

import ast
import random
import statistics
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from qwen_lsp.engine.prompt_lookup import Lookup

_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SHORTEST_LINES, _LONGEST_LINES = 12, 80
_CHANGED = 0.1
_BESIDE = 12
ROW_COST = 0.3
"""What a row beside others costs, in forwards of one row: 0.28 measured on a CPU, less on a GPU."""
_TASK = (
    "\nMake this code simpler. It must do exactly the same. Answer with the whole code in one fenced block."
)


@dataclass(frozen=True, slots=True)
class Replay:
    """What one answer cost."""

    tokens: int
    forwards: int
    rows: int
    """rows computed, drafts included"""

    @property
    def tokens_per_forward(self) -> float:
        """1.0 without drafts."""
        return self.tokens / self.forwards


def replay(sources: list[list[int]], target: list[int]) -> Replay:
    """Decode `target` as the engine does, its own tokens being what the model would say."""
    lookup, done, forwards, rows = Lookup(sources), 0, 0, 0
    while done < len(target):
        draft = lookup.draft()[: len(target) - done - 1]
        right = next((i for i, token in enumerate(draft) if token != target[done + i]), len(draft))
        forwards += 1
        rows += 1 + len(draft)
        if draft:
            lookup.judged(len(draft), right)
        lookup.extend(target[done : done + right + 1])
        done += right + 1
    return Replay(len(target), forwards, rows)


@dataclass(frozen=True, slots=True)
class Function:
    """A function and those that stand beside it."""

    code: str
    beside: tuple[str, ...]
    """The other functions of its file."""


def library_functions(count: int, seed: int) -> tuple[list[Function], list[Path]]:
    """Functions of the standard library, and files that none of them is from."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    rng = random.Random(seed)
    rng.shuffle(files)
    half = len(files) // 2
    functions = [f for file in files[:half] for f in _functions(file)]
    rng.shuffle(functions)
    return functions[:count], files[half:]


def _functions(file: Path) -> Iterator[Function]:
    text = file.read_text("utf-8")
    lines = text.splitlines(keepends=True)
    found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    places = [(n.lineno - 1, n.end_lineno or n.lineno) for n in found]
    for start, end in places:
        if _SHORTEST_LINES <= end - start <= _LONGEST_LINES:
            beside = ["".join(lines[a:b]) for a, b in places if b <= start or a >= end]
            yield Function("".join(lines[start:end]), tuple(beside[:_BESIDE]))


def enriched(function: Function, rng: random.Random) -> str:
    """With some lines of a function beside it put in, about a tenth of its own."""
    lines, other = function.code.splitlines(keepends=True), rng.choice(function.beside).splitlines(True)
    count = max(2, round(_CHANGED * len(lines)))
    start = rng.randrange(max(1, len(other) - count))
    at = rng.randrange(1, len(lines))
    return "".join([*lines[:at], *other[start : start + count], *lines[at:]])


def changed(function: str, rng: random.Random) -> str:
    """A tenth of the lines rewritten: a name changed, a line added, taken away or wrapped."""
    lines = function.splitlines(keepends=True)
    for at in rng.sample(range(1, len(lines)), max(1, round(_CHANGED * len(lines)))):
        line = lines[at]
        indent = line[: len(line) - len(line.lstrip())]
        kind = rng.randrange(4)
        words = [
            w for w in line.replace("(", " ").replace(".", " ").split() if w.isidentifier() and len(w) > 2
        ]
        if kind == 0 or not line.strip():
            lines[at] = line + f"{indent}# checked above, so this holds for every {rng.choice('abcxyz')}\n"
        elif kind == 1 and words:
            word = rng.choice(words)
            lines[at] = line.replace(word, word + rng.choice(("_value", "_count", "2", "_or_none")))
        elif kind == 2:
            lines[at] = ""
        else:
            lines[at] = f"{indent}if {rng.choice(('ready', 'items', 'found'))}:\n    {line}"
    return "".join(lines)


def tokenizer_from(files: list[Path]) -> Tokenizer:
    """A BPE of Qwen's kind, of a size that trains in seconds."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated", invert=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8_000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator((f.read_text("utf-8") for f in files), trainer)
    return tokenizer


def rewrites(functions: list[Function], tokenizer: Tokenizer, seed: int) -> list[Replay]:
    """Each function shown as the code actions show it, and answered with a tenth changed."""
    rng = random.Random(seed)
    return [replay([_prompt(f, tokenizer)], _answer(changed(f.code, rng), tokenizer)) for f in functions]


def enrichments(
    functions: list[Function], tokenizer: Tokenizer, seed: int, *, remembered: bool
) -> list[Replay]:
    """The same with lines of a neighbour put in; `remembered`: its neighbours may be copied from as well."""
    rng = random.Random(seed)
    found = []
    for function in (f for f in functions if f.beside):
        others = [e.ids for e in tokenizer.encode_batch(list(function.beside))] if remembered else []
        answer = _answer(enriched(function, rng), tokenizer)
        found.append(replay([*others, _prompt(function, tokenizer)], answer))
    return found


def _prompt(function: Function, tokenizer: Tokenizer) -> list[int]:
    return _ids(tokenizer, f"Python code:\n```python\n{function.code}```{_TASK}")


def _answer(code: str, tokenizer: Tokenizer) -> list[int]:
    return _ids(tokenizer, f"```python\n{code}```")


def unrelated(functions: list[Function], tokenizer: Tokenizer) -> list[Replay]:
    """Each function asked for, and another one given: nothing to copy but what any two functions share."""
    pairs = zip(functions, [*functions[1:], functions[0]], strict=True)
    return [replay([_ids(tokenizer, a.code)], _ids(tokenizer, b.code)) for a, b in pairs]


def noise(count: int, tokens: int, seed: int) -> list[Replay]:
    """Random tokens: nothing repeats."""
    rng = random.Random(seed)
    return [
        replay([rng.choices(range(8_000), k=tokens)], rng.choices(range(8_000), k=tokens))
        for _ in range(count)
    ]


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text).ids)


def summary(name: str, replays: list[Replay]) -> str:
    """One line of the table."""
    tokens, forwards = sum(r.tokens for r in replays), sum(r.forwards for r in replays)
    rows = sum(r.rows for r in replays)
    worst = min(r.tokens_per_forward for r in replays)
    median = statistics.median(r.tokens_per_forward for r in replays)
    return (
        f"{name:32} {len(replays):4} texts  {tokens / forwards:5.2f} tokens a forward (median {median:5.2f}, worst "
        f"{worst:5.2f})  forwards {forwards / tokens:5.2f} x plain  rows {rows / tokens:5.2f} a token  "
        f"cost {_cost(replays):4.2f} x plain (worst {max(_cost([r]) for r in replays):4.2f})"
    )


def _cost(replays: list[Replay]) -> float:
    """Time over that of one token a forward."""
    spent = sum(r.forwards + ROW_COST * (r.rows - r.forwards) for r in replays)
    return spent / sum(r.tokens for r in replays)


def main() -> None:
    """Print the table."""
    functions, others = library_functions(200, seed=1)
    tokenizer = tokenizer_from(others)
    print(summary("rewrites, 10 % of lines changed", rewrites(functions, tokenizer, seed=1)))
    print(summary("lines of a neighbour put in", enrichments(functions, tokenizer, 1, remembered=False)))
    print(summary("the same, neighbours remembered", enrichments(functions, tokenizer, 1, remembered=True)))
    print(summary("another function", unrelated(functions, tokenizer)))
    print(summary("noise", noise(50, 300, seed=1)))


if __name__ == "__main__":
    main()
