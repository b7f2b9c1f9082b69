"""Code actions: listed, resolved, shown, applied."""
