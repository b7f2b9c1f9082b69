"""The shared process from inside: its life, its HTTP API, its guard."""
