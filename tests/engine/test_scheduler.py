"""The scheduler: who goes next, and exactly one ending for every job."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from qwen_lsp.engine.request import Lane
from qwen_lsp.engine.scheduler import SUPERSEDED, Ended, ScheduledJob, Scheduler, Steps, Together
from qwen_lsp.errors import EngineBusy, EngineUnavailable


class World:
    """A scheduler, what its jobs did in order, and how each ended."""

    def __init__(self, **options: Any) -> None:
        self.scheduler = Scheduler(**options)
        self.did: list[str] = []
        self.ended: dict[str, list[Ended]] = {}

    def job(
        self,
        name: str,
        steps: int = 1,
        *,
        lane: Lane = Lane.CHAT,
        key: str | None = None,
        fails_at: int | None = None,
        body: Callable[[], Steps] | None = None,
    ) -> ScheduledJob:
        self.ended.setdefault(name, [])
        return self.scheduler.submit(
            (body or (lambda: self.steps(name, steps, fails_at)))(),
            lane=lane,
            on_end=self.ended[name].append,
            supersedes=key,
        )

    def steps(self, name: str, count: int, fails_at: int | None) -> Steps:
        try:
            for turn in range(count):
                self.did.append(name)
                if turn == fails_at:
                    raise ValueError("broken")
                if turn < count - 1:
                    yield None
        finally:
            self.did.append(f"{name} let go")

    def run(self) -> None:
        while self.scheduler.step():
            pass

    def how(self, name: str) -> str:
        (ended,) = self.ended[name]
        return ended.how

    def turns(self) -> list[str]:
        return [d for d in self.did if not d.endswith("let go")]


def test_a_higher_lane_goes_first_and_the_lower_one_goes_on_after() -> None:
    world = World()
    world.job("chat", 3)
    world.scheduler.step()
    world.job("inline", 2, lane=Lane.INLINE)
    world.run()
    assert world.turns() == ["chat", "inline", "inline", "chat", "chat"]


def test_lanes_are_in_the_agreed_order() -> None:
    world = World()
    for lane in reversed(Lane):
        world.job(lane.name, lane=lane)
    world.run()
    assert world.turns() == ["INLINE", "ACTION", "CHAT", "WARM"]


def test_turns_inside_a_lane_are_fair() -> None:
    world = World()
    for name in "abc":
        world.job(name, 3)
    world.run()
    assert world.turns() == list("abcabcabc")


def test_only_so_many_take_turns_and_the_rest_wait_in_order() -> None:
    world = World(active=2)
    for name in "abcd":
        world.job(name, 2)
    world.run()
    assert world.turns() == list("ababcdcd")


def test_a_newer_request_takes_the_place_of_the_older_with_its_key() -> None:
    world = World()
    world.job("old", 5, key="file")
    world.job("other", 1, key="another file")
    world.scheduler.step()
    world.job("new", 1, key="file")
    world.run()
    assert [world.how(n) for n in ("old", "other", "new")] == ["aborted", "done", "done"]
    assert world.ended["old"][0].detail == SUPERSEDED
    assert world.turns().count("old") == 1


def test_an_abort_takes_effect_before_the_next_step_of_anything() -> None:
    world = World()
    job = world.job("a", 5)
    world.scheduler.step()
    world.job("b", 1)
    world.scheduler.abort(job)
    world.scheduler.step()
    assert world.did[:3] == ["a", "a let go", "b"]


def test_a_job_that_never_began_can_be_aborted() -> None:
    world = World()
    world.scheduler.abort(world.job("a"))
    world.run()
    assert (world.how("a"), world.did) == ("aborted", [])


def test_aborting_what_has_ended_changes_nothing() -> None:
    world = World()
    job = world.job("a")
    world.run()
    world.scheduler.abort(job)
    world.run()
    assert world.how("a") == "done"


def test_a_failing_job_ends_with_its_error_and_the_others_go_on() -> None:
    world = World()
    world.job("bad", 3, fails_at=1)
    world.job("good", 3)
    world.run()
    assert (world.how("bad"), world.how("good")) == ("failed", "done")
    assert isinstance(world.ended["bad"][0].error, ValueError)


def test_a_full_lane_refuses_with_its_numbers_and_queues_nothing() -> None:
    world = World(limits=dict.fromkeys(Lane, 2))
    world.job("a"), world.job("b")
    with pytest.raises(EngineBusy, match=r"2 chat requests .* limit \(2\)"):
        world.job("c")
    world.job("inline", lane=Lane.INLINE)
    world.run()
    assert world.ended["c"] == []
    assert world.how("inline") == "done"


def test_superseding_makes_room_in_a_full_lane() -> None:
    world = World(limits=dict.fromkeys(Lane, 1))
    world.job("old", key="k")
    world.job("new", key="k")
    world.run()
    assert (world.how("old"), world.how("new")) == ("aborted", "done")


@pytest.mark.parametrize(("ending", "how"), [("close", "aborted"), ("fail", "failed")])
def test_the_end_of_the_engine_ends_everything_and_refuses_the_rest(ending: str, how: str) -> None:
    world = World()
    world.job("running", 3), world.job("waiting", 3, lane=Lane.WARM)
    world.scheduler.step()
    if ending == "close":
        world.scheduler.close("bye")
    else:
        world.scheduler.fail(RuntimeError("no GPU"), "bye")
    assert (world.how("running"), world.how("waiting")) == (how, how)
    assert "running let go" in world.did
    with pytest.raises(EngineUnavailable, match="bye"):
        world.job("late")
    assert not world.scheduler.step()


def test_a_listener_that_fails_does_not_stop_the_others() -> None:
    world = World()

    def broken(_: Ended) -> None:
        raise RuntimeError

    world.scheduler.submit(world.steps("a", 1, None), lane=Lane.CHAT, on_end=broken)
    world.job("b")
    world.run()
    assert world.how("b") == "done"


def test_a_job_that_does_not_let_go_cleanly_still_ends() -> None:
    def stubborn() -> Generator[None, bool | None, None]:
        try:
            yield None
        finally:
            raise RuntimeError

    world = World()
    job = world.job("a", body=stubborn)
    world.scheduler.step()
    world.scheduler.abort(job)
    world.run()
    assert world.how("a") == "aborted"


class Choir:
    """A group that notes who sang together."""

    def __init__(self, fails: bool = False) -> None:
        self.sang: list[list[str]] = []
        self.fails = fails

    def run(self, members: list[str]) -> None:
        self.sang.append(list(members))
        if self.fails:
            raise ValueError("out of tune")


def singer(choir: Choir, name: str, songs: int, alone: list[str]) -> Steps:
    for _ in range(songs):
        if not (yield Together(choir, name)):
            alone.append(name)


def test_jobs_of_a_lane_go_together_when_they_offer_it() -> None:
    world, choir, alone = World(), Choir(), list[str]()
    for name, songs in (("a", 2), ("b", 2), ("c", 1)):
        world.job(name, body=lambda n=name, s=songs: singer(choir, n, s, alone))  # type: ignore[misc]
    world.run()
    assert next(sorted(s) for s in choir.sang if len(s) > 1)[:2] == ["a", "b"]
    assert all(world.how(n) == "done" for n in "abc")
    assert sum(len(s) for s in choir.sang) + len(alone) == 5


def test_a_job_with_no_company_goes_alone() -> None:
    world, choir, alone = World(), Choir(), list[str]()
    world.job("a", body=lambda: singer(choir, "a", 3, alone))
    world.run()
    assert (choir.sang, alone) == ([], ["a"] * 3)


def test_company_gives_way_to_a_higher_lane() -> None:
    world, choir, alone = World(), Choir(), list[str]()
    for name in "ab":
        world.job(name, body=lambda n=name: singer(choir, n, 3, alone))  # type: ignore[misc]
    for _ in range(3):
        world.scheduler.step()
    before = len(choir.sang)
    world.job("inline", 2, lane=Lane.INLINE)
    world.scheduler.step(), world.scheduler.step()
    assert world.turns() == ["inline", "inline"]
    assert len(choir.sang) == before
    world.run()
    assert all(world.how(n) == "done" for n in "ab")


def test_a_group_that_fails_ends_all_its_members() -> None:
    world, choir = World(), Choir(fails=True)
    for name in "ab":
        world.job(name, body=lambda n=name: singer(choir, n, 2, []))  # type: ignore[misc]
    world.job("c", 2)
    world.run()
    assert [world.how(n) for n in "abc"] == ["failed", "failed", "done"]


class EveryJobEndsOnce(RuleBasedStateMachine):
    """Whatever is done in whatever order: no job is forgotten, none ends twice, none works after its end."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(limits=dict.fromkeys(Lane, 3), active=2)
        self.choir = Choir()
        self.handles: dict[str, ScheduledJob] = {}
        self.over = False

    @rule(
        target=jobs,
        lane=st.sampled_from(Lane),
        steps=st.integers(1, 4),
        key=st.sampled_from([None, "a", "b"]),
        fails_at=st.sampled_from([None, None, 0, 1]),
        sings=st.booleans(),
    )
    def submit(self, lane: Lane, steps: int, key: str | None, fails_at: int | None, sings: bool) -> str:
        name = str(len(self.handles))
        body = (lambda: singer(self.choir, name, steps, [])) if sings else None
        try:
            self.handles[name] = self.world.job(name, steps, lane=lane, key=key, fails_at=fails_at, body=body)
        except (EngineBusy, EngineUnavailable):
            self.world.ended[name] = [Ended("failed", "refused")]
            self.handles[name] = ScheduledJob(iter(()), lane, lambda e: None, ended=Ended("failed"))  # type: ignore[arg-type]
        return name

    @rule(name=jobs)
    def abort(self, name: str) -> None:
        self.world.scheduler.abort(self.handles[name])

    @rule(count=st.integers(1, 5))
    def step(self, count: int) -> None:
        for _ in range(count):
            self.world.scheduler.step()

    @rule()
    def close(self) -> None:
        self.world.scheduler.close("bye")
        self.over = True

    @invariant()
    def nothing_ends_twice(self) -> None:
        assert all(len(ended) <= 1 for ended in self.world.ended.values())

    @invariant()
    def what_has_not_ended_is_still_in_a_lane(self) -> None:
        open_jobs = sum(not ended for ended in self.world.ended.values())
        assert sum(self.world.scheduler.depths().values()) == open_jobs

    @invariant()
    def nothing_works_after_its_end(self) -> None:
        for name in self.handles:
            mine = [d for d in self.world.did if d in (name, f"{name} let go")]
            assert f"{name} let go" not in mine[:-1]

    def teardown(self) -> None:
        self.world.run()
        assert all(len(ended) == 1 for ended in self.world.ended.values())
        assert not self.world.scheduler.has_work()


TestEveryJobEndsOnce = EveryJobEndsOnce.TestCase
TestEveryJobEndsOnce.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
