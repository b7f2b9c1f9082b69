"""Every fixed word of the page, in English and in Chinese. `both` puts the two side by side; CSS shows one."""

from __future__ import annotations

from html import escape

from webui.i18n.texts_model import MODEL
from webui.i18n.texts_page import PAGE
from webui.i18n.texts_tasks import TASKS

WORDS: dict[str, tuple[str, str]] = {**PAGE, **TASKS, **MODEL}
LANGUAGES = ("en", "zh")


def tables() -> dict[str, dict[str, str]]:
    """The table by language tag, as the interface wants it."""
    english = {key: pair[0] for key, pair in WORDS.items()}
    chinese = {key: pair[1] for key, pair in WORDS.items()}
    return {"en": english, "zh": chinese, "zh-CN": chinese}


def both(key: str, **values: object) -> str:
    """The words in both languages as HTML, values escaped; the page's language shows one of them."""
    spans = (
        f'<span lang="{tag}" class="w-{tag}">{escape(text.format(**values))}</span>'
        for tag, text in zip(LANGUAGES, WORDS[key], strict=True)
    )
    return "".join(spans)


def either(key: str, language: str, **values: object) -> str:
    """The words in one language, `zh…` or anything else for English."""
    return WORDS[key][1 if language.lower().startswith("zh") else 0].format(**values)
