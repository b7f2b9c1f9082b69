"""Scripts that run inside the sandbox, by path and with the standard library only; nothing imports them."""
