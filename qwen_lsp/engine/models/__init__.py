"""Finding models on this machine, and downloading one when asked."""
