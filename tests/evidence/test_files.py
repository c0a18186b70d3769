"""The files of a report: each says what the new recording says, and none holds a secret."""

import base64
import html
import json
import os
import shlex
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kimitap.cli import run
from kimitap.evidence import Wanted, subject_at, write_report
from kimitap.evidence.bounded import MOST, blocks_of, bounded
from kimitap.evidence.script import script
from kimitap.exchange import Body, Exchange, Outcome
from kimitap.interchange.outgoing.jsonl import lines
from kimitap.places import parse_place
from kimitap.redact import Level
from kimitap.rules import RULES
from kimitap.store import Recording
from tests.support import chat, hostile_pages
from tests.support.evidence import analysed, read, reported
from tests.support.examples import _in_turn as exchanges_of
from tests.support.recorded import OPENING, READ, TOOLS, lost, next_turn

BASH = shutil.which("bash")
NAMES = ["SHA256SUMS", "bodies", "exchanges.jsonl", "recording.db", "redactions.md", "replay.sh"]
NAMES += ["report.html", "report.md"]


def test_a_report_has_all_its_files_for_its_owner_only(tmp_path: Path) -> None:
    done, folder = reported(tmp_path, lost())
    assert done.rule == "tool-turn-lost"
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    for path in folder.rglob("*"):
        wanted = 0o700 if path.is_dir() or path.name == "replay.sh" else 0o600
        assert path.stat().st_mode & 0o777 == wanted, path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum here")
def test_whoever_gets_a_report_can_see_whether_a_file_was_changed(tmp_path: Path) -> None:
    _, folder = reported(tmp_path, lost())
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    listed = (folder / "SHA256SUMS").read_text().splitlines()
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {line.split("  ")[1] for line in listed} == files - {"SHA256SUMS"}
    assert subprocess.run(command, cwd=folder, capture_output=True).returncode == 0
    with (folder / "exchanges.jsonl").open("a") as file:
        file.write("{}\n")
    assert subprocess.run(command, cwd=folder, capture_output=True).returncode == 1


def test_the_recording_opens_by_itself_and_shows_the_finding_there(tmp_path: Path) -> None:
    _, folder = reported(tmp_path, [*lost(), next_turn(4, "On Friday.")])
    with read(str(folder / "recording.db")) as analysis:
        assert sorted(analysis.turns) == [1, 2]
        assert ("tool-turn-lost", 2) in {(f.rule, f.place.exchange) for f in analysis.findings}
    page = (folder / "report.md").read_text()
    assert page.startswith("## tool-turn-lost")
    assert "Exchanges are numbered anew: 1 was 2, 2 was 3." in page
    assert "2 of the session's 4 exchanges are in recording.db" in page
    assert "request 2" in page and "request 3" not in page, "numbers are the new recording's"


