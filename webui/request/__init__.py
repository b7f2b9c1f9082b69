"""From what a form holds to a generation request."""
