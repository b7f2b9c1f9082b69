"""Which token prefixes are held, what to restore, trim, prefill and evict: pure plans, no MLX."""
