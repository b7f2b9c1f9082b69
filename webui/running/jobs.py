"""Jobs of open pages: one running thing a place, all of a page's stopped when it goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Protocol, TypeVar


class PageJob(Protocol):
    """What runs for an open page: it can be stopped, and tells how it goes."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    def stop(self) -> None:
        """End it at once."""

    def updates(self) -> AsyncGenerator[Any, None]:
        """Itself, at every change worth drawing."""


J = TypeVar("J", bound=PageJob)


class Running:
    """The running jobs of all open pages, so that Stop finds its own."""

    def __init__(self) -> None:
        self._jobs: dict[str, PageJob] = {}

    async def follow(self, key: str, job: J) -> AsyncGenerator[J, None]:
        """The updates of a job; an older one under the same key is stopped first."""
        self.stop(key)
        self._jobs[key] = job
        try:
            async with aclosing(job.updates()) as updates:
                async for state in updates:
                    yield state
        finally:
            job.stop()
            if self._jobs.get(key) is job:
                del self._jobs[key]

    def stop(self, key: str) -> None:
        """End this page's job, if there is one."""
        job = self._jobs.get(key)
        if job is not None:
            job.stop()

    def stop_all(self, page: str) -> None:
        """End every job of a page; its keys begin with its name and a slash."""
        for key, job in list(self._jobs.items()):
            if key.startswith(f"{page}/"):
                job.stop()

    def runs(self, key: str) -> bool:
        """Whether this page's job goes on."""
        job = self._jobs.get(key)
        return job is not None and not job.ended

    def __len__(self) -> int:
        return len(self._jobs)
