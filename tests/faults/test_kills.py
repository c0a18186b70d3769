"""kill -9 at random moments: what was acknowledged is there, and nothing is half there.

`KIMITAP_TEST_KILLS=200` (`make faults`) kills so often; `--log-cli-level=INFO` says what each kill
cost.
"""

import logging
import os
import random
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from kimitap.exchange import Exchange, Outcome
from tests.faults.conftest import Begin
from tests.support.killing import VICTIMS, Agents, Asked, kill, serve_agents, settled
from tests.support.proxy import Proxy, Upstream, alive, scribe_of, wait_for
from tests.support.recorders import KINDS, stop
from tests.support.wholeness import assert_whole, by_path, losses

logger = logging.getLogger(__name__)

KILLS = int(os.environ.get("KIMITAP_TEST_KILLS", "8"))
SEEDS = range(KILLS)
IN_A_ROW = 5
WRITERS_KILLED = int(os.environ.get("KIMITAP_TEST_KILLS", "20"))


@pytest.fixture
def server(server: Upstream) -> Iterator[Upstream]:
    serve_agents(server)
    return server


@pytest.fixture
def kind(seed: int) -> str:
    return KINDS[seed % len(KINDS)]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_acknowledged_survives_a_kill_at_any_moment(
    seed: int, begin: Begin, server: Upstream, where: Path
) -> None:
    chosen = random.Random(seed)
    victim = VICTIMS[seed // len(KINDS) % len(VICTIMS)]
    proxy = begin(server.url, where)
    writer = scribe_of(proxy.process.pid)
    agents = Agents(proxy.port, str(seed))
    time.sleep(chosen.uniform(0, 1.5))
    before = settled(where)
    asked_by_then = list(agents.asked)
    killed_at = time.monotonic()
    kill(proxy, victim)
    if victim == "the writer":
        go_on(proxy, agents)
    agents.stop()
    wait_for(lambda: not alive(writer), "the writer's end", 60)

    assert_whole(where)
    there = by_path(where)
    for one in agents.asked:
        assert_true_beginning(one, there.get(one.path))
    for path in before:
        assert there[path].outcome is Outcome.COMPLETE
    missing = [one for one in agents.asked if one.answered and one.path not in there]
    assert missing == []
    told = sum(loss.count for loss in losses(where))
    assert told == 0
    if victim == "the writer":
        assert_all(agents.asked, there)
    costs = [age_of_loss(one, there.get(one.path), killed_at) for one in asked_by_then]
    logger.info(
        f"{seed}: killed {victim}: {len(there)} exchanges, {len(before)} whole before, "
        f"{len(missing)} missing, {told} told as lost, at most {max(costs, default=0):.2f} s lost"
    )


@pytest.mark.parametrize("seed", range(max(1, WRITERS_KILLED // IN_A_ROW)))
def test_nothing_is_lost_however_often_the_writer_alone_dies(
    seed: int, begin: Begin, server: Upstream, where: Path
) -> None:
    chosen = random.Random(f"writers {seed}")
    proxy = begin(server.url, where)
    agents = Agents(proxy.port, f"w{seed}")
    for number in range(IN_A_ROW):
        if number % 2:  # at any moment, also before it has written anything
            wait_for(lambda count=number: opened(where) > count, "another writer", 60)
        else:
            since = len(agents.asked)
            wait_for(lambda since=since: writes(where, agents, since), "a later exchange", 60)
        time.sleep(chosen.uniform(0, 0.4))
        kill(proxy, "the writer")
    agents.stop()
    output = stop(proxy)
    assert re.search(rf" {len(agents.asked):,} exchanges recorded$", output.strip())
    assert losses(where) == ()
    assert_whole(where)
    assert_all(agents.asked, by_path(where))
    logger.info(f"{seed}: killed {IN_A_ROW} writers: {len(agents.asked)} exchanges, all whole")


def writes(where: Path, agents: Agents, since: int) -> bool:
    """Whether an exchange is whole that was asked for later than those."""
    there = settled(where)
    return any(one.path in there for one in agents.asked[since:])


def opened(where: Path) -> int:
    """How many writers have opened the recording."""
    with closing(sqlite3.connect(where, timeout=60)) as database:
        return int(database.execute("SELECT count(*) FROM recorder").fetchone()[0])


def assert_all(asked: Sequence[Asked], there: Mapping[str, Exchange]) -> None:
    """Each client got what the server sent, and all of it is recorded, as it was, once."""
    for one in asked:
        assert one.content == one.reply
        found = there[one.path]
        assert (found.outcome, found.status) == (Outcome.COMPLETE, 200)
        assert found.request.content == one.body
        assert found.response == one.reply
        assert sum(segment.length for segment in found.segments) == len(one.reply)
    assert len(there) == len(asked)


def go_on(proxy: Proxy, agents: Agents) -> None:
    """The writer alone was killed: another goes on, and later requests are recorded."""
    proxy.said("the process that writes died; another one goes on", 60)
    wait_for(lambda: settled(proxy.where) & {a.path for a in agents.asked[-20:]}, "later ones", 60)
    agents.stop()
    stop(proxy)


def assert_true_beginning(one: Asked, found: Exchange | None) -> None:
    """What is recorded of a request is what was sent, and of its answer a beginning of it."""
    if found is None:
        return
    assert found.request.content == one.body
    assert one.reply.startswith(found.response)
    assert one.reply.startswith(one.content)
    if found.outcome is Outcome.COMPLETE:
        assert found.response == one.reply
    assert sum(segment.length for segment in found.segments) == len(found.response)


def age_of_loss(one: Asked, found: Exchange | None, killed_at: float) -> float:
    """How long before the kill the client had got the first byte that is not recorded, in seconds;
    0 where nothing is lost."""
    recorded = len(found.response) if found else 0
    content = one.content
    if recorded >= len(content):
        return 0.0
    framed = len(one.received) * recorded // len(content)
    first_lost = next((at for at, length in one.times if length > framed), killed_at)
    return max(0.0, killed_at - first_lost)
