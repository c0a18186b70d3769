"""Before anything leaves this machine, three commands ask the same question in the same way."""

from io import StringIO
from pathlib import Path

import pytest

from kimitap.cli import run
from tests.support.recorded import lost, next_turn, record

AWAY = "http://model.invalid"
HINT = "say one like http://127.0.0.1:8080\n"
COMMANDS = [
    ["replay", "a.db", "3", "--server", AWAY],
    ["shrink", "a.db", "4", "-o", "small.db", "--server", AWAY],
    ["export", "a.db", "--format", "otlp", "--endpoint", AWAY],
]


class Terminal(StringIO):
    """Somebody at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "a.db", [*lost(), next_turn(4, "It ships.<|im_end|>")])


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_no_sends_nothing(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(words) == 2
    said = capsys.readouterr().err
    assert AWAY in said
    assert "? [y/N]" in said
    assert said.endswith("kimitap: nothing was sent\n")


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_where_nobody_can_be_asked_nothing_is_sent(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    assert run(words) == 2
    said = capsys.readouterr().err
    assert said.endswith(f"kimitap: nobody can be asked here: say --yes to send this to {AWAY}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["replay", "a.db", "3", "--server", "http://["],
        ["shrink", "a.db", "4", "-o", "small.db", "--server", "http://["],
        ["check", "a.db", "--ask-server", "http://["],
        ["run", "--upstream", "http://[", "--db", "b.db", "--", "true"],
    ],
    ids=lambda words: words[0],
)
def test_half_an_address_is_one_clear_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert capsys.readouterr().err.endswith("kimitap: http://[ is no server's address: " + HINT)


def test_a_key_in_an_address_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    server = f"{AWAY}/v1?api_key=sk-very-secret&x=1"
    assert run(["replay", "a.db", "3", "--server", server]) == 2
    said = capsys.readouterr()
    assert "x=1" in said.out
    assert "very-secret" not in said.out + said.err
