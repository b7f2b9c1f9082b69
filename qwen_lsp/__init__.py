"""A private, fast code assistant: language server, engine and host. Importing it does nothing."""

__version__ = "0.1.0"
