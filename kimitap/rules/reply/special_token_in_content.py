"""A token that steers the model stands in the text that the user sees."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules import markers
from kimitap.rules.asked import tool_names
from kimitap.rules.each import each
from kimitap.rules.endings import was_cut
from kimitap.rules.examples import DONE, NOTES, READ, TASK, assistant, step, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.limits import filled_its_limit
from kimitap.rules.quotes import Quotes, quotes_of
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, quoted_request

ENDED = "Done: summary.md is written.<|im_end|>"


def stray(turn: Turn, quotes: Quotes) -> list[str]:
    """The runs of special tokens that leaked into the reply's text.

    What a length limit left of a call is that limit's finding.
    """
    text = turn.reply.message.text
    runs = markers.stray_tokens(text, tools=bool(turn.tools))
    stopped = was_cut(turn) or filled_its_limit(turn)
    if runs and stopped and markers.call_breaks_off(text, tool_names(turn)):
        return []
    return [run for run in runs if not quotes.holds(turn, run)]


def _stray_at(thread: Thread, position: int) -> list[str]:
    turn = thread.turns[position]
    return stray(turn, quotes_of(thread)) if turn.succeeded else []


class SpecialTokenInContent(Rule):
    """Once it is in the history, the model learns it from there."""

    name = "special-token-in-content"
    severity = Severity.WARNING
    side = Side.SERVER
    by_choice = True
    summary = "special tokens of the model stand in the reply's text"
    meaning = (
        "Tokens such as <|im_end|>, or markers of a call without a declared tool's name, stand at "
        "the beginning or the end of the reply's text, or side by side in it: the server turned "
        "into text what it should have acted upon. Often a call was lost with them. It is an "
        "error once the agent sends them back: the template reads them as the end of a message. "
        "Tokens amid a sentence, in code, after a sentence that leads up to them, or quoted from a "
        "file are talk about them."
    )
    remedy = (
        "Start the server without --special, with --jinja and the model's own template, and "
        "update it. Rewind to before this reply, or cut the tokens out of it: sent back they end "
        "the message for the model."
    )
    source = (
        "https://github.com/ikawrakow/ik_llama.cpp/pull/958 (content “<|im_end|>” beside a call); "
        "ik_llama.cpp's own replies hold Kimi's <|tool_calls_section_begin|> alone"
    )
    examples: ClassVar = (
        Example(
            "an answer about chat templates",
            (
                step(
                    TASK,
                    assistant(
                        "ChatML ends a message with <|im_end|>, as in `Hi<|im_end|>`:\n"
                        "```\n<|im_start|>user\nHi<|im_end|>\n```"
                    ),
                ),
            ),
        ),
        Example(
            "the end of a file that was read",
            (
                step(TASK, assistant(None, READ)),
                step(
                    (*TASK, assistant(None, READ), {**NOTES, "content": "{{ m }}<|im_end|>"}),
                    assistant("The template's last line is: {{ m }}<|im_end|>"),
                ),
            ),
        ),
        Example(
            "an operator that looks alike, and a tag of an agent without tools",
            (
                step(TASK, assistant("In F# you write f <| x |> g")),
                step((*TASK, DONE, user("Now?")), assistant("<tool_call>ls</tool_call>"), tools=[]),
            ),
        ),
        Example(
            "an end token at the end",
            (step(TASK, assistant(ENDED)),),
            (Place(1),),
        ),
        Example(
            "Kimi's section marker alone, and sent back",
            (
                step(TASK, assistant("<|tool_calls_section_begin|>")),
                step(
                    (*TASK, assistant("<|tool_calls_section_begin|>"), user("Well?")),
                    assistant(None, READ),
                ),
            ),
            (Place(1),),
        ),
        Example(
            "an end token beside a call",
            (step(TASK, assistant("<|im_end|>", READ)),),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, runs in zip(thread.turns, each(thread, _stray_at), strict=True):
            if runs:
                yield self._finding(turn, runs, thread.link_after(turn.exchange))

    def _finding(self, turn: Turn, runs: list[str], link: Link | None) -> Finding:
        at = _sent_back(runs, link)
        evidence = [Evidence(turn.exchange, cut(run)) for run in runs[:2]]
        back = ""
        related: tuple[Place, ...] = ()
        if at is not None and link is not None:
            back = f", and request {link.child.exchange} sends them back"
            related = (Place(link.child.exchange, at),)
            evidence.append(quoted_request(link.child, at))
        shown = cut("".join("".join(runs).split()), 60)
        return Finding(
            self.name,
            self.severity if at is None else Severity.ERROR,
            self.side,
            f"Special tokens ({shown}) came as text in the reply of exchange {turn.exchange}"
            f"{back}: the server passed on what it should have acted upon.",
            Place(turn.exchange),
            related=related,
            evidence=tuple(evidence),
        )


def _sent_back(runs: list[str], link: Link | None) -> int | None:
    """The message of the next request that gives the tokens back; None where none does."""
    if link is None:
        return None
    said = link.child.messages
    return next((i for i in link.echo.slot if any(run in said[i].text for run in runs)), None)
