# Café: a form feed () stands in this line, and lines end in CRLF.
straße = "Öl"


def wörd(s: str) -> int:
    return len(s.split())
