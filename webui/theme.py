"""The page's own look: quiet paper and ink, one violet accent, light and dark, fonts of this machine only."""

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
    name="ink", c50="#f7f7f8", c100="#efeff2", c200="#e2e2e8", c300="#cdcdd6", c400="#9b9ba8", c500="#6d6d7c",
    c600="#52525f", c700="#3b3b46", c800="#25252d", c900="#18181e", c950="#101014",
)  # fmt: skip
_VIOLET = gr.themes.Color(
    name="violet", c50="#f3f1ff", c100="#e9e5ff", c200="#d4cdff", c300="#b6a9ff", c400="#9681fb", c500="#7a5cf0",
    c600="#6442d6", c700="#5234b3", c800="#432c90", c900="#372672", c950="#21154a",
)  # fmt: skip


def theme() -> gr.themes.Base:
    """The colours and sizes of Gradio's own parts."""
    base = gr.themes.Base(
        primary_hue=_VIOLET,
        secondary_hue=_VIOLET,
        neutral_hue=_INK,
        text_size=gr.themes.sizes.text_md,
        spacing_size=gr.themes.sizes.spacing_md,
        radius_size=gr.themes.sizes.radius_md,
        font=_SANS,
        font_mono=_MONO,
    )
    return base.set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#131317",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1b1b21",
        background_fill_secondary="#f6f5f2",
        background_fill_secondary_dark="#17171c",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1b1b21",
        block_border_color="#e6e4df",
        block_border_color_dark="#2c2c35",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_title_text_weight="500",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        border_color_primary="#e6e4df",
        border_color_primary_dark="#2c2c35",
        input_background_fill="#ffffff",
        input_background_fill_dark="#15151a",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_border_color="#d9d7d1",
        input_border_color_dark="#34343f",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="#ffffff",
        button_primary_border_color="transparent",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#23232b",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="#2c2c35",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_secondary_border_color="#d9d7d1",
        button_secondary_border_color_dark="#34343f",
        slider_color="*primary_500",
        slider_color_dark="*primary_400",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="*primary_950",
        checkbox_label_text_color_selected="*primary_700",
        checkbox_label_text_color_selected_dark="*primary_200",
        layout_gap="14px",
        block_padding="12px 14px",
    )


def css() -> str:
    """The rules for what is ours, and for the few places where Gradio's own need help."""
    return static_text("page.css")
