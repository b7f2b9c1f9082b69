"""The starter model: a tiny Qwen3-MoE in the real model's file layout, trained on this machine to recite a few programs."""
