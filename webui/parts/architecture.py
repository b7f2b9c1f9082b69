"""The architecture picture: the user's own when one lies in images/, else drawn from the loaded model's numbers."""

from __future__ import annotations

import base64
import re
from html import escape
from pathlib import Path

from qwen_lsp.engine.request import ModelShape
from qwen_lsp.paths import paths
from qwen_lsp.sizes import size_in_words
from webui.i18n.texts import TEXTS, bilingual

_KINDS = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
_MOST_BYTES = 8_000_000
REFERENCE = ModelShape(
    architecture="qwen3_moe",
    layers=48,
    hidden=2048,
    heads=32,
    kv_heads=4,
    head_dim=128,
    experts=128,
    experts_per_token=8,
    vocabulary=151_936,
    context_tokens=262_144,
    parameters=30_532_122_624,
    active_parameters=3_042_000_000,
    weight_bytes=17_180_000_000,
    kv_bytes_per_token=98_304,
    quantisation=(("experts", "4 bits"), ("router", "8 bits")),
)
"""The model the page is made for, from its published config; shown, and labelled, while none is loaded."""


def own_picture() -> Path | None:
    """The user's picture: the first by name in images/ of the current folder, else of our config folder."""
    for folder in (Path("images"), paths().config / "images"):
        try:
            files = sorted(
                f
                for f in folder.iterdir()
                if f.suffix.lower() in _KINDS and f.is_file() and not f.is_symlink()
            )
        except OSError:
            continue
        if files and files[0].stat().st_size <= _MOST_BYTES:
            return files[0]
    return None


def picture_html(shape: ModelShape | None) -> str:
    """The picture as HTML that needs nothing from anywhere."""
    own = own_picture()
    if own is not None:
        data = base64.b64encode(own.read_bytes()).decode()
        # As an <img> an SVG runs no scripts and loads nothing.
        image = f'<img alt="{escape(own.name)}" src="data:{_KINDS[own.suffix.lower()]};base64,{data}">'
        return f'<figure class="q-picture">{image}<figcaption>{bilingual("picture_own", name=own.name)}</figcaption></figure>'
    note = "" if shape is not None else f'<span class="q-badge">{bilingual("picture_reference")}</span> '
    shape = shape or REFERENCE
    return f'<figure class="q-picture" tabindex="0">{draw(shape)}<figcaption>{note}{_facts(shape)}</figcaption></figure>'


def draw(shape: ModelShape) -> str:
    """Input, encoding, attention, expert routing, output, with the model's own numbers."""
    alt = [
        text.format(layers=shape.layers, heads=shape.heads, experts=shape.experts)
        for text in TEXTS["picture_alt"]
    ]
    boxes = [
        _box(8, 128, "picture_input", _say("picture_tokens", count=f"{shape.vocabulary:,}")),
        _box(150, 128, "picture_encoding", _say("picture_hidden", count=f"{shape.hidden:,}")),
        _layers_frame(shape),
        _box(
            308, 172, "picture_attention", _say("picture_heads", heads=shape.heads, kv=shape.kv_heads), y=96
        ),
        _routing(shape),
        _box(760, 128, "picture_output", _say("picture_next")),
    ]
    arrows = "".join(_arrow(x1, x2) for x1, x2 in ((136, 150), (278, 292), (480, 498), (736, 760)))
    return (
        f'<svg class="q-svg" viewBox="0 14 896 216" role="img" aria-label="{escape(alt[0])} · {escape(alt[1])}">'
        f"{''.join(boxes)}{arrows}</svg>"
    )


def _box(x: int, width: int, title: str, detail: tuple[str, str], *, y: int = 82) -> str:
    height = 2 * (120 - y)
    middle = x + width / 2
    return (
        f'<rect class="q-box" x="{x}" y="{y}" width="{width}" height="{height}" rx="10"/>'
        + _text(middle, 114, "q-name", _say(title))
        + _text(middle, 134, "q-note", detail, fit=width - 12)
    )


