"""Gradio's own parts in the page's colours: every value is a token of static/tokens.css, for light and dark at once."""

from __future__ import annotations

import gradio as gr

from webui.static import static_text

_SANS = (
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "WenQuanYi Micro Hei",
    "sans-serif",
)
_MONO = (
    "ui-monospace",
    "SF Mono",
    "SFMono-Regular",
    "Menlo",
    "Cascadia Code",
    "JetBrains Mono",
    "DejaVu Sans Mono",
    "Consolas",
    "monospace",
)
_INK = gr.themes.Color(
    name="ink", c50="#f6f6f8", c100="#eeeef1", c200="#e2e2e8", c300="#cdcdd6", c400="#9b9ba8", c500="#6d6d7c",
    c600="#52525f", c700="#3b3b46", c800="#25252d", c900="#18181e", c950="#101014",
)  # fmt: skip
_ACCENT = gr.themes.Color(
    name="violet", c50="#f3f1ff", c100="#e9e5ff", c200="#d4cdff", c300="#b6a9ff", c400="#9681fb", c500="#7a5cf0",
    c600="#6442d6", c700="#5234b3", c800="#432c90", c900="#372672", c950="#21154a",
)  # fmt: skip
_TOKENS = {
    "body_background_fill": "ground",
    "background_fill_primary": "paper",
    "background_fill_secondary": "side",
    "border_color_primary": "line",
    "block_border_color": "line",
    "block_label_text_color": "soft",
    "block_title_text_color": "soft",
    "block_info_text_color": "soft",
    "body_text_color": "ink",
    "body_text_color_subdued": "soft",
    "input_background_fill": "paper",
    "input_border_color": "edge",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "soft",
    "button_primary_background_fill": "press",
    "button_primary_background_fill_hover": "press-hover",
    "button_secondary_background_fill": "paper",
    "button_secondary_background_fill_hover": "wash",
    "button_secondary_text_color": "ink",
    "button_secondary_border_color": "edge",
    "slider_color": "accent",
    "checkbox_label_background_fill_selected": "wash",
    "checkbox_label_text_color_selected": "accent",
    "checkbox_border_color": "edge",
    "checkbox_background_color": "paper",
}
"""Gradio's name -> our token."""
_FLAT = ("block_background_fill", "block_label_background_fill", "checkbox_label_background_fill")


def theme() -> gr.themes.Base:
    """Colours, sizes and spacing of Gradio's parts; no part draws a box around another."""
    base = gr.themes.Base(
        primary_hue=_ACCENT,
        secondary_hue=_ACCENT,
        neutral_hue=_INK,
        text_size=gr.themes.sizes.text_md,
        spacing_size=gr.themes.sizes.spacing_md,
        radius_size=gr.themes.sizes.radius_md,
        font=_SANS,
        font_mono=_MONO,
    )
    colours = {name: f"var(--q-{token})" for name, token in _TOKENS.items()} | dict.fromkeys(
        _FLAT, "transparent"
    )
    return base.set(
        **colours,
        **{f"{name}_dark": value for name, value in colours.items()},
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_title_text_weight="400",
        block_title_text_size="var(--q-text-s)",
        block_label_text_size="var(--q-text-s)",
        block_padding="0px",
        block_radius="var(--q-radius)",
        input_radius="var(--q-radius)",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_text_size="var(--q-text-m)",
        button_primary_text_color="#ffffff",
        button_primary_border_color="transparent",
        button_primary_border_color_dark="transparent",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_large_radius="var(--q-radius)",
        button_medium_radius="var(--q-radius)",
        button_small_radius="var(--q-radius)",
        button_large_text_size="var(--q-text-m)",
        button_medium_text_size="var(--q-text-m)",
        button_small_text_size="var(--q-text-s)",
        button_large_padding="8px 16px",
        button_medium_padding="8px 12px",
        button_small_padding="4px 12px",
        button_large_text_weight="600",
        button_medium_text_weight="600",
        button_small_text_weight="400",
        layout_gap="12px",
        form_gap_width="0px",
    )


def css() -> str:
    """The rules for what is ours, and for the few places where Gradio's own need help; the tokens come in the page's head."""
    return static_text("page.css")
