"""A place that takes nothing: a full disk, a lock, a folder without permission, two recorders."""

import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from tests.faults.conftest import Begin
from tests.support.proxy import Proxy, Upstream, fetch, request_bytes, wait_for
from tests.support.recorders import MITMDUMP, RECORD, obey_permissions, stop
from tests.support.wholeness import assert_whole, by_path, ended, losses

LOCKED_S = float(os.environ.get("KIMITAP_TEST_LOCKED_S", "5"))
"""How long the database is locked; `KIMITAP_TEST_LOCKED_S=35` outlasts the writer's patience."""


@pytest.fixture
def server(server: Upstream) -> Iterator[Upstream]:
    for number in range(40):
        server.on(f"/{number}", lambda peer: peer.answer(b"answer to " + peer.body[:40]))
    return server


def ask(proxy: Proxy, number: int, body: bytes = b"{}") -> float:
    """Ask for a path; asserts that the answer is the server's, and says how long it took."""
    start = time.monotonic()
    wanted = b"answer to " + body[:40]
    assert fetch(proxy.port, request_bytes(f"/{number}", body))[1] == wanted
    return time.monotonic() - start


def assert_all(where: Path, numbers: range, bodies: dict[int, bytes] | None = None) -> None:
    """All of them are recorded, whole and right, and nothing is told as lost."""
    ended(where, len(numbers))
    found = by_path(where)
    for number in numbers:
        body = (bodies or {}).get(number, b"{}")
        exchange = found[f"/{number}"]
        assert exchange.outcome is Outcome.COMPLETE
        assert exchange.request.content == body
        assert exchange.response == b"answer to " + body[:40]
        assert exchange.lost_bytes == 0
    assert losses(where) == ()


# --- a full disk --------------------------------------------------------------------------------

_DISK = 'mount -t tmpfs -o size=6m,mode=700 none "$0" && exec "$@"'


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder on which a small disk can be mounted by who runs `within` it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    trial = (*within(folder), "true")
    if not shutil.which("unshare") or subprocess.run(trial, capture_output=True).returncode:
        pytest.skip("needs a system on which a user may mount a disk of his own")
    return folder


def within(folder: Path) -> tuple[str, ...]:
    """What runs a program with a disk of 6 MB on `folder`, which only that program sees."""
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _DISK, str(folder))


def test_a_disk_that_is_full_and_freed_again_costs_nothing(
    begin: Begin, server: Upstream, disk: Path, tmp_path: Path
) -> None:
    proxy = begin(server.url, disk / "kimitap.db", within=within(disk))
    handle = os.open(f"/proc/{proxy.process.pid}/root{disk}", os.O_RDONLY)
    seen = Path(f"/proc/self/fd/{handle}")
    ask(proxy, 0)
    wait_for(lambda: (seen / "kimitap.db").exists(), "the recording")
    ballast = seen / "ballast"
    with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    noise = {
        n: b"%d " % n + random.Random(n).randbytes(300_000).hex().encode() for n in range(1, 5)
    }
    for number, body in noise.items():
        assert ask(proxy, number, body) < 10
    proxy.said("Kimitap does NOT record: .* cannot grow, the disk is full")
    ballast.unlink()
    proxy.said("Kimitap records again", 60)
    ask(proxy, 5)
    assert "6 exchanges recorded" in stop(proxy)
    for file in seen.glob("kimitap.db*"):
        shutil.copy(file, tmp_path / file.name)
    os.close(handle)
    assert_all(tmp_path / "kimitap.db", range(6), noise)
    assert_whole(tmp_path / "kimitap.db")


# --- a lock -------------------------------------------------------------------------------------


def test_a_database_that_is_locked_for_long_costs_nothing(
    begin: Begin, server: Upstream, where: Path
) -> None:
    proxy = begin(server.url, where)
    ask(proxy, 0)
    ended(where, 1)
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        locked_at = time.monotonic()
        ask(proxy, 1)
        for number in range(2, 12):  # whoever comes later waits for nothing
            assert ask(proxy, number) < 5
        time.sleep(max(0.0, locked_at + LOCKED_S - time.monotonic()))
        proxy.said("has taken nothing for 2 s|is locked by another program")
    assert_all(where, range(12))
    assert "12 exchanges recorded" in stop(proxy)
    assert_whole(where)


# --- a folder without permission ----------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nobody may write."""
    one = tmp_path / "folder"
    one.mkdir()
    one.chmod(0o500)
    yield one
    one.chmod(0o700)


@pytest.mark.parametrize("kind", [MITMDUMP])
def test_a_read_only_folder_lets_the_traffic_flow_until_it_is_mended(
    begin: Begin, server: Upstream, folder: Path
) -> None:
    where = folder / "kimitap.db"
    proxy = begin(server.url, where, before=obey_permissions)
    proxy.said("Kimitap does NOT record: .*cannot be written .Permission denied")
    for number in range(5):
        assert ask(proxy, number) < 5
    assert not where.exists()
    folder.chmod(0o700)
    proxy.said("Kimitap records again")
    assert_all(where, range(5))
    assert "5 exchanges recorded" in stop(proxy)
    assert_whole(where)


@pytest.mark.parametrize("kind", [RECORD])
def test_kimitap_record_refuses_a_read_only_folder_in_one_line(
    begin: Begin, server: Upstream, folder: Path
) -> None:
    proxy = begin(
        server.url, folder / "kimitap.db", before=obey_permissions, ready="cannot be written"
    )
    assert proxy.process.wait(60) == 2
    (line,) = stop(proxy).splitlines()
    assert "Permission denied): change the permissions" in line


def test_a_folder_that_becomes_read_only_while_recording_costs_nothing(
    begin: Begin, server: Upstream, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    where = folder / "kimitap.db"
    proxy = begin(server.url, where, before=obey_permissions)
    ask(proxy, 0)
    ended(where, 1)
    where.chmod(0o400)
    folder.chmod(0o500)
    try:
        for number in range(1, 6):
            assert ask(proxy, number) < 5
        ended(where, 6)
        assert "6 exchanges recorded" in stop(proxy)
    finally:
        folder.chmod(0o700)
        where.chmod(0o600)
    assert_all(where, range(6))
    assert_whole(where)


# --- two recorders ------------------------------------------------------------------------------


def test_two_recorders_on_one_database_lose_nothing_though_one_is_killed(
    begin: Begin, server: Upstream, where: Path
) -> None:
    proxies = [begin(server.url, where) for _ in range(2)]
    shares = (range(15), range(15, 30))

    def work(proxy: Proxy, share: range) -> None:
        for number in share:
            ask(proxy, number, b'{"messages":[{"role":"user","content":"%d"}]}' % number)

    threads = [
        threading.Thread(target=work, args=both) for both in zip(proxies, shares, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended(where, 30)
    proxies[0].kill()
    work(proxies[1], range(30, 40))
    bodies = {n: b'{"messages":[{"role":"user","content":"%d"}]}' % n for n in range(40)}
    assert_all(where, range(40), bodies)
    assert "25 exchanges recorded" in stop(proxies[1])
    assert_whole(where)
