"""`kimitap report`: one folder or zip that others can check."""

import zipfile
from pathlib import Path

import orjson
import pytest

from kimitap.cli import run
from kimitap.exchange import Exchange
from kimitap.store import Recording
from tests.support.evidence import leaky_session
from tests.support.leaking_server import answering, leaking
from tests.support.recorded import record

LOST = str(Path("sessions/lost-tool-turn.db").absolute())
HEALTHY = str(Path("sessions/healthy-tool-turn.db").absolute())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_place_the_worst_finding_is_reported_beside_the_user(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["report", LOST]) == 0
    said = capsys.readouterr().out
    assert said == ("kimitap-report-s1-2/  tool-turn-lost; 2 of 4 exchanges; nothing masked\n")
    assert Path("kimitap-report-s1-2/report.html").is_file()


@pytest.mark.parametrize(("place", "name"), [("4", "s1-4"), ("t1", "s1-2"), ("s1", "s1-2")])
def test_a_place_names_the_report(place: str, name: str) -> None:
    assert run(["report", LOST, place]) == 0
    assert [path.name for path in Path.cwd().iterdir()] == [f"kimitap-report-{name}"]


def test_a_name_that_ends_in_zip_is_a_zip_and_the_option_adds_the_ending() -> None:
    assert run(["report", LOST, "-o", "a.zip"]) == 0
    assert run(["report", LOST, "-o", "b", "--zip"]) == 0
    assert run(["report", LOST, "--zip"]) == 0
    names = sorted(path.name for path in Path.cwd().iterdir())
    assert names == ["a.zip", "b.zip", "kimitap-report-s1-2.zip"]


def test_a_zip_unpacks_beside_itself() -> None:
    assert run(["report", LOST, "-o", "a.ZIP"]) == 0
    with zipfile.ZipFile("a.ZIP") as archive:
        archive.extractall()
    assert Path("a/report.html").is_file()


def test_where_nothing_is_wrong_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", HEALTHY]) == 0
    assert "nothing wrong was found here" in capsys.readouterr().out


def test_secrets_are_masked_and_counted_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    record(Path("x.db"), leaky_session())
    assert run(["report", "x.db"]) == 0
    assert "masked (see redactions.md)" in capsys.readouterr().out
    page = next(Path.cwd().glob("kimitap-report-*")) / "report.html"
    assert "ada.lovelace" not in page.read_text()
    assert run(["report", "x.db", "--redact", "none", "-o", "open"]) == 0
    assert "ada.lovelace" in Path("open/report.html").read_text()
    assert run(["report", "x.db", "--mask", "sums", "-o", "named"]) == 0
    assert "sums" not in Path("named/exchanges.jsonl").read_text()


def test_the_whole_session_or_less_than_its_exchanges(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", LOST, "--whole", "-o", "whole"]) == 0
    assert "4 of 4 exchanges" in capsys.readouterr().out
    assert run(["report", LOST, "--shrink", "-o", "least"]) == 0
    whole, least = (Path(name, "exchanges.jsonl").stat().st_size for name in ("whole", "least"))
    assert least < whole / 4
    page = Path("least/report.md").read_text()
    assert "tool-turn-lost" in page.splitlines()[0]
    assert "messages, tools and texts is taken away" in page


def test_a_finding_that_the_user_graded_is_shrunk_too() -> None:
    grade = ("--grade", "tool-turn-lost=warning")
    assert run(["report", LOST, *grade, "--shrink", "-o", "least"]) == 0
    page = Path("least/report.md").read_text()
    assert "**warning, agent:**" in page and "texts is taken away" in page


def exchanges(folder: str) -> list[Exchange]:
    with Recording.open(f"{folder}/recording.db") as recording:
        return list(recording.exchanges())


@pytest.mark.parametrize("grade", [(), ("--grade", "tool-call-in-content=info")])
def test_a_live_server_is_asked_about_what_is_taken_away(
    grade: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """What its answer needs stays, and that answer is in the report, which says so."""
    words = ["report", "leak.db", "--shrink", "-o", "live", *grade]
    with answering(Path.cwd()) as (_, url, asked):
        assert run([*words, "--server", url, "-n", "2"]) == 0
    (left,) = exchanges("live")
    assert [tool["function"]["name"] for tool in orjson.loads(left.request.content)["tools"]] == [
        "read_file"
    ]
    assert left.request.content in asked and b'\\"path\\": \\"b\\"' in left.response
    for name in ("report.md", "report.html"):
        page = Path("live", name).read_text()
        assert "tool-call-in-content" in page and "a server gave it to this smaller request" in page
    assert run(["check", "live/recording.db", "--select", "tool-call-in-content", *grade]) == (
        0 if grade else 1
    )


def test_a_server_whose_answers_are_good_is_named_and_nothing_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with answering(Path.cwd(), leaks=False) as (_, url, asked):
        assert run(["report", "leak.db", "--shrink", "--server", url, "-n", "3", "-o", "live"]) == 2
    assert len(asked) == 3
    assert f"the answers of {url} do not show the tool-call-in-content" in capsys.readouterr().err
    assert [path.name for path in Path.cwd().iterdir()] == ["leak.db"]


def test_a_report_sends_nothing_beyond_this_machine_unasked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(Path("leak.db"), [leaking()])
    words = ["report", "leak.db", "--shrink", "--server", "https://example.invalid"]
    assert run(words) == 2
    assert "say --yes to send this to https://example.invalid" in capsys.readouterr().err


def test_the_choice_of_findings_decides_which_is_the_worst(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["report", LOST, "--ignore", "tool-turn-lost"]) == 0
    assert "tool-turn-lost" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.db"], "nowhere.db"),
        ([LOST, "99"], "exchange 99 is not in it"),
        ([LOST, "1", "2"], "one place at most"),
        ([LOST, "x"], "names no place"),
        ([LOST, "--whole", "--shrink"], "not both"),
        ([LOST, "--server", "http://127.0.0.1:9"], "--server goes with --shrink"),
        ([LOST, "-n", "5"], "-n and -k go with --server"),
        ([LOST, "--shrink", "--server", "http://127.0.0.1:9"], "no server is needed to show it"),
        ([HEALTHY, "--shrink", "--server", "http://127.0.0.1:9"], "nothing was found there"),
        ([LOST, "--shrink", "-k", "2"], "say -n 2 at least"),
        ([LOST, "--redact", "some"], "some"),
        ([LOST, "-o", "no/such/folder"], "there is no folder no/such"),
        ([LOST, "-o", LOST], "is there already"),
        ([LOST, "-o", LOST, "--force"], "is no report of Kimitap's"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path(LOST).read_bytes()
    assert run(["report", *words]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("kimitap: ") and told.err.count("\n") == 1
    assert said in told.err and told.out == ""
    assert list(Path.cwd().iterdir()) == [] and Path(LOST).read_bytes() == before


def test_a_second_report_asks_for_force(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", LOST]) == 0
    assert run(["report", LOST]) == 2
    assert "say --force" in capsys.readouterr().err
    assert run(["report", LOST, "--force"]) == 0


def test_a_recording_without_a_conversation_has_no_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(Path("empty.db"), [])
    assert run(["report", "empty.db"]) == 2
    assert "no conversation" in capsys.readouterr().err
