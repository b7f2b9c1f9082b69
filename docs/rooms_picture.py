"""The picture of rooms in architecture.md: rooms by floor and what they import, read from the imports themselves."""

from __future__ import annotations

import grimp

_SMALL = frozenset({"errors", "metrics", "paths", "samples", "sizes", "settings", "runtime", "__main__"})


def rooms_picture() -> str:
    """A Mermaid graph: each room above all it imports; files of the ground that everyone imports are left out."""
    graph = grimp.build_graph("qwen_lsp", "webui")
    rooms = [*sorted(_room(child) for child in graph.find_children("qwen_lsp")), "webui"]
    rooms = [room for room in rooms if room not in _SMALL]
    arrows = {
        (_room(importer), _room(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"  {room}[{room}/]" for room in rooms]
    kept = {(a, b) for a, b in arrows if a != b and a in rooms and b in rooms}
    lines += [f"  {a} --> {b}" for a, b in sorted(_without_detours(kept))]
    return "\n".join([*lines, "```"]) + "\n"


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[0] if parts[0] == "webui" or len(parts) == 1 else parts[1]


def _without_detours(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows that no chain of others says already."""

    def reaches(start: str, goal: str, skip: tuple[str, str]) -> bool:
        seen, open_ = {start}, [start]
        while open_:
            here = open_.pop()
            for a, b in arrows:
                if a == here and (a, b) != skip and b not in seen:
                    if b == goal:
                        return True
                    seen.add(b)
                    open_.append(b)
        return False

    return {arrow for arrow in arrows if not reaches(*arrow, skip=arrow)}
