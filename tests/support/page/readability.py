"""What a person would mind on a page: text in the wrong language, things out of reach, anything cut off."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page

_NAMES = frozenset(
    re.findall(
        r"\S+",
        """
    qwen-lsp Python C Java Go Rust TypeScript JavaScript SQL Bash Top-p Top-k Min-p JSON CSV Markdown cursor input previous
    scripted demo KiB MiB GiB ms from solution import KV KB Ctrl Enter qwen moe GPU MLX
    """,
    )
)
"""Names and signs that are the same in every language here."""
_CHINESE = re.compile(r"[㐀-鿿]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’-]+")
# What a person sees: text and placeholders, but neither code nor what somebody typed or a model wrote.
_SEEN = """(panel) => {
  const seen = [], theirs = 'pre, code, textarea, svg [aria-hidden], .q-theirs, .q-tokens, .q-detail, .message, #chat-list .wrap, #project-tree, #project-told, #project-chosen, #project-answer, .q-cellprompt';
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), parent = walker.currentNode.parentElement;
    if (text && !/^(SCRIPT|STYLE|TEXTAREA)$/.test(parent.tagName) && shown(parent) && !parent.closest(theirs)) seen.push(text);
  }
  for (const e of document.querySelectorAll('[placeholder]')) if (shown(e)) seen.push(e.placeholder);
  for (const e of document.querySelectorAll('input[role=listbox]')) if (shown(e)) seen.push(e.value);
  return seen;
}"""
# Everything one can operate must lie within the window, or in something that scrolls sideways itself.
_ASTRAY = """() => {
  const scrolls = (e) => { for (; e && e !== document.body; e = e.parentElement) if (/auto|scroll/.test(getComputedStyle(e).overflowX)) return true; return false; };
  return [...document.querySelectorAll('button, input, textarea, select, summary, a[href]')]
    .filter((e) => !e.closest('[aria-hidden=true]') && e.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .filter((e) => { const b = e.getBoundingClientRect(); return b.width > 2 && (b.left < -1 || b.right > innerWidth + 1) && !scrolls(e); })
    .map((e) => e.outerHTML.slice(0, 160));
}"""


async def foreign_words(page: Page, locale: str) -> list[str]:
    """Words that a reader of this language should not meet."""
    texts: list[str] = await page.evaluate(_SEEN)
    if not locale.startswith("zh"):
        return [text for text in texts if _CHINESE.search(text)]
    return [text for text in texts if any(word not in _NAMES for word in _LATIN.findall(text))]


async def astray(page: Page) -> list[str]:
    """Controls that cannot be reached, and whether the page itself can be pushed sideways."""
    found: list[Any] = await page.evaluate(_ASTRAY)
    if not await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"):
        found.append("the page is wider than the window")
    return [str(one) for one in found]
