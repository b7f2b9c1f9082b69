"""Every fixed text of the page, in English and in Chinese. `bilingual` puts both into the page; CSS shows one."""

from __future__ import annotations

from html import escape

from webui.i18n.texts_model import MODEL
from webui.i18n.texts_page import PAGE
from webui.i18n.texts_tasks import TASKS

TEXTS: dict[str, tuple[str, str]] = {**PAGE, **TASKS, **MODEL}
LANGUAGES = ("en", "zh")


def tables() -> dict[str, dict[str, str]]:
    """The table by language tag, as `gr.I18n` takes it."""
    english = {key: pair[0] for key, pair in TEXTS.items()}
    chinese = {key: pair[1] for key, pair in TEXTS.items()}
    return {"en": english, "zh": chinese, "zh-CN": chinese}


def bilingual(key: str, **values: object) -> str:
    """The text in both languages as HTML, with its values escaped; CSS shows the one of the page's language."""
    spans = (
        f'<span lang="{tag}" class="w-{tag}">{escape(text.format(**values))}</span>'
        for tag, text in zip(LANGUAGES, TEXTS[key], strict=True)
    )
    return "".join(spans)


def in_language(key: str, language: str, **values: object) -> str:
    """The text in one language as plain text: Chinese for `zh…`, else English."""
    return TEXTS[key][1 if language.lower().startswith("zh") else 0].format(**values)
