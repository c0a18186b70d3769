"""What the model saw, in a report: what it lacks, bounded, masked and harmless."""

import re
from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.cli import run
from kimitap.export.prompt import QUOTED, saw
from kimitap.places import parse_place
from kimitap.report import report_on
from kimitap.store import Recording
from tests.support import prompts
from tests.support.chat import turns
from tests.support.recorded import record
from tests.test_asking import rendering, serving

KEY = "sk-Ab3dEf6hIj9kLmN0pQrStUvW"


def report(where: str, place: str = "1") -> str:
    with Recording.open(where) as opened:
        analysis = Analysis(opened)
        analysis.refresh()
        return report_on(analysis, [parse_place(place)])


@pytest.mark.parametrize("then", [True, False])
def test_the_report_says_what_the_model_did_not_see(tmp_path: Path, then: bool) -> None:
    text = report(prompts.hidden(tmp_path / "a.db", then=then))
    at = text.index("### What the model saw of request 1")
    told = text[at : text.index("<details>")]
    assert "- ✗ **absent:** tool `write_file`\n" in told
    assert "- ✗ **absent:** call `write_file`, message 2\n" in told
    assert "- ✗ **absent:** result `c2`, message 4\n" in told
    assert "- ✓ present: 3 texts\n" in told
    assert at < text.index("### Findings")
    assert "<|user|>Read the notes and sum them up." in text[text.index("<details>") :]


def test_where_nothing_is_hidden_or_known_there_is_no_such_section(tmp_path: Path) -> None:
    request = prompts.working()
    whole = [prompts.answered(1, request, prompts.told(request))]
    unknown = [prompts.answered(1, request, None)]
    for n, made in enumerate((whole, unknown)):
        assert "What the model saw" not in report(record(tmp_path / f"{n}.db", made))


def test_the_quotation_is_bounded_and_stands_around_the_place(tmp_path: Path) -> None:
    request = prompts.working("x " * 50_000 + "here it ends. ")
    cut = prompts.shortened(request)
    del cut["tools"], request["tools"]
    cut["messages"][2]["tool_calls"].append(request["messages"][2]["tool_calls"][1])
    text = report(record(tmp_path / "a.db", [prompts.answered(1, request, prompts.told(cut))]))
    quoted = text[text.index("<details>") : text.index("</details>")]
    assert QUOTED < len(quoted) < QUOTED + 300
    assert "here it ends." in quoted


@pytest.mark.parametrize("shift", range(0, 60, 4))
def test_a_secret_at_the_edge_of_the_quotation_is_masked(tmp_path: Path, shift: int) -> None:
    """Neither its head nor its tail is quoted, wherever the edge cuts it."""
    secret = f"{'word ' * 300}{'y' * shift} {KEY} {'word ' * 300}"
    request = prompts.working(secret * 4)
    made = prompts.answered(1, request, prompts.told(prompts.shortened(request)))
    text = report(record(tmp_path / "a.db", [made]))
    quoted = text[text.index("<details>") : text.index("</details>")]
    assert not any(KEY[i : i + 8] in quoted for i in range(3, len(KEY) - 8))


@pytest.mark.parametrize(
    "hostile",
    ["````\n</details>\n# out", "\x1b]52;c;aGk=\x07\u202e", "</details><script>alert(1)</script>"],
)
def test_a_hostile_prompt_stays_in_its_fence(tmp_path: Path, hostile: str) -> None:
    request = prompts.working(hostile)
    request["tools"][1]["function"]["name"] = hostile
    request["messages"][2]["tool_calls"][1]["function"]["name"] = f"{hostile}`@me`|"
    prompt = prompts.told(prompts.shortened(request))
    turn = turns([prompts.answered(1, request, prompt)])[0]
    text = "\n\n".join(saw([turn]))
    assert not re.search("[\x00-\x08\x0e-\x1f\u202a-\u202e]", text)
    ticks, fence = text.split("<details>")
    spans = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", ticks)
    assert not re.search("[<|@#]", spans.replace("### What", "What"))
    opening = re.search("^(`{3,})text$", fence, re.MULTILINE)
    assert opening is not None
    inside = fence[opening.end() :]
    assert inside.rstrip().endswith(f"{opening[1]}\n\n</details>")
    assert inside.count(opening[1]) == 1


def test_diff_asks_a_server_for_the_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = prompts.working()
    where = record(tmp_path / "a.db", [prompts.answered(1, request, None)])
    with serving(rendering) as url:
        assert run(["diff", where, "1", "--ask-server", url]) == 0
    told = capsys.readouterr()
    assert "1 of 1 prompts rendered" in told.err
    assert "absent:** call `read_file`, message 2" in told.out
