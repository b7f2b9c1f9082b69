"""What stands around every place: the rail with the places, the page's own tools, and the keys."""

from __future__ import annotations

from itertools import groupby

from webui.i18n.texts import TEXTS, bilingual
from webui.places import PLACES, PagePlace

_MARK = (
    '<svg viewBox="0 0 28 28" aria-hidden="true"><rect x="1" y="1" width="26" height="26" rx="8" fill="var(--q-accent)"/>'
    '<path d="M8 9.5l4.2 4.5L8 18.5" fill="none" stroke="var(--q-paper)" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/>'
    '<path d="M14.8 18.5h5.4" stroke="var(--q-paper)" stroke-width="2.4" stroke-linecap="round"/></svg>'
)
_TOOLS = {
    "palette": ("shell_palette", "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5"),
    "theme": ("shell_theme", "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z"),
    "language": ("shell_language", "M4 5h9M8.5 3v2M12 5c-1 4-4 7-8 9M6 9c1.5 2.5 3.500 4 6 5M12 21l4.500-11L21 21M13.500 17.500h6"),
    "keys": ("shell_keys", "M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.800v.4"),
}  # fmt: skip
_KEYS = (
    ("Ctrl ⌘ + K", "shell_palette"),
    ("Ctrl ⌘ + Enter", "keys_run"),
    ("Esc", "keys_stop"),
    ("Enter", "keys_send"),
    ("Shift + Enter", "keys_line"),
    ("g 1 … 7", "keys_place"),
    ("?", "shell_keys"),
)


def shell_html() -> str:
    """The rail, the tools and the two dialogs; page.js brings them to life."""
    groups = "".join(
        f"<h2>{bilingual(f'group_{name}')}</h2>{''.join(map(_link, places))}"
        for name, places in groupby(PLACES, key=lambda place: place.group)
    )
    tools = "".join(
        f'<button type="button" data-tool="{tool}" {_names(key)}>{_icon(path)}</button>'
        for tool, (key, path) in _TOOLS.items()
    )
    return (
        f'<nav class="q-rail" {_names("shell_places")}><h1 class="q-mark">{_MARK}<span>qwen-lsp</span></h1>{groups}</nav>'
        f'<div class="q-toolbar">{tools}</div>{_palette()}{_keys()}'
    )


def _link(place: PagePlace) -> str:
    name = bilingual(f"tab_{place.id}")
    return f'<a href="{place.path}" data-place="{place.id}">{_icon(place.icon)}<span>{name}</span></a>'


def _icon(path: str) -> str:
    return f'<svg class="q-icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{path}"/></svg>'


def _names(key: str) -> str:
    """Both names of something without words; page.js puts the reader's into aria-label and title."""
    english, chinese = TEXTS[key]
    return f'aria-label="{english}" data-en="{english}" data-zh="{chinese}"'


def _palette() -> str:
    english, chinese = TEXTS["palette_hint"]
    return (
        f'<dialog class="q-dialog" id="palette" {_names("shell_palette")}>'
        f'<input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" autocomplete="off" '
        f'data-en="{english}" data-zh="{chinese}" aria-label="{english}">'
        f'<ul role="listbox" id="palette-list" {_names("shell_palette")}></ul></dialog>'
    )


def _keys() -> str:
    rows = "".join(f"<div><dt><kbd>{keys}</kbd></dt><dd>{bilingual(key)}</dd></div>" for keys, key in _KEYS)
    return f'<dialog class="q-dialog" id="keys" {_names("shell_keys")}><dl>{rows}</dl></dialog>'
