"""Which token prefixes are held, and what to restore, trim, copy, prefill and evict. Pure: no MLX."""
