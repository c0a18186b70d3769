"""Record a small recording with the Kimitap of another commit, and write down what is in it.

    git worktree add --detach /tmp/then COMMIT
    PYTHONPATH=/tmp/then python tests/store/old/make.py tests/store/old/SCHEMA.db

Each recording here was made so, and all hold the same: expected.json, which is written again each
time, as the Kimitap that wrote the recording reads it. Only what every Kimitap has had is used.
Before a new schema lands, add a recording of the one before.
"""

import json
import os
import random
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from kimitap.exchange import Body, Exchange, Outcome
from kimitap.store import Recording, RecordingWriter

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TEXT = "file line error path def return import class test value list string number open"
WORDS = TEXT.split()


def main(where: Path) -> None:
    """Make the recording, and expected.json beside it."""
    child = os.fork()
    if not child:
        write(str(where))
    os.waitpid(child, 0)
    with closing(sqlite3.connect(where)) as database, database:
        database.execute("UPDATE recorder SET host = 'then', pid = 1, process_started = ''")
    lines = json.dumps(said(str(where)), separators=(",", ":")).replace('{"number"', '\n{"number"')
    where.with_name("expected.json").write_text(lines + "\n")


def write(where: str) -> None:
    """A conversation that grows, odd exchanges, a loss, and one that is left in flight."""
    random_ = random.Random(9551)
    writer = RecordingWriter(where)
    messages = [{"role": "system", "content": prose(random_, 150)}]
    for turn in range(12):
        messages.append({"role": "user", "content": prose(random_, 30)})
        body = json.dumps({"model": "m", "messages": messages, "stream": True}).encode()
        number = writer.begin(exchange(body, turn))
        writer.respond(
            number, 200, "OK", (("Server", "llama.cpp"),), "HTTP/1.1", START + timedelta(seconds=9)
        )
        parts = stream(random_, turn)
        writer.append(number, parts[:4])
        writer.append(number, parts[4:])
        ended_at = START + timedelta(seconds=60 * turn + 30)
        writer.finish(number, Outcome.COMPLETE, "", ended_at)
        messages.append({"role": "assistant", "content": prose(random_, 10)})
    number = writer.begin(exchange(b"\x00not json\xff", 800, method="PUT", path="/x?y=\x7f"))
    writer.finish(number, Outcome.REFUSED, "nobody there", START + timedelta(seconds=801))
    number = writer.begin(exchange(b"", 900, method="GET", path="/v1/models"))
    writer.respond(number, 404, "Not Found", (), "HTTP/1.1", START + timedelta(seconds=901))
    writer.append(number, [(0.5, b"{}")])
    writer.finish(
        number, Outcome.CLIENT_HUNG_UP, "after 2 bytes", START + timedelta(seconds=902), 7
    )
    writer.lose(3, "the disk was full", START + timedelta(seconds=903))
    number = writer.begin(exchange(b'{"messages": []}', 1000))
    writer.respond(number, 200, "OK", (), "HTTP/1.1", START + timedelta(seconds=1001))
    writer.append(number, stream(random_, 99)[:3])
    os._exit(0)  # as by a recorder that was killed


def exchange(body: bytes, second: int, **more: str) -> Exchange:
    """A request as it arrives."""
    values = {"method": "POST", "path": "/v1/chat/completions"} | more
    return Exchange(
        number=0,
        started_at=START + timedelta(seconds=60 * second),
        scheme="http",
        host="127.0.0.1",
        port=8080,
        request_headers=(("Host", "127.0.0.1:9090"), ("Content-Length", str(len(body)))),
        request=Body.whole(body),
        client="127.0.0.1:50000",
        **values,
    )


def stream(random_: random.Random, turn: int) -> list[tuple[float, bytes]]:
    """The parts of a streamed reply: seconds and bytes."""
    texts = [{"id": f"c{turn}", "choices": [{"delta": {"content": w}}]} for w in WORDS]
    random_.shuffle(texts)
    events = [b"data: " + json.dumps(text).encode() + b"\n\n" for text in texts]
    return [(round(0.25 + 0.02 * at, 4), event) for at, event in enumerate(events)]


def prose(random_: random.Random, words: int) -> str:
    """Text."""
    return " ".join(random_.choice(WORDS) for _ in range(words))


def said(where: str) -> dict[str, object]:
    """What the recording at `where` holds, in JSON."""
    with Recording.open(where) as recording:
        return {
            "exchanges": [plain(exchange) for exchange in recording.exchanges()],
            "in_flight": recording.in_flight(),
            "losses": [
                [loss.at.isoformat(), loss.count, loss.reason] for loss in recording.losses()
            ],
        }


def digest(data: bytes) -> str:
    return f"{len(data)} bytes, {sha256(data).hexdigest()}"


def plain(exchange: Exchange) -> dict[str, object]:
    """Everything of an exchange."""
    times = (exchange.started_at, exchange.headers_at, exchange.ended_at)
    return {
        "number": exchange.number,
        "times": [time and time.isoformat() for time in times],
        "request": [exchange.method, exchange.scheme, exchange.host, exchange.port, exchange.path],
        "request_headers": [list(pair) for pair in exchange.request_headers],
        "request_body": digest(exchange.request.content),
        "arrays": [[repr(run.name), run.start, run.stop] for run in exchange.request.elements],
        "client": exchange.client,
        "http_version": exchange.http_version,
        "ended": [exchange.outcome.value, exchange.detail, exchange.lost_bytes],
        "status": [exchange.status, exchange.reason],
        "response_headers": [list(pair) for pair in exchange.response_headers],
        "response": digest(exchange.response),
        "segments": [[segment.at_s, segment.length] for segment in exchange.segments],
        "origin": exchange.origin,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
