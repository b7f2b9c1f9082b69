"""Measured claims: each module prints one table of docs/performance.md."""
