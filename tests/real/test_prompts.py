"""What a real llama-server renders from recorded requests, and what its template leaves out."""

from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.asking import Server, ask, wanted
from kimitap.demo import history
from kimitap.prompt import Subject, seen
from kimitap.store import Recording
from kimitap.tui.app import Kimitap
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.turn.screen import TurnScreen
from kimitap.tui.widgets.text_pane import TextPane
from tests.support import openai_agent
from tests.support.llama import serve
from tests.support.middle import Middle

PLAIN = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content or '' }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A template that knows of no tools, as SmolLM2's own."""


@pytest.fixture
def recorded(middle: Middle, tmp_path: Path) -> str:
    """A healthy loop of an agent, with thoughts, calls and results."""
    folder = tmp_path / "work"
    folder.mkdir()
    openai_agent.run(middle.client(), history.healthy, folder)
    middle.analysis()
    return str(middle.database)


def learnt(where: str, url: str, every: bool = True) -> Analysis:
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        numbers = wanted(analysis.threads, analysis.findings, every)
        prompts, refused = ask(Server(url), {n: analysis.body(n) for n in numbers})
        assert refused == {}
        analysis.learn(prompts)
    return analysis


def test_the_models_own_template_hides_nothing(recorded: str, llama: str) -> None:
    analysis = learnt(recorded, llama)
    turns = analysis.turns.values()
    assert all(turn.reply.prompt for turn in turns)
    assert analysis.findings == ()
    last = max(turns, key=lambda turn: turn.exchange)
    found = seen(last, last.reply.prompt)
    assert {tick.subject for tick in found.ticks if tick.present} == set(Subject)
    assert None not in found.places


def test_a_template_without_tools_hides_calls_and_tools(
    recorded: str, llama: str, tmp_path: Path
) -> None:
    template = tmp_path / "plain.jinja"
    template.write_text(PLAIN)
    with serve(tmp_path / "plain.log", "--chat-template-file", str(template)) as url:
        analysis = learnt(recorded, url, every=False)
    found = [f for f in analysis.findings if f.rule == "hidden-from-model"]
    assert {f.severity.value for f in found} == {"error"}
    told = " ".join(f.message for f in found)
    assert "tool call" in told
    assert "may call them" in told


async def test_the_screens_show_what_the_template_leaves_out(
    recorded: str, llama: str, tmp_path: Path
) -> None:
    template = tmp_path / "plain.jinja"
    template.write_text(PLAIN)
    with serve(tmp_path / "plain.log", "--chat-template-file", str(template)) as url:
        source = RecordingSource(recorded, server=url)
        app = Kimitap(source)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await settle(app, pilot)
            await settle(app, pilot)
            assert {f.rule for f in app.view.findings} == {"hidden-from-model"}
            assert [n.severity for n in app._notifications] == ["information"]
            await pilot.press("n", "p")
            await settle(app, pilot)
            assert isinstance(app.screen, TurnScreen)
            pane = app.screen.pane
            assert isinstance(pane, TextPane)
            shown = [block.text for block in pane.blocks]
            assert any(text.startswith("✗ ABSENT    tool ") for text in shown)
            assert any(text.startswith("✗ ABSENT    call ") for text in shown)
            assert any(text.startswith("── message 1 · user") for text in shown)
        source.close()
