"""The only room that imports mlx and mlx_lm."""
