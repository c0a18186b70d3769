"""One real llama-server for the whole test run, and a real mitmdump with the addon each test."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from kimitap.demo.proxy import recorder
from tests.support.llama import NoLlama, install, serve
from tests.support.middle import Middle


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's base URL; tests are skipped only where no package of it runs here."""
    try:
        install()
    except NoLlama as reason:
        warnings.warn(f"tests against a real llama-server are skipped: {reason}", stacklevel=1)
        pytest.skip(str(reason))
    with serve(tmp_path_factory.mktemp("llama") / "server.log") as url:
        yield url


@pytest.fixture(scope="module")
def shared(llama: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Middle]:
    """A recorder before the real server, one for all tests of a module."""
    database = tmp_path_factory.mktemp("shared") / "real.db"
    with recorder(llama, str(database)) as url:
        yield Middle(url, database)


@pytest.fixture
def middle(llama: str, tmp_path: Path) -> Iterator[Middle]:
    """A recorder before the real server, with a recording of the test's own."""
    database = tmp_path / "real.db"
    with recorder(llama, str(database)) as url:
        yield Middle(url, database)
