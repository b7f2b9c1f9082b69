"""Suggestions from the user's own code, with no model."""
