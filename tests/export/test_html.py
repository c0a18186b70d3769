"""The page for a browser: complete in itself, safe against what was recorded, and bounded."""

import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kimitap.evidence.case import Wanted
from kimitap.evidence.html import html
from kimitap.exchange import Exchange
from kimitap.export.html import POLICY
from kimitap.export.html.texts import MOST, Budget
from kimitap.redact import Level
from tests.support import chat, hostile_pages
from tests.support.evidence import analysed, case_of, read
from tests.support.recorded import OPENING, lost, next_turn

VOID = {"meta", "link", "br", "wbr"}


class Parsed(HTMLParser):
    """The elements of a page, their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.style = ""
        self.feed(page)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, key, value in self.attributes if key == name]


def page_of(tmp_path: Path, exchanges: Sequence[Exchange], wanted: Wanted | None = None) -> str:
    with (
        analysed(tmp_path / "whole.db", exchanges) as analysis,
        case_of(analysis, tmp_path / "recording.db", wanted=wanted) as case,
    ):
        return html(case)


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    """The page of a hostile session, unmasked."""
    return page_of(tmp_path, hostile_pages.session(), Wanted(level=Level.NONE))


def test_a_page_names_nothing_outside_itself(tmp_path: Path) -> None:
    parsed = Parsed(page_of(tmp_path, lost()))
    assert not parsed.tags.keys() & {"script", "img", "iframe", "object", "form", "base", "svg"}
    assert set(parsed.values("src")) == set()
    assert {h for h in parsed.values("href") if not h.startswith("#")} == {"data:,"}
    assert not re.search(r"url\(|@import|expression", parsed.style)
    policy = dict(part.strip().split(" ", 1) for part in POLICY.split(";"))
    assert policy["default-src"] == "'none'" and "script-src" not in policy
    assert POLICY in parsed.values("content")


def test_every_link_leads_to_a_place_of_the_page_and_no_place_is_there_twice(
    tmp_path: Path,
) -> None:
    parsed = Parsed(page_of(tmp_path, [*lost(), next_turn(4, "On Friday.")], Wanted(whole=True)))
    ids = parsed.values("id")
    assert len(ids) == len(set(ids))
    links = {link[1:] for link in parsed.values("href") if link.startswith("#")}
    assert links <= set(ids)
    assert {"f1", "findings", "difference", "conversation", "files"} <= links | set(ids)


def test_recorded_text_makes_no_element_and_no_attribute(hostile: str) -> None:
    parsed = Parsed(hostile)
    assert set(parsed.tags) <= {
        *("html", "head", "meta", "link", "title", "style", "body", "main", "footer", "nav", "a"),
        *(
            "h1",
            "h2",
            "h3",
            "p",
            "div",
            "span",
            "strong",
            "code",
            "pre",
            "mark",
            "ul",
            "li",
            "br",
            "wbr",
        ),
        *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "section", "header"),
    }
    assert parsed.tags["h1"] == 1 and parsed.tags["style"] == 1 and parsed.tags["main"] == 1
    names = {name for _, name, _ in parsed.attributes}
    assert not any(name.startswith("on") for name in names)
    assert names <= {
        *("lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "id"),
        *("scope", "colspan", "data-side", "aria-label"),
    }
    assert all(re.fullmatch(r"[\w -]*", value) for value in parsed.values("class"))


def test_recorded_text_can_be_read_as_it_was(hostile: str) -> None:
    """Markup and template syntax stand there letter for letter; what acts is written out."""
    parsed = Parsed(hostile)
    for text in hostile_pages.ACTS:
        if text.isprintable():
            assert text in parsed.text, text
    assert "\\u001b]52;c;aGFja2Vk\\u0007" in parsed.text
    assert "\\u202egnp.exe" in parsed.text
    assert "1337" not in parsed.text, "no template of the recording is evaluated"


def test_no_character_that_acts_is_on_the_page(hostile: str) -> None:
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", hostile
    )


def test_a_lost_turn_is_a_ghost_at_its_place_with_its_finding(tmp_path: Path) -> None:
    page = page_of(tmp_path, lost())
    turn = page[page.index('id="e2"') :]
    ghost, blank = turn.index("LOST TURN"), turn.index("(blank)")
    assert ghost < blank
    assert "tool-turn-lost" in turn[ghost:blank]
    assert "What to do:" in page and "side: agent" in page


def test_a_call_is_joined_to_its_result_and_its_arguments_are_laid_out(tmp_path: Path) -> None:
    page = page_of(tmp_path, lost(), Wanted(whole=True))
    assert "↓ its result in #2: Ada owns it." in page
    assert "↑ the call in #1" in page
    assert "{\n  &#34;path&#34;: &#34;notes.txt&#34;\n}" in page


def test_a_line_of_a_megabyte_is_cut_where_it_is_seen_and_whole_where_it_is_unfolded(
    tmp_path: Path,
) -> None:
    long = "x" * 1_000_000 + "END"
    messages = [*OPENING, chat.user(long)]
    one = chat.exchange(1, chat.request(*messages), chat.choice(chat.assistant("")), stream=True)
    page = page_of(tmp_path, [one])
    assert "all of it: 1,000,003 chars" in page
    assert page.count("xEND</pre>") == 1
    assert len(page) < 1_200_000


def test_texts_beyond_the_pages_bound_are_left_out_and_counted() -> None:
    budget = Budget()
    shown = [budget.shown("y" * 1_900_000) for _ in range(6)]
    assert sum(len(one.whole) for one in shown) <= MOST
    assert shown[0].gone == 0
    assert shown[-1].gone == 1_900_000 - len(shown[-1].head) and not shown[-1].whole


def test_hundreds_of_turns_stay_openable_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    """The first turns, the last, and those around findings in full; of the rest a line each."""
    page = page_of(tmp_path, long_run(300), Wanted(whole=True, level=Level.NONE))
    parsed = Parsed(page)
    assert 10 < parsed.tags["section"] <= 50
    assert 'id="e151"' in page, "the turn of the finding is there"
    assert "only in recording.db" in parsed.text
    assert len(page) < 500_000


def long_run(turns: int) -> list[Exchange]:
    """A run of short tool turns; in the middle one turn is sent back blank."""
    messages: list[dict[str, object]] = [chat.system("Be terse."), chat.user("Count the files.")]
    out = []
    for n in range(1, turns + 1):
        asks = chat.assistant(f"Now {n}.", chat.call("look", {"n": n}, f"c{n}"))
        tools = [chat.tool("look", n={"type": "integer"})]
        made = chat.exchange(
            n, chat.request(*messages, tools=tools), chat.choice(asks), stream=True
        )
        out.append(made)
        if n == turns // 2:
            messages += [chat.assistant(""), chat.user("Go on.")]
        else:
            messages += [asks, chat.result(f"file {n}", f"c{n}")]
    return out


def test_a_healthy_session_has_a_page_that_says_so(tmp_path: Path) -> None:
    with (
        read("sessions/healthy-tool-turn.db") as analysis,
        case_of(analysis, tmp_path / "recording.db") as case,
    ):
        page = html(case)
    assert "Kimitap found nothing wrong here." in page
    assert "None: Kimitap found nothing wrong in these exchanges." in page
