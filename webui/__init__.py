"""The page. The only room that imports gradio."""
