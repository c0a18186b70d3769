"""Recorders of both kinds, a scripted server before them, and what holds after every fault."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.proxy import Proxy, Upstream, upstream
from tests.support.recorders import KINDS, start_recorder

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