def _layers_frame(shape: ModelShape) -> str:
    stack = "".join(
        f'<rect class="q-stack" x="{292 + 5 * i}" y="{30 - 5 * i}" width="444" height="196" rx="14"/>'
        for i in (2, 1)
    )
    return (
        f'{stack}<rect class="q-frame" x="292" y="30" width="444" height="196" rx="14"/>'
        f"{_text(394, 60, 'q-count', tuple(f'× {t}' for t in _say('picture_layers', count=shape.layers)))}"
    )


def _routing(shape: ModelShape) -> str:
    """A field of dots, one an expert, as many lit as a token uses."""
    frame = '<rect class="q-box" x="498" y="44" width="222" height="168" rx="10"/>'
    title = _text(609, 68, "q-name", _say("picture_routing"))
    if shape.experts < 1:
        return frame + title + _text(609, 130, "q-note", _say("picture_dense"))
    shown = min(shape.experts, 256)
    columns = 16 if shown > 32 else min(shown, 8)
    rows = -(-shown // columns)
    step_x, step_y = 192 / columns, min(104 / rows, 192 / columns)
    radius = min(step_x, step_y) * 0.34
    lit = {(i * shown) // max(1, shape.experts_per_token) for i in range(shape.experts_per_token)}
    dots = "".join(
        f'<circle class="{"q-lit" if i in lit else "q-dot"}" cx="{513 + step_x * (i % columns + 0.5):.1f}" '
        f'cy="{132 + step_y * (i // columns - rows / 2 + 0.5):.1f}" r="{radius:.1f}"/>'
        for i in range(shown)
    )
    note = _say("picture_topk", topk=shape.experts_per_token, experts=shape.experts)
    return frame + title + dots + _text(609, 203, "q-note", note, fit=206)


def _arrow(x1: int, x2: int) -> str:
    return f'<path class="q-arrow" d="M{x1 + 2} 120H{x2 - 3}m-4 -4l4 4l-4 4"/>'


def _text(x: float, y: float, kind: str, words: tuple[str, ...], *, fit: float = 0) -> str:
    pieces = []
    for tag, text in zip(("en", "zh"), words, strict=True):
        wide = sum(12.0 if ord(c) > 0x2E80 else 6.1 for c in text)
        squeeze = f' textLength="{fit:.0f}" lengthAdjust="spacingAndGlyphs"' if fit and wide > fit else ""
        pieces.append(
            f'<text class="{kind} w-{tag}" x="{x}" y="{y}" text-anchor="middle"{squeeze}>{escape(text)}</text>'
        )
    return "".join(pieces)


def _say(key: str, **values: object) -> tuple[str, str]:
    english, chinese = TEXTS[key]
    return english.format(**values), chinese.format(**values)


def _facts(shape: ModelShape) -> str:
    facts = [
        bilingual("picture_params", total=_short(shape.parameters), active=_short(shape.active_parameters)),
        bilingual("picture_context", count=f"{shape.context_tokens:,}"),
        bilingual("picture_weights", size=size_in_words(shape.weight_bytes)),
        bilingual("picture_kv", size=size_in_words(shape.kv_bytes_per_token)),
    ]
    bits = [_bits(part, how) for part, how in shape.quantisation]
    return "".join(f"<span>{fact}</span>" for fact in facts + bits)


def _bits(part: str, how: str) -> str:
    """One part's weights in words, such as "4 bits, groups of 64" is said by engines; else as it was said."""
    found = re.fullmatch(r"(\d+) bits(?:, groups of (\d+)|, (not quantised))?", how)
    if found is None or f"part_{part}" not in TEXTS:
        return f"{escape(part)}: {escape(how)}"
    key = "picture_groups" if found[2] else "picture_exact" if found[3] else "picture_bits"
    english, chinese = (
        text.format(part=name, bits=found[1], size=found[2])
        for text, name in zip(TEXTS[key], TEXTS[f"part_{part}"], strict=True)
    )
    return f'<span lang="en" class="w-en">{english}</span><span lang="zh" class="w-zh">{chinese}</span>'


def _short(count: int) -> str:
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return str(count)
