"""Recorders of both kinds, a scripted server before them, and what holds after every fault."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.proxy import Proxy, Upstream, fetch, request_bytes, upstream
from tests.support.recorders import KINDS, start_recorder, stop
from tests.support.wholeness import assert_whole, losses, recorded

Begin = Callable[..., Proxy]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mitmproxy and Kimitap keep a user's files: made once, since keys are slow."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which recorder: mitmdump with the addon, or `kimitap record`."""
    return str(request.param)


@pytest.fixture
def begin(kind: str, home: Path) -> Iterator[Begin]:
    """`start_recorder` for one kind; its processes do not outlive the test."""
    started: list[Proxy] = []

    def begin_one(url: str, where: Path, *options: str, **settings: object) -> Proxy:
        proxy = start_recorder(kind, url, where, home, *options, **settings)  # type: ignore[arg-type]
        started.append(proxy)
        return proxy

    yield begin_one
    for proxy in started:
        if proxy.process.poll() is None:
            proxy.kill()


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """The recording."""
    return tmp_path / "kimitap.db"


@pytest.fixture
def server() -> Iterator[Upstream]:
    """A server that serves what a test says."""
    with upstream() as one:
        yield one


@dataclass(frozen=True)
class Stage:
    """A server, and a recorder before it, that many tests share; each takes paths of its own."""

    server: Upstream
    proxy: Proxy

    def still_serves(self) -> int:
        """The next exchange goes well; its number in the recording."""
        self.server.on("/next", lambda peer: peer.answer(b"next"))
        path = f"/next?{time.monotonic_ns()}"
        assert fetch(self.proxy.port, request_bytes(path))[1] == b"next"
        return recorded(self.proxy.where, path).number


@pytest.fixture(scope="module", params=KINDS)
def stage(
    request: pytest.FixtureRequest, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A stage with a recorder of each kind; in the end its recording is whole."""
    where = tmp_path_factory.mktemp("stage") / "kimitap.db"
    with upstream() as server:
        proxy = start_recorder(str(request.param), server.url, where, home)
        try:
            yield Stage(server, proxy)
            assert "kimitap/recorder" not in stop(proxy), proxy.output
            assert losses(where) == ()
            assert_whole(where)
        finally:
            if proxy.process.poll() is None:
                proxy.kill()
