"""Who gets the next step: lanes, newest wins, fair turns, aborts, and exactly one ending per job. No MLX.

A job is a generator of small steps (a prefill chunk, a decode step). One thread, the owner, calls `step`;
any thread may `submit` and `abort`.

- inline > action > chat > warm; a lower lane runs only while every higher one is empty.
- Inside a lane at most `ACTIVE` jobs take turns, one step each; the others wait in order.
- An abort takes effect before the next step of anything.
- Jobs of one lane that yield a Together with the same group are carried out as one step.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from qwen_lsp.engine.request import Lane
from qwen_lsp.errors import EngineBusy, EngineUnavailable

log = logging.getLogger(__name__)

LIMITS: Mapping[Lane, int] = {Lane.INLINE: 64, Lane.ACTION: 32, Lane.CHAT: 64, Lane.WARM: 32}
"""Most jobs of a lane at once, running and waiting."""
ACTIVE = 8
"""Most jobs of a lane that take turns; each holds its own KV."""
SUPERSEDED = "a newer request took its place"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended; each job has exactly one."""

    how: Literal["done", "aborted", "failed"]
    detail: str = ""
    error: BaseException | None = None


class Group(Protocol):
    """Carries out the next step of several jobs at once."""

    def run(self, members: list[Any]) -> None:
        """One step for every member; an exception fails them all."""
        ...


@dataclass(frozen=True, slots=True)
class Together:
    """Yielded by a job whose next step may be taken together with others of the same group.

    The job is resumed after the group's step when there was company, and at once, alone, when there was none.
    """

    group: Group
    member: Any


Steps = Generator[Together | None, bool | None, None]
"""A job's steps. `yield Together(...)` answers True when the group carried the step out, else False."""


@dataclass(slots=True, eq=False)
class ScheduledJob:
    """A submitted job; a handle for `abort`."""

    steps: Steps
    lane: Lane
    on_end: Callable[[Ended], None]
    supersedes: str | None = None
    abort_detail: str | None = None
    ended: Ended | None = None
    offer: Together | None = field(default=None, repr=False)
    answer: bool | None = field(default=None, repr=False)


