"""One real mitmdump with the addon before one scripted upstream, shared by the tests of traffic."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kimitap.exchange import Exchange
from kimitap.store import Recording
from tests.support.planted import Planted, plant
from tests.support.proxy import Proxy, Upstream, start_proxy, upstream, wait_for


@dataclass
class Stage:
    """An upstream, a proxy before it, and the proxy's recording."""

    upstream: Upstream
    proxy: Proxy

    @property
    def port(self) -> int:
        """Where clients connect."""
        return self.proxy.port

    def exchange(self, path: str, ended: bool = True) -> Exchange:
        """The newest exchange of `path`, once it is in the recording (and has ended)."""
        return wait_for(lambda: newest(self.proxy.where, path, ended), f"{path} in the recording")


def newest(where: Path, path: str, ended: bool = True) -> Exchange | None:
    """The newest exchange of `path` in the recording, if there is one (that has ended)."""
    query = "SELECT id, ended_us FROM exchange WHERE path = ? ORDER BY id DESC LIMIT 1"
    with closing(sqlite3.connect(where)) as database:
        if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'exchange'").fetchall():
            return None  # the writer is still making it
        row = database.execute(query, (path,)).fetchone()
    if row is None or (ended and row[1] is None):
        return None
    with Recording.open(str(where)) as recording:
        return recording.exchange(row[0])


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mitmproxy and Kimitap keep a user's files: made once, since keys are slow."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def stage(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage for tests that leave the proxy as it is; each takes paths of its own."""
    where = tmp_path_factory.mktemp("stage") / "kimitap.db"
    with upstream() as server:
        proxy = start_proxy(server.url, where, home)
        try:
            yield Stage(server, proxy)
        finally:
            proxy.stop()


@pytest.fixture(scope="session")
def planted(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Secrets in all that passed `kimitap record`; for tests that leave the recording as it is."""
    return plant(tmp_path_factory.mktemp("planted") / "kimitap.db", home)


Starter = Callable[..., Proxy]


@pytest.fixture
def start(home: Path) -> Iterator[Starter]:
    """`start_proxy`, whose processes do not outlive the test."""
    started: list[Proxy] = []

    def start_one(url: str, where: Path, *options: str, **settings: object) -> Proxy:
        proxy = start_proxy(url, where, home, *options, **settings)  # type: ignore[arg-type]
        started.append(proxy)
        return proxy

    yield start_one
    for proxy in started:
        if proxy.process.poll() is None:
            proxy.kill()
