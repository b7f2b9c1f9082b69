"""Engines over HTTP: our own host, vLLM, llama.cpp, mlx_lm.server and other OpenAI-compatible servers."""
