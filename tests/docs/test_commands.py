"""The commands of docs/{report,replay,diff,formats}.md, each typed as a user would, in a folder
that has what they name."""

import re
import shlex
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson
import pytest

from kimitap.cli import run
from kimitap.exchange import Exchange
from tests.support import chat
from tests.support.collector import collector
from tests.support.leaking_server import leaking
from tests.support.proxy import Peer, upstream
from tests.support.recorded import lost
from tests.support.recordings import recording

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "interchange" / "samples"
PAGES = ("report", "replay", "diff", "formats")
PATH = "/v1/chat/completions"


def commands(page: str) -> list[str]:
    """What the page's blocks tell a reader to type, without the remarks behind it."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    fenced = "\n".join(re.findall(r"(?s)```sh\n(.*?)```", text))
    lines = [*re.findall(r"(?m)^    (kimitap .*)$", text), *fenced.splitlines()]
    return [shlex.join(shlex.split(line, comments=True)) for line in lines if line.strip()]


TYPED = [(page, command) for page in PAGES for command in commands(page)]
FOR_EVER = "kimitap serve-recording"


class Place(NamedTuple):
    """What all commands find: a folder, and servers in the place of those that the pages name."""

    folder: Path
    servers: dict[str, str]


def answers(peer: Peer) -> None:
    """A model that calls a tool as text, in a stream where that is asked for."""
    said = '<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>'
    choice = {"message": chat.assistant(said), "finish_reason": "stop"}
    if orjson.loads(peer.body).get("stream"):
        peer.stream_head()
        peer.chunk(chat.stream_of(choice))
        peer.chunk(b"")
    else:
        peer.answer(orjson.dumps({"choices": [choice]}), extra="Content-Type: application/json\r\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("docs")
    with upstream() as one, upstream() as other, collector() as got:
        one.on(PATH, answers)
        other.on(PATH, answers)
        furnish(folder, one.url)
        servers = {
            "http://127.0.0.1:8080": one.url,
            "https://other.example": other.url,
            "http://127.0.0.1:4318": got.url,
        }
        yield Place(folder, servers)


def furnish(folder: Path, url: str) -> None:
    """Recordings, captures and a client's history, by the names that the pages have for them."""
    made = list(session(url))
    (folder / "sessions").mkdir()
    for name in ("run.db", "old.db", "sessions/kimitap.db"):
        recording(folder / name, made)
    recording(folder / "new.db", reversed_names(made))
    for name in ("monday", "tuesday"):
        (folder / name).mkdir()
        shutil.copy(folder / "old.db", folder / name / "run.db")
    assert run(["export", str(folder / "run.db"), "-o", str(folder / "run.har")]) == 0
    shutil.copy(SAMPLES / "claude-tap.jsonl", folder / "trace.jsonl")
    shutil.copytree(SAMPLES / "llama-prompts", folder / "prompts")
    history = [
        {"role": "user", "content": [{"type": "text", "text": "Sum up the notes."}]},
        {"role": "assistant", "content": [{"type": "text", "text": "It is said."}]},
    ]
    (folder / "api_conversation_history.json").write_bytes(orjson.dumps(history))


def session(url: str) -> Iterator[Exchange]:
    """42 exchanges: a leak in 3, turns of their own up to 39; 42 loses the reply of 41."""
    parts = urlsplit(url)
    own = [lone(number) for number in range(1, 40)]
    own[2] = replace(leaking(), number=3)
    broken = [replace(one, number=39 + one.number) for one in lost()]
    for one in [*own, *broken]:
        headers = (("X-Session-Id", f"run-{min(one.number, 40)}"),)
        yield replace(one, host="127.0.0.1", port=parts.port or 0, request_headers=headers)


def lone(number: int) -> Exchange:
    asked = chat.request(chat.system("Be terse."), chat.user(f"What is {number} and {number}?"))
    return chat.exchange(number, asked, chat.choice(chat.assistant(str(2 * number))), stream=True)


def reversed_names(made: Iterable[Exchange]) -> list[Exchange]:
    """The same runs with other words in their replies."""
    return [replace(one, response=one.response.replace(b"Ada", b"Bob")) for one in made]


@pytest.mark.parametrize(("page", "command"), TYPED, ids=[command for _, command in TYPED])
def test_a_command_of_the_page_does_what_it_says(
    page: str,
    command: str,
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if command.startswith(FOR_EVER):
        pytest.skip("it answers until Ctrl-C: tests/cli/test_serving.py types it")
    here = tmp_path / "here"
    shutil.copytree(place.folder, here)
    monkeypatch.chdir(here)
    monkeypatch.setenv("KIMITAP_DB", "run.db")
    monkeypatch.setenv("VISUAL", "sed -i s/kimi-k2/kimi-k3/")
    for named, stands in place.servers.items():
        command = command.replace(named, stands)
    typed = shlex.split(command)
    told = told_by(typed, capsys)
    assert told == 0 or (told == 1 and typed[1] in {"check", "belief"}), capsys.readouterr().err


def told_by(typed: list[str], capsys: pytest.CaptureFixture[str]) -> int:
    """The status; what a command says stands in the test's report where it fails."""
    assert typed[0] == "kimitap"
    return run(typed[1:])


def test_all_pages_have_commands() -> None:
    assert {page for page, _ in TYPED} == set(PAGES)
    assert len(TYPED) > 25
