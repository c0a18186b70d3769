"""The report on a place, made from a real recording."""

from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.places import parse_place
from kimitap.report import report_on
from kimitap.store import Recording
from tests.support.chat import assistant, call, choice, exchange, request, result, tool, user
from tests.support.recorded import record

ASK, TOOLS = user("Read three files."), [tool("read_file")]


def thoughtless(path: Path) -> str:
    """Three replies with reasoning and a call; each comes back without its reasoning."""
    messages, exchanges = [ASK], []
    for n in (1, 2, 3):
        one = call("read_file", {"path": f"{n}.md"}, f"c{n}")
        reply = assistant(f"Step {n}.", one, reasoning_content=f"Why not {n}?")
        exchanges.append(exchange(n, request(*messages, tools=TOOLS), choice(reply)))
        messages += [assistant(f"Step {n}.", one), result("all is well", f"c{n}")]
    done = choice(assistant("Done."))
    exchanges.append(exchange(4, request(*messages, tools=TOOLS), done))
    return record(path, exchanges)


@pytest.mark.parametrize("place", ["1", "2", "3"])
def test_what_is_told_once_a_thread_is_in_the_report_on_each_request_that_shows_it(
    tmp_path: Path, place: str
) -> None:
    with Recording.open(thoughtless(tmp_path / "a.db")) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
        assert [f.place.exchange for f in analysis.findings] == [2]
        text = report_on(analysis, [parse_place(place)])
    assert text.startswith("## reasoning-dropped")
    assert "nothing wrong" not in text
