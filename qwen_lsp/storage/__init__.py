"""The user's own SQLite files: conversations, accepted suggestions, requests served."""
