"""Numbers of bytes and spans of time as people say them, the same everywhere."""

from __future__ import annotations


def size_in_words(count_bytes: float) -> str:
    """Such as `16.0 GiB` or `512 B`: units that are the same in every language."""
    import humanize  # for people only: no process needs it to start

    return humanize.naturalsize(count_bytes, binary=True).replace(" Bytes", " B").replace(" Byte", " B")


def span_in_words(seconds: float) -> str:
    """Such as `40 seconds`, `a minute`, `3 hours`."""
    import humanize

    return humanize.naturaldelta(seconds)
