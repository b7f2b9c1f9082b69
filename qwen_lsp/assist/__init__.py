"""From a cursor to a suggestion. Knows neither LSP nor MLX; takes an engine, never chooses one."""