def test_the_whole_session_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    turns = [*lost(), next_turn(4, "On Friday.")]
    done, _ = reported(tmp_path, turns, wanted=Wanted(whole=True))
    assert (done.exchanges, done.of) == (4, 4)


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_the_first_line_says_what_was_lost_by_whom_and_where(tmp_path: Path, name: str) -> None:
    _, folder = reported(tmp_path, [*lost(), next_turn(4, "On Friday.")])
    text = html.unescape((folder / name).read_text())
    first = text.splitlines()[0] if name == "report.md" else text.partition("<h1>")[2]
    assert first.removeprefix("## ").startswith("tool-turn-lost: the agent's side, request 2 (")


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_the_commands_of_a_page_show_the_finding_where_they_are_typed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that need no terminal and no server, in the folder, with nothing else there."""
    _, folder = reported(tmp_path, [*lost(), next_turn(4, "On Friday.")])
    text = html.unescape((folder / name).read_text()).partition("How to reproduce it")[2]
    lines = [line for line in text.splitlines() if line.startswith("kimitap ")]
    typed = [shlex.split(line, comments=True)[1:] for line in lines]
    commands = [words for words in typed if len(words) > 1]
    assert [words[0] for words in commands] == ["check", "diff"]
    monkeypatch.chdir(folder)
    assert [run(words) for words in commands] == [1, 0]
    assert capsys.readouterr().out.count("tool-turn-lost") >= 2


def test_a_place_without_findings_has_a_report_that_says_so(tmp_path: Path) -> None:
    with read("sessions/healthy-tool-turn.db") as analysis:
        subject = subject_at(analysis, parse_place("2"))
        done = write_report(analysis, subject, tmp_path / "report")
    page = (tmp_path / "report" / "report.md").read_text()
    assert done.rule == "" and done.exchanges == 3
    assert "Kimitap found nothing wrong" in page


def test_of_a_long_healthy_thread_the_last_exchanges_are_kept(tmp_path: Path) -> None:
    turns = [*lost()[:1], *(chat_turn(n) for n in range(2, 62))]
    with analysed(tmp_path / "whole.db", turns) as analysis:
        subject = replace(subject_at(analysis), finding=None, place=parse_place("s1"))
        done = write_report(analysis, subject, tmp_path / "report", Wanted(level=Level.NONE))
        early = replace(subject, exchange=2)  # the last turn of a thread that ended long before
        other = write_report(analysis, early, tmp_path / "early", Wanted(level=Level.NONE))
    assert (done.exchanges, done.of) == (50, 61)
    assert (other.exchanges, other.of) == (51, 61)


def chat_turn(number: int) -> Exchange:
    """A turn that goes on with the first one of `lost`, which was answered often."""
    messages = orjson.loads(lost()[0].request.content)["messages"]
    asks = [chat.assistant("I read them.", READ), chat.result("Ada owns it.", "c1")]
    told = [m for n in range(number - 2) for m in (chat.assistant(f"{n}?"), chat.user(f"{n}!"))]
    request = chat.request(*messages, *asks, *told, tools=TOOLS)
    answer = chat.choice(chat.assistant(f"{number - 2}?"))
    return chat.exchange(number, request, answer, stream=True)


def test_a_request_that_has_not_ended_is_reported_as_it_stands(tmp_path: Path) -> None:
    *before, last = lost()
    under_way = replace(
        last, outcome=Outcome.IN_FLIGHT, response=b"", segments=(), ended_at=None, status=None
    )
    done, folder = reported(tmp_path, [*before, under_way])
    assert done.rule == "tool-turn-lost"
    with Recording.open(str(folder / "recording.db")) as recording:
        assert recording.exchange(2).outcome is Outcome.INTERRUPTED


def test_a_finding_that_masking_hides_is_said_to_be_hidden(tmp_path: Path) -> None:
    """A word that the finding lives on, masked by the user."""
    leaky = chat.choice(chat.assistant("Yes.<|im_end|>"))
    one = chat.exchange(1, chat.request(*OPENING), leaky, stream=True)
    wanted = Wanted(also=("<|im_end|>",))
    done, folder = reported(tmp_path, [one], wanted=wanted)
    assert done.rule == "" and done.unshown.startswith("special-token-in-content (")
    page = (folder / "report.md").read_text()
    assert "Not shown by the recording alone" in page
    assert b"im_end" not in b"".join(
        p.read_bytes() for p in folder.glob("*.*") if p.suffix != ".db"
    )


# --- no secret leaves ---------------------------------------------------------------------------

KEY = "sk-proj-Zx8Kq2Lm5Np7Rt9Vw3Yb6Dc1Fg4Hj"
MAIL = "ada.lovelace@analytical-engine.org"
HOME = "/home/adalovelace/secret-project"
WORD = "Bletchley"


def leaky() -> Iterator[Exchange]:
    """The lost turn, with secrets in headers, address, prompt, arguments, results and streams."""
    secrets = f"key {KEY}, mail {MAIL}, file {HOME}/a.py, at {WORD}"
    headers = (("User-Agent", f"agent ({MAIL})"), ("X-Trace", f"{HOME}/x"))
    asks = chat.assistant(f"I use {secrets}.", chat.call("run", {"cmd": f"echo {secrets}"}, "c1"))
    opening = (chat.system(secrets), chat.user(secrets))
    second = [*opening, chat.assistant(""), chat.user(f"Go on. {secrets}")]
    tools = (chat.tool("run", cmd={"type": "string", "description": secrets}),)
    for number, messages in ((1, opening), (2, second)):
        made = chat.exchange(
            number,
            chat.request(*messages, tools=tools),
            chat.choice(asks),
            stream=True,
            headers=headers,
            path=f"/v1/chat/completions?api_key={KEY}",
        )
        yield replace(made, detail=f"for {MAIL}", host=f"gpu.{WORD.lower()}.example")


def all_bytes(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's bytes; of the recording also what its compressed pieces hold."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()
    with Recording.open(str(folder / "recording.db")) as recording:
        for one in recording.exchanges():
            heads = "".join(f"{k}: {v}\n" for k, v in (*one.request_headers, *one.response_headers))
            for part in (one.request.content, one.response, heads.encode(), one.path.encode()):
                yield f"exchange {one.number}", part
            yield f"exchange {one.number}", f"{one.host} {one.client} {one.detail}".encode()


@pytest.mark.parametrize("level", [Level.SECRETS, Level.TEXT])
def test_no_secret_is_in_any_file(tmp_path: Path, level: Level) -> None:
    done, folder = reported(tmp_path, leaky(), wanted=Wanted(level=level, also=(WORD,)))
    assert done.masked > 10
    for secret in (KEY, MAIL, HOME, WORD, WORD.lower(), "adalovelace", "analytical-engine"):
        spelled = {secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1]}
        spelled.add(base64.b64encode(secret.encode()).decode().rstrip("="))
        for name, data in all_bytes(folder):
            assert not [s for s in spelled if s.encode() in data], (secret, name)


def test_the_secrets_are_there_where_nothing_is_to_be_masked(tmp_path: Path) -> None:
    _, folder = reported(tmp_path, leaky(), wanted=Wanted(level=Level.NONE))
    assert MAIL.encode() in (folder / "report.html").read_bytes()
    assert KEY.encode() in (folder / "exchanges.jsonl").read_bytes()
    page = (folder / "report.md").read_text()
    assert KEY not in page and MAIL not in page, "the page to paste is masked whatever is said"
    assert "Make the report anew without" in (folder / "redactions.md").read_text()


def test_what_was_masked_is_told_by_kind_and_place(tmp_path: Path) -> None:
    done, folder = reported(tmp_path, leaky())
    page = (folder / "redactions.md").read_text()
    for kind in ("token", "e-mail address", "home path"):
        assert f"`{kind}`" in page
    assert "| 1 | `request header User-Agent` | `e-mail address` | 1 |" in page
    assert f"({done.masked} places, see redactions.md)" in (folder / "report.html").read_text()


@pytest.mark.parametrize("level", list(Level))
def test_the_finding_stays_at_every_level(tmp_path: Path, level: Level) -> None:
    done, _ = reported(tmp_path, leaky(), wanted=Wanted(level=level))
    assert done.rule == "tool-turn-lost" and done.unshown == ""


# --- the page to paste --------------------------------------------------------------------------


@pytest.mark.parametrize("level", [Level.NONE, Level.SECRETS])
def test_a_hostile_session_makes_no_markup_on_the_page(tmp_path: Path, level: Level) -> None:
    _, folder = reported(tmp_path, hostile_pages.session(), wanted=Wanted(level=level))
    for name in ("report.md", "redactions.md"):
        text = (folder / name).read_text()
        parser = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
        tokens = [t for token in parser.parse(text) for t in (token, *(token.children or ()))]
        kinds = {token.type for token in tokens}
        assert not kinds & {"html_block", "html_inline", "image", "link_open"}, name
        headings = [
            t.content for t, h in zip(tokens[1:], tokens, strict=False) if h.type == "heading_open"
        ]
        assert not [h for h in headings if h in {"heading", "evil"}]
        assert "@admin" not in "".join(t.content for t in tokens if t.type == "text")


def test_the_page_keeps_to_the_trackers_bound_and_says_what_is_left_out(tmp_path: Path) -> None:
    words = "word " * 2000
    opening = [*OPENING, *(chat.user(f"{n} {words}") for n in range(40))]
    asks = chat.assistant("I read.", chat.call("read_file", {"path": words}, "c1"))
    changed = [OPENING[0], *(chat.user(f"{n} other {words}") for n in range(41))]
    exchanges = [
        chat.exchange(1, chat.request(*opening), chat.choice(asks), stream=True),
        chat.exchange(
            2,
            chat.request(*opening, chat.assistant(""), *changed),
            chat.choice(chat.assistant("?")),
            stream=True,
        ),
    ]
    _, folder = reported(tmp_path, exchanges)
    page = (folder / "report.md").read_text()
    assert 20_000 < len(page) <= MOST < 65_536
    assert "left out for its length" in page
    assert page.rstrip().splitlines()[-1].startswith("_Made by Kimitap")
    assert "### How to reproduce it" in page


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab\n `|#", max_size=2000), max_size=12), st.integers(200, 3000))
def test_what_is_bounded_is_never_too_long(texts: list[str], most: int) -> None:
    blocks = [text.strip("\n") for text in texts if text.strip("\n")]
    made = bounded(blocks, most)
    assert len(made) <= most
    if sum(len(block) + 2 for block in blocks) <= most:
        assert made == "\n\n".join(blocks) + "\n"


def test_a_fence_is_one_block_whatever_is_in_it() -> None:
    text = "# a\n\n````text\nx\n\n```\n\ny\n````\n\nend"
    assert list(blocks_of(text)) == ["# a", "````text\nx\n\n```\n\ny\n````", "end"]


# --- lines of JSON ------------------------------------------------------------------------------


def test_a_line_holds_the_exchange_bodies_as_what_they_are(tmp_path: Path) -> None:
    _, folder = reported(tmp_path, lost())
    told = [json.loads(one) for one in (folder / "exchanges.jsonl").read_text().splitlines()]
    with Recording.open(str(folder / "recording.db")) as recording:
        known = list(recording.exchanges())
    assert [one["number"] for one in told] == [1, 2]
    for one, exchange in zip(told, known, strict=True):
        assert one["request"]["text"].encode() == exchange.request.content
        assert one["response"]["text"].encode() == exchange.response
        assert sum(length for _, length in one["segments"]) == len(exchange.response)
        assert one["request_headers"][0] == list(exchange.request_headers[0])
        assert one["outcome"] == "complete" and one["started_at"].endswith("+00:00")


def test_the_lines_are_read_back_as_the_exchanges_that_they_are(tmp_path: Path) -> None:
    _, folder = reported(tmp_path, lost())
    assert run(["import", str(folder / "exchanges.jsonl"), "--db", str(tmp_path / "back.db")]) == 0
    with (
        Recording.open(str(folder / "recording.db")) as ours,
        Recording.open(str(tmp_path / "back.db")) as theirs,
    ):
        for one, other in zip(ours.exchanges(), theirs.exchanges(), strict=True):
            assert one.request.content == other.request.content
            assert (one.response, one.outcome) == (other.response, other.outcome)
            assert list(one.segments) == list(other.segments)


@given(st.binary(max_size=200))
def test_any_body_is_one_line_that_gives_it_back(body: bytes) -> None:
    exchange = replace(lost()[0], request=Body.whole(body))
    told = "".join(lines([exchange])).encode()
    assert told.count(b"\n") == 1
    given = json.loads(told)["request"]
    match given:
        case {"base64": text}:
            assert base64.b64decode(text) == body
        case {"text": text}:
            assert text.encode() == body
        case _:
            assert body == b""


def test_a_header_that_is_no_unicode_makes_no_line_fail() -> None:
    exchange = replace(lost()[0], request_headers=(("X-A", "\udcff"),))
    assert json.loads("".join(lines([exchange])))["number"] == 1


# --- the script ---------------------------------------------------------------------------------


def sent_by(folder: Path, *words: str, **env: str) -> tuple[list[list[str]], str, int]:
    """What the script hands to a `curl` of ours: the words of each call."""
    if BASH is None:
        pytest.skip("there is no bash: the script that replays is not tested")
    tools = folder.parent / "bin"
    tools.mkdir(exist_ok=True)
    fake = tools / "curl"
    fake.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" | od -An -v -tx1 | tr -d ' \\n'; echo\n")
    fake.chmod(0o700)
    done = subprocess.run(
        [str(folder / "replay.sh"), *words],
        env={"PATH": f"{tools}:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    calls = [bytes.fromhex(one).decode().split("\0")[:-1] for one in done.stdout.split()]
    return calls, done.stderr, done.returncode


def test_the_script_sends_the_requests_to_the_server_that_is_named(tmp_path: Path) -> None:
    keyed = [
        replace(one, request_headers=(("Authorization", "Bearer [masked:1f2e3d4c]"),))
        for one in lost()
    ]
    _, folder = reported(tmp_path, keyed)
    calls, said, status = sent_by(folder, BASE_URL="http://h:1/", API_KEY="mine")
    assert (len(calls), status) == (2, 0)
    assert "http://h:1/v1/chat/completions" in calls[0]
    assert "Authorization: Bearer mine" in calls[0]
    assert calls[1][calls[1].index("--data-binary") + 1] == "@bodies/2.json"
    with Recording.open(str(folder / "recording.db")) as recording:
        for number in (1, 2):
            body = (folder / "bodies" / f"{number}.json").read_bytes()
            assert body == recording.exchange(number).request.content
    assert "== exchange 1" in said


def test_a_real_curl_sends_the_very_bytes(tmp_path: Path) -> None:
    if shutil.which("curl") is None or BASH is None:
        pytest.skip("there is no curl, or no bash: what a server would get is not tested")
    _, folder = reported(tmp_path, lost())
    got: list[tuple[str, bytes]] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Takes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/prefix/"
        env = {**os.environ, "BASE_URL": url, "no_proxy": "*"}
        subprocess.run([str(folder / "replay.sh")], env=env, check=True, capture_output=True)
        server.shutdown()
    with Recording.open(str(folder / "recording.db")) as recording:
        known = [one.request.content for one in recording.exchanges()]
    assert got == [("/prefix/v1/chat/completions", body) for body in known]


def test_the_script_sends_only_the_exchanges_that_are_named(tmp_path: Path) -> None:
    _, folder = reported(tmp_path, lost())
    calls, _, status = sent_by(folder, "2")
    assert (len(calls), status) == (1, 0)
    assert "http://127.0.0.1:8080/v1/chat/completions" in calls[0]
    _, said, status = sent_by(folder, "7")
    assert status == 2 and "there is no exchange 7" in said


def test_nothing_recorded_acts_in_the_script(tmp_path: Path) -> None:
    """Commands in headers and path, a header that curl would read a file for, another host."""
    trick = "`touch pwned` $(touch pwned) ; touch pwned ' \" \n & touch pwned"
    odd = [
        replace(
            one,
            path=f"@evil.example/{trick}",
            method="POST" if one.number > 1 else "PO$(touch pwned)ST",
            request_headers=(("X-A", trick), ("@/etc/passwd", "x"), ("-o", "pwned")),
        )
        for one in lost()
    ]
    text = "".join(script(odd))
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "replay.sh").write_text(text)
    (folder / "replay.sh").chmod(0o700)
    calls, said, status = sent_by(folder)
    assert (len(calls), status) == (3, 0), said
    assert not list(tmp_path.rglob("pwned"))
    for call in calls:
        url = call[call.index("--globoff") + 1]
        assert url.startswith("http://127.0.0.1:8080/@evil.example/")
        headers = [call[i + 1] for i, word in enumerate(call) if word == "-H"]
        assert not [h for h in headers if h.startswith("@")]


def test_every_rules_report_has_the_rule_in_its_title(tmp_path: Path) -> None:
    """One flawed example each: also where the finding is in a first request."""
    for rule in RULES[::4]:
        example = next(e for e in rule.examples if e.expected)
        with analysed(tmp_path / f"{rule.name}.db", exchanges_of(example.exchanges)) as analysis:
            found = next(f for f in analysis.findings if f.rule == rule.name)
            subject = subject_at(analysis, parse_place(str(found.place.exchange)))
            assert subject.finding is not None
            write_report(analysis, replace(subject, finding=found), tmp_path / rule.name)
        title = (tmp_path / rule.name / "report.md").read_text().splitlines()[0]
        assert rule.name in title