class Scheduler:
    """The waiting lines and the choice of the next step."""

    def __init__(
        self,
        limits: Mapping[Lane, int] = LIMITS,
        *,
        active: int = ACTIVE,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._limits = limits
        self._active = active
        self._wake = wake
        self._lock = threading.Lock()
        self._lanes: dict[Lane, deque[ScheduledJob]] = {lane: deque() for lane in Lane}
        self._aborting: list[ScheduledJob] = []
        self._closed: str | None = None

    def submit(
        self,
        steps: Steps,
        *,
        lane: Lane,
        on_end: Callable[[Ended], None],
        supersedes: str | None = None,
    ) -> ScheduledJob:
        """Queue a job. Raises EngineBusy (nothing queued) or EngineUnavailable (closed)."""
        job = ScheduledJob(steps, lane, on_end, supersedes)
        with self._lock:
            if self._closed is not None:
                raise EngineUnavailable(self._closed)
            if supersedes is not None:
                for older in self._jobs():
                    if older.supersedes == supersedes:
                        self._mark(older, SUPERSEDED)
            self._refuse_when_full(lane)
            self._lanes[lane].append(job)
        self._wake()
        return job

    def abort(self, job: ScheduledJob, detail: str = "the caller left") -> None:
        """End a job before its next step; harmless when it has ended."""
        with self._lock:
            if job.ended is None:
                self._mark(job, detail)
        self._wake()

    def step(self) -> bool:
        """Take one step of the job whose turn it is; False when there is nothing to do. Owner only."""
        reaped = self._reap()
        with self._lock:
            turn = self._next_turn()
        if not turn:
            return reaped
        if len(turn) > 1:
            self._step_together(turn)
        else:
            self._step_alone(turn[0])
        return True

    def close(self, detail: str) -> None:
        """Refuse from now on and abort all that is here. Owner only (or when the owner is gone)."""
        self._end_all(Ended("aborted", detail), detail)

    def fail(self, error: BaseException, detail: str) -> None:
        """Refuse from now on and end all that is here with an error. Owner only (or when the owner is gone)."""
        self._end_all(Ended("failed", detail, error), detail)

    def depths(self) -> dict[Lane, int]:
        """How many jobs each lane holds."""
        with self._lock:
            return {lane: len(jobs) for lane, jobs in self._lanes.items()}

    def has_work(self) -> bool:
        """Whether any job waits or runs."""
        with self._lock:
            return any(self._lanes.values())

    # -- with the lock held -------------------------------------------------------------------------

    def _jobs(self) -> list[ScheduledJob]:
        return [job for jobs in self._lanes.values() for job in jobs]

    def _mark(self, job: ScheduledJob, detail: str) -> None:
        if job.abort_detail is None:
            job.abort_detail = detail
            self._aborting.append(job)

    def _refuse_when_full(self, lane: Lane) -> None:
        here = sum(job.abort_detail is None for job in self._lanes[lane])
        if here >= self._limits[lane]:
            raise EngineBusy(
                f"{here} {lane.name.lower()} requests are already waiting, which is the limit "
                f"({self._limits[lane]}). Nothing was queued; try again when some have finished."
            )

    def _next_turn(self) -> list[ScheduledJob]:
        for lane in Lane:
            jobs = self._lanes[lane]
            if jobs:
                return self._take(jobs)
        return []

    def _take(self, jobs: deque[ScheduledJob]) -> list[ScheduledJob]:
        """The job in front, and those of the first `active` that offered to go together with it."""
        first = jobs[0]
        active = [jobs[i] for i in range(min(self._active, len(jobs)))]
        if first.offer is not None:
            group = first.offer.group
            turn = [j for j in active if j.offer is not None and j.offer.group is group]
        else:
            turn = [first]
        for job in turn:
            jobs.remove(job)
        waiting = [jobs.pop() for _ in range(len(jobs) - (len(active) - len(turn)))]
        jobs.extend(turn)
        jobs.extend(reversed(waiting))
        return turn

    # -- without the lock ----------------------------------------------------------------------------

    def _reap(self) -> bool:
        with self._lock:
            aborting, self._aborting = self._aborting, []
        for job in aborting:
            if job.ended is None:
                self._drop_steps(job)
                self._finish(job, Ended("aborted", job.abort_detail or ""))
        return bool(aborting)

    def _step_alone(self, job: ScheduledJob) -> None:
        answer, job.answer, job.offer = (False if job.offer else job.answer), None, None
        try:
            job.offer = job.steps.send(answer) if answer is not None else next(job.steps)
        except StopIteration:
            self._finish(job, Ended("done"))
        except Exception as error:
            self._finish(job, Ended("failed", str(error), error))

    def _step_together(self, turn: list[ScheduledJob]) -> None:
        offers = [job.offer for job in turn if job.offer is not None]
        try:
            offers[0].group.run([offer.member for offer in offers])
        except Exception as error:
            for job in turn:
                self._drop_steps(job)
                self._finish(job, Ended("failed", str(error), error))
            return
        for job in turn:
            job.offer, job.answer = None, True
            self._step_alone(job)

    def _end_all(self, ended: Ended, detail: str) -> None:
        with self._lock:
            self._closed = self._closed or detail
            jobs = self._jobs()
        for job in jobs:
            self._drop_steps(job)
            self._finish(job, ended)

    def _drop_steps(self, job: ScheduledJob) -> None:
        try:
            job.steps.close()
        except Exception:
            log.exception("A job did not let go cleanly")

    def _finish(self, job: ScheduledJob, ended: Ended) -> None:
        with self._lock:
            if job.ended is not None:
                return
            job.ended = ended
            if job in self._lanes[job.lane]:
                self._lanes[job.lane].remove(job)
        try:
            job.on_end(ended)
        except Exception:
            log.exception("The listener of a job failed")
