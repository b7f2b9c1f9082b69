"""The HTTP routes, one file an API."""
