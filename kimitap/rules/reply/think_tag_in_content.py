"""The tags around a thought stand in the text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules import markers
from kimitap.rules.each import each
from kimitap.rules.examples import DONE, NOTES, READ, TASK, assistant, step, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.quotes import Quotes, quotes_of
from kimitap.rules.reply.tool_call_in_content import was_stopped
from kimitap.rules.reply_choices import each_choice
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut

_LEADING = re.compile(r"\s*(?:<think>|\[THINK\]|<seed:think>)")
_OPEN = re.compile(r"<think>|\[THINK\]|<seed:think>")
_CLOSE = re.compile(r"</think>|\[/THINK\]|</seed:think>")
SAID = assistant("<think>\nThe notes first.\n</think>\n\nI read them.")
_SPOKEN_OF = re.compile(
    r"[ \t]+(?:is|are|was|and|or|opens|starts|begins|marks|tags?|blocks?|stands|means|must)\b"
    r"|[/,;:|)]"
)
"""What goes on after a tag at a text's beginning where it is the subject of a sentence."""
_OPEN_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
"""A block of code that nothing closes: a limit cut the text within it."""
_PAIRS = {*zip("\"'“‘«(*_|[", "\"'”’»)*_|]", strict=True)}
_ENDS = ".!?…"
_GOES_ON = re.compile(r"[ \t]*\n?[ \t]*[a-z]")
_AROUND = 1000
"""Characters before a tag that are looked at."""
LISTED = 50
"""Replies that a finding names; the rest is a number."""
_AS_TEXT = ("none", "raw")
"""With these values of `reasoning_format` llama.cpp and Groq leave thoughts in the text."""


def stray_tag(turn: Turn, quotes: Quotes) -> tuple[str, int] | None:
    """The tag that leads the reply's text, or that closes what nothing opened; and where."""
    text = turn.reply.message.text
    if "think>" not in text and "THINK]" not in text:
        return None
    bare = markers.without_code(text)
    if was_stopped(turn):
        bare = _OPEN_FENCE.split(bare, maxsplit=1)[0]
    leading = _LEADING.match(bare)
    spoken = leading is not None and _SPOKEN_OF.match(bare, leading.end())
    found = _unmatched(bare) if leading is None or spoken else (leading[0].strip(), leading.end())
    return None if found is None or quotes.holds(turn, found[0]) else found


@dataclass(frozen=True, slots=True)
class Stray:
    """A tag in the text of a reply's choice: the turn that has this choice alone, and its place."""

    turn: Turn
    place: Place
    tag: str
    at: int


def _stray_at(thread: Thread, position: int) -> list[Stray]:
    turn = thread.turns[position]
    if not turn.succeeded or turn.parameters.get("reasoning_format") in _AS_TEXT:
        return []
    found = []
    for place, choice in each_choice(turn):
        if tag := stray_tag(choice, quotes_of(thread)):
            found.append(Stray(choice, place, *tag))
    return found


def _unmatched(text: str) -> tuple[str, int] | None:
    """The first closing tag that nothing opens, unless it stands in a sentence as a word."""
    since = 0
    for close in _CLOSE.finditer(text):
        line = text.rfind("\n", 0, close.start())
        opens = _OPEN.finditer(text, since, close.start())
        if any(tag.start() > line or not _is_word(text, tag) for tag in opens):
            since = close.end()
        elif not _is_word(text, close):
            return close[0], close.start()
    return None


def _is_word(text: str, found: re.Match[str]) -> bool:
    """True where a tag is a word of a sentence: quoted, or with the sentence around it."""
    before, after = text[max(0, found.start() - _AROUND) : found.start()], text[found.end() :][:80]
    left, right = before[-1:], after[:1]
    if (left, right) in _PAIRS or (left == ">" and after.startswith("</")):
        return True
    line = before[before.rfind("\n") + 1 :]
    said = line.rstrip()
    if not said:
        return False
    if not right.strip() and right != " ":  # its line ends: the sentence may go on in the next
        return left == " " and said[-1] not in _ENDS and bool(_GOES_ON.match(after))
    if left in " \t(/=,":
        return said[-1] not in _ENDS or bool(_GOES_ON.match(after))
    return left.isalnum() and right == " " and bool(_GOES_ON.match(after))


