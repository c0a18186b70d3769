"""The process that writes has what it wrote reach the disk, in a real recorder."""

import threading
from pathlib import Path

from tests.recorder.conftest import Starter
from tests.support.proxy import Client, Peer, request_bytes, upstream, wait_for

WATCHED = """
import os

def watch(sync):
    def synced(handle):
        sync(handle)
        with open(os.environ["KIMITAP_TEST_SYNCS"], "a") as file:
            file.write(f"{os.fstat(handle).st_size}\\n")
    return synced

if hasattr(os, "fdatasync"):
    os.fdatasync = watch(os.fdatasync)
else:
    os.fsync = watch(os.fsync)
"""
"""Python imports this first: it notes how long the log was that was synced."""


def test_what_streams_is_synced_while_it_streams(start: Starter, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCHED)
    where, syncs = tmp_path / "kimitap.db", tmp_path / "syncs"
    syncs.touch()
    log = where.with_name("kimitap.db-wal")
    go_on = threading.Semaphore(0)

    def play(peer: Peer) -> None:
        peer.stream_head()
        for number in range(4):
            peer.chunk(b"data: %d\n\n" % number)
            assert go_on.acquire(timeout=120)
        peer.chunk(b"")

    def all_synced() -> bool:
        lengths = syncs.read_text().split()
        return bool(lengths) and int(lengths[-1]) == log.stat().st_size

    variables = {"PYTHONPATH": str(tmp_path), "KIMITAP_TEST_SYNCS": str(syncs)}
    with upstream() as server:
        server.on("/stream", play)
        proxy = start(server.url, where, wait=False, **variables)
        proxy.said("Kimitap records", 120)
        client = Client(proxy.port).send(request_bytes("/stream", b"{}"))
        for number in range(4):
            before = log.stat().st_size if log.exists() else 0
            client.until(b"data: %d\n\n" % number)
            wait_for(lambda size=before: log.stat().st_size > size, "what streamed", 60)
            wait_for(all_synced, "its sync", 60)
            go_on.release()
        client.rest()
        proxy.stop()
    assert len(syncs.read_text().split()) >= 4
