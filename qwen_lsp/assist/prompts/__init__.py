"""Prompt layouts: fill-in-the-middle per model family, chat, actions; stable parts first."""
