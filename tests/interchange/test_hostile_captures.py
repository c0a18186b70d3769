"""Captures that are cut, of wrong types, nested deep or very large: one line each, never more."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kimitap.errors import CaptureError
from kimitap.exchange import Exchange
from kimitap.interchange.incoming import adding
from kimitap.interchange.incoming.record import LeftOut
from kimitap.interchange.outgoing.har import har
from kimitap.interchange.outgoing.jsonl import lines
from kimitap.store import Recording, RecordingWriter
from tests.support.captured import every_kind
from tests.support.checks import HOSTILE
from tests.support.commands import Command

SAMPLES = Path(__file__).parent / "samples"
KEY = b"a key for tests"
WRONG: tuple[object, ...] = (
    *(None, True, -1, 2**70, 1e308, "", "\ud800", HOSTILE, [], [[]], {}, {"a": {}}),
)


def kinds() -> dict[str, bytes]:
    return {
        "har": "".join(har(every_kind())).encode(),
        "jsonl": "".join(lines(every_kind())).encode(),
        "claude-tap": (SAMPLES / "claude-tap-events.jsonl").read_bytes(),
        "claude-tap bundle": (SAMPLES / "claude-tap.compact.json").read_bytes(),
        "kvprof": next((SAMPLES / "kvprof").iterdir()).read_bytes(),
    }


def imported(paths: Iterable[Path], where: Path, kind: str) -> int:
    """Import what may be broken, into one recording, each under an origin of its own: what cannot
    be read is refused in one line, and the rest is kept; how much that is."""
    count = 0
    with RecordingWriter(str(where)) as writer:
        for path in paths:
            try:
                found = list(adding.READERS[kind](path, KEY))
            except CaptureError as error:
                assert "\n" not in str(error)
                continue
            for one in found:
                count += 1
                if isinstance(one, Exchange):
                    assert writer.add(replace(one, origin=f"{count}"))
    with Recording.open(str(where)) as recording:
        return len(list(recording.exchanges()))


@pytest.mark.parametrize("kind", kinds())
def test_a_file_cut_anywhere_is_refused_or_read_in_part(kind: str, tmp_path: Path) -> None:
    data = kinds()[kind]
    path = tmp_path / "x"

    def cut() -> Iterator[Path]:
        for at in [*range(40), *random.Random(1).sample(range(len(data)), 30)]:
            path.write_bytes(data[:at])
            yield path

    imported(cut(), tmp_path / "x.db", kind)


@pytest.mark.parametrize("kind", kinds())
def test_values_of_wrong_types_anywhere_are_no_crash(kind: str, tmp_path: Path) -> None:
    text = kinds()[kind].decode()
    by_line = kind in ("jsonl", "claude-tap")
    value = json.loads(text.splitlines()[0] if by_line else text)
    places = list(_places(value))
    luck = random.Random(2)
    path = tmp_path / "x"

    def spoilt() -> Iterator[Path]:
        for place in luck.sample(places, min(len(places), 100)):
            path.write_text(json.dumps(_with(value, place, luck.choice(WRONG))))
            yield path

    assert imported(spoilt(), tmp_path / "x.db", kind) > 10, "hardly anything was read"


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
def test_deep_nesting_is_no_crash(kind: str, depth: int, tmp_path: Path) -> None:
    deep = "[" * depth + "]" * depth
    path = tmp_path / "x"

    def nested() -> Iterator[Path]:
        entries = f'{{"log":{{"entries":[{deep}]}}}}'
        for text in (deep, entries, f'{{"kimitap":1,"request":{deep}}}'):
            path.write_text(text)
            yield path

    assert imported(nested(), tmp_path / "x.db", kind) == 0


def test_hostile_words_of_a_capture_reach_no_terminal(kimitap: Command, tmp_path: Path) -> None:
    value = json.loads(next(iter(lines(every_kind()[:1]))))
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(value | {"started_at": HOSTILE}) + "\n" + json.dumps(value))
    done = kimitap("import", path, "--db", tmp_path / "x.db")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr and "\u202e" not in done.stderr


def test_hostile_words_are_stored_as_they_are(tmp_path: Path) -> None:
    one = replace(every_kind()[0], reason=HOSTILE, detail=HOSTILE, method=f"GET{HOSTILE}\0")
    writes: dict[str, Callable[[Any], Any]] = {"har": har, "jsonl": lines}
    for kind, write in writes.items():
        path, where = tmp_path / kind, tmp_path / f"{kind}.db"
        path.write_text("".join(write([one])), encoding="utf-8")
        assert imported([path], where, kind) == 1
        with Recording.open(str(where)) as recording:
            assert recording.exchange(1).reason == HOSTILE


@pytest.mark.parametrize("word", ["../../etc/passwd", "https://[", "http://user:secret@h/"])
def test_odd_addresses_are_left_out_or_masked(word: str, tmp_path: Path) -> None:
    value = json.loads((SAMPLES / "claude-tap.jsonl").read_text().splitlines()[0])
    path = tmp_path / "x"
    path.write_text(json.dumps(value | {"upstream_base_url": word}))
    (one,) = adding.READERS["claude-tap"](path, KEY)
    assert isinstance(one, LeftOut) or "secret" not in repr(one)


@pytest.mark.parametrize("kind", ["har", "jsonl"])
def test_a_hundred_megabytes_are_read_in_bounded_memory(kind: str, tmp_path: Path) -> None:
    body = b"data: " + b"x" * 999_990 + b"\n\n"
    one = replace(every_kind()[1], response=body, segments=())
    many = (replace(one, number=i, origin=f"o{i}") for i in range(1, 101))
    path = tmp_path / "large"
    writes: dict[str, Callable[[Any], Any]] = {"har": har, "jsonl": lines}
    with path.open("w", encoding="utf-8") as file:
        file.writelines(writes[kind](many))
    assert path.stat().st_size > 100_000_000
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from kimitap.interchange.incoming import adding, detect\n"
        "path = Path(sys.argv[1]); kind = detect.kind_of(path)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert adding.add(path, sys.argv[2], b'key', kind).added == 100\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    words = [sys.executable, "-c", code, str(path), str(tmp_path / "x.db")]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    grown_mb = int(done.stdout) / 1024
    assert grown_mb < (400 if kind == "har" else 200), grown_mb


def _places(value: object, at: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within."""
    yield at
    steps: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for step, inner in steps:
        yield from _places(inner, (*at, step))


def _with(value: Any, place: tuple[Any, ...], new: object) -> Any:
    """`value` with `new` at one place of it."""
    if not place:
        return new
    step, *rest = place
    made = list(value) if isinstance(value, list) else dict(value)
    made[step] = _with(value[step], tuple(rest), new)
    return made
