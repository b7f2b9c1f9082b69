"""The places of the page: their names, addresses, groups and pictures. A new place is a row here and a room in tabs/."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PagePlace:
    """One place: the id of its tab, where it stands in the rail, its address, and its icon as SVG paths on 24 × 24."""

    id: str
    group: str
    path: str
    icon: str


PLACES: tuple[PagePlace, ...] = (
    PagePlace("generate", "write", "/", "M8 6l-5 6 5 6M16 6l5 6-5 6M13.5 4l-3 16"),
    PagePlace("chat", "write", "/chat", "M4 5h16v11H10l-5 4v-4H4z"),
    PagePlace("loop", "improve", "/tests", "M4 12.5l5 5L20 6.5"),
    PagePlace("project", "improve", "/project", "M3 6h6l2 2.5h10V19H3z"),
    PagePlace("compare", "study", "/compare", "M4 5h6v14H4zM14 5h6v14h-6z"),
    PagePlace(
        "inside",
        "study",
        "/inside",
        "M12 3v4M12 17v4M3 12h4M17 12h4M8 8h8v8H8zM5.5 5.5l2 2M16.5 16.5l2 2M18.5 5.5l-2 2M7.5 16.5l-2 2",
    ),
    PagePlace("monitor", "run", "/monitor", "M3 13h4l3-8 4 14 3-6h4"),
)
ADDRESSES = frozenset(place.path for place in PLACES)
