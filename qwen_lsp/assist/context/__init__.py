"""Cross-file snippets, ranked to a budget; secrets and ignored files are never read."""