class ThinkTagInContent(Rule):
    """It stands in every reply of a server that leaves it in: told once, at the first."""

    name = "think-tag-in-content"
    severity = Severity.INFO
    side = Side.SERVER
    summary = "a <think> tag stands in the reply's text"
    meaning = (
        "The text begins with <think>, or holds a </think> that nothing opened: the server left "
        "the thought in the content. Some agents take it out themselves (a note); where replies of "
        "the same thread also have reasoning in its own field, the server's parser lost the "
        "boundary (a warning): thoughts are shown as the answer and sent back as such. With "
        "reasoning_format none (Groq: raw) it is what was asked for. Tags that are talked about, "
        "in code, or quoted from a file are no defect. It is told once a thread."
    )
    remedy = (
        "Start the server with --jinja and --reasoning-format auto (or deepseek), and update it. "
        "If only the closing tag shows, the chat template opens the thought itself: use the "
        "model's own template, or one whose thought the server knows."
    )
    source = (
        "https://github.com/ggml-org/llama.cpp/issues/24671, "
        "https://github.com/ikawrakow/ik_llama.cpp/pull/2036 (a stray </think> in the content)"
    )
    examples: ClassVar = (
        Example(
            "asked for with reasoning_format none",
            (
                step(
                    TASK,
                    SAID,
                    reasoning_format="none",
                ),
            ),
        ),
        Example(
            "an answer about the tags",
            (
                step(
                    TASK,
                    assistant(
                        "Qwen closes its thought with </think> before it answers: write "
                        "`</think>` or\n```\n<think>\n</think>\n```"
                    ),
                ),
            ),
        ),
        Example(
            "the answer repeats a file",
            (
                step(TASK, assistant(None, READ)),
                step(
                    (*TASK, assistant(None, READ), {**NOTES, "content": "hm\n</think>\nx"}),
                    assistant("The file says:\nhm\n</think>\nx"),
                ),
            ),
        ),
        Example(
            "a whole thought in the content",
            (step(TASK, assistant("<think>\nThe notes first.\n</think>\n\nI read them now.")),),
            (Place(1),),
        ),
        Example(
            "a closing tag alone, where other replies have their reasoning apart",
            (
                step(TASK, assistant("I am at your service.", reasoning="A greeting.")),
                step(
                    (
                        *TASK,
                        assistant("I am at your service.", reasoning="A greeting."),
                        user("Who owns it?"),
                    ),
                    assistant("They ask for the owner.\n</think>\n\nAda owns it."),
                ),
            ),
            (Place(2),),
        ),
        Example(
            "in every reply of a thread: one finding",
            (
                step(TASK, SAID),
                step((*TASK, SAID, user("Who owns it?")), SAID),
                step((*TASK, SAID, user("Who owns it?"), SAID, user("Sure?")), SAID),
            ),
            (Place(1),),
        ),
        Example(
            "within a line",
            (step(TASK, assistant(f"First answer.</think>{DONE['content']}")),),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = [stray for strays in each(thread, _stray_at) for stray in strays]
        if found:
            apart = any(turn.reply.message.reasoning for turn in thread.turns)
            yield self._finding(found, apart)

    def _finding(self, found: Sequence[Stray], apart: bool) -> Finding:
        first = found[0]
        closing = _is_closing(first.tag)
        what = "An unmatched {} stands" if closing else "A thought with its {} tag stands"
        why = (
            "the template opened the thought in the prompt, and the server did not know"
            if closing
            else "the server's parser did not take the thought out"
        )
        also = ", though other reasoning came in a field of its own" if apart else ""
        often = f" and in {len(found) - 1} more of this thread" if len(found) > 1 else ""
        return Finding(
            self.name,
            Severity.WARNING if apart else self.severity,
            Side.TEMPLATE if closing and not first.turn.reply.message.reasoning else Side.SERVER,
            f"{what.format(first.tag)} in the text of exchange {first.place.exchange}{often}{also}"
            f": {why}.",
            first.place,
            related=tuple(stray.place for stray in found[1:LISTED]),
            evidence=tuple(map(_quoted, found[:3])),
        )


def _is_closing(tag: str) -> bool:
    return tag.startswith(("</", "[/"))


def _quoted(stray: Stray) -> Evidence:
    """The tag and what stands around it."""
    text, at = stray.turn.reply.message.text, stray.at
    shown = text[max(0, at - 60) : at + 60] if _is_closing(stray.tag) else text
    return Evidence(stray.place.exchange, cut(shown))
