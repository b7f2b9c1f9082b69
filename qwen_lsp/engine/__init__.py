"""The engine room: prompts in, text out. Knows no editor, no file and no screen."""
