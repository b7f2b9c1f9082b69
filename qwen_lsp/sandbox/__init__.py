"""Runs generated code and its tests, contained."""
