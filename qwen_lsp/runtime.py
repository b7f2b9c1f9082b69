"""The only wiring: settings -> engine -> assistant. Language server, page and command line all begin here."""

from __future__ import annotations
