"""The call comes back, and it is not the call that the model made."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.lineage import Session, Thread
from kimitap.rules.arguments import malformed
from kimitap.rules.changes import Changed, changed_calls, crossed, is_known_replacement, is_parsed
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WROTE,
    Json,
    assistant,
    call,
    failed,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named, quoted_call, times, written

LISTED = 20
"""Older calls that a finding names; the rest is a number."""


def _bad(arguments: str) -> Json:
    return assistant("Now I write.", call("c3", "write_file", arguments))


HALF = '{"path": "summary.md", "content": "# Sum'
SPELLED = assistant(
    "Both at once.",
    call("c1", "read_file", '{"path":"notes.txt","from":1.0}'),
    call("c3", "write_file", "{'path': 'summary.md'}"),
)


class ChangedToolCall(Rule):
    """What the model reads that it did is not what it did."""

    name = "changed-tool-call"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "a tool call comes back with another name or other arguments"
    meaning = (
        "The next request gives the reply's call back, at its place or under its id, but with "
        "another name or other arguments; or a call of an earlier turn is another one than before. "
        "The model sees itself doing what it never did, next to a result that does not fit. Ids, "
        "key order, white space and number formats may differ. Where the call could not be run "
        "(its arguments are no JSON, or there is no such tool) and the agent put its usual "
        "replacement there ({}, a call named `invalid`, the text wrapped in a key), it is a note; "
        "arguments that the agent repaired and ran are an error: what ran was cut short. It is a "
        "note, too, where the tool's declared schema explains the difference: a default filled in, "
        "or a key left out that no schema names. Calls of one reply that come back whole but swap "
        "their ids are an error: each is followed by another one's result. All calls of the "
        "history that one request changes are one finding."
    )
    remedy = (
        "Compare the two calls. Where the arguments of another call stand there, the server gave "
        "two calls one id or one index (see reused-tool-call-id, colliding-tool-call-index): "
        "update it. Else report it to the agent with both requests attached."
    )
    source = (
        "https://github.com/ggml-org/llama.cpp/issues/20607 (the arguments of the 2nd parallel "
        "call are lost), https://github.com/cloudflare/agents/issues/1992 (reused ids overwrite "
        "earlier turns)"
    )
    by_turn = True
    examples: ClassVar = (
        Example(
            "ids, key order, number formats and Python's spelling differ",
            (
                step(
                    TASK,
                    assistant(
                        "Both at once.",
                        call("f:0", "read_file", '{"from": 1, "path": "notes.txt"}'),
                        call("f:1", "write_file", '{"path": "summary.md"}'),
                    ),
                ),
                step((*TASK, SPELLED, NOTES, tool("c3", "Wrote it.")), DONE),
            ),
        ),
        Example(
            "no arguments, null and {} are one",
            (
                step(TASK, assistant(None, call("c1", "run_command", ""))),
                step((*TASK, assistant(None, call("c1", "run_command", "{}")), NOTES), DONE),
            ),
        ),
        Example(
            "another call after a retry: the reply that counts is the last",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, "decode failed"),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, NOTES, WROTE, tool("c3", "Wrote it.")), DONE),
            ),
        ),
        Example(
            "two calls come back with their ids swapped",
            (
                step(TASK, assistant(None, READ, READ_TWO)),
                step(
                    (
                        *TASK,
                        assistant(
                            None,
                            call("c1", "read_file", path="data.csv"),
                            call("c2", "read_file", path="notes.txt"),
                        ),
                        NOTES,
                        tool("c2", "id,amount"),
                    ),
                    DONE,
                ),
            ),
            (Place(2, 2, 0),),
        ),
        Example(
            "the arguments are another file's, and stay so",
            (
                step(TASK, ASKED),
                step((*TASK, assistant(None, call("c1", "read_file", path="b")), NOTES), WROTE),
                step(
                    (
                        *TASK,
                        assistant(None, call("c1", "read_file", path="b")),
                        NOTES,
                        WROTE,
                        tool("c3", "Wrote it."),
                    ),
                    DONE,
                ),
            ),
            (Place(2, 2, 0),),
        ),
        Example(
            "broken arguments: {} is an agent's usual replacement",
            (
                step(TASK, _bad(HALF)),
                step((*TASK, _bad("{}"), tool("c3", "Error: bad arguments.")), DONE),
            ),
            (Place(2, 2, 1),),
            also=("malformed-tool-arguments",),
        ),
        Example(
            "broken arguments: repaired, and the shortened call was run",
            (
                step(TASK, _bad(HALF)),
                step((*TASK, _bad(f'{HALF}"}}'), tool("c3", "Wrote 5 bytes.")), DONE),
            ),
            (Place(2, 2, 1),),
            also=("malformed-tool-arguments",),
        ),
        Example(
            "a tool that does not exist becomes a call named invalid",
            (
                step(TASK, assistant(None, call("c1", "fly", "{}"))),
                step(
                    (
                        *TASK,
                        assistant(
                            None, call("c1", "invalid", '{"tool": "fly", "error": "no such tool"}')
                        ),
                        NOTES,
                    ),
                    DONE,
                ),
            ),
            (Place(2, 2, 0),),
            also=("unknown-tool",),
        ),
        Example(
            "a call of an earlier turn gets other arguments two requests later",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step(
                    (
                        *TASK,
                        assistant("I read the notes first.", call("c1", "read_file", path="b")),
                        NOTES,
                        WROTE,
                        tool("c3", "Wrote it."),
                        user("Go on."),
                    ),
                    DONE,
                ),
            ),
            (Place(3, 2, 1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for link in thread.links:
            found = list(changed_calls(link)) if link is not None else []
            yield from (self._finding(changed) for changed in found if changed.reply)
            swapped = crossed(link) if link is not None else []
            if swapped:
                yield self._finding(swapped[0], swapped[1:])
            older = [changed for changed in found if not changed.reply]
            older.sort(key=is_parsed)
            if older:
                yield self._finding(older[0], older[1:])

    def _finding(self, changed: Changed, others: Sequence[Changed] = ()) -> Finding:
        """One of a reply's call, or of all calls that a request swaps, or changes in the history.

        The gravest comes first.
        """
        link, old, new = changed.link, changed.old, changed.new
        usual = changed.reply and is_known_replacement(old, new, link)
        what = "the reply" if changed.reply else "what request"
        kind = "more call" if changed.swapped else "older call"
        more = f"; {times(len(others), kind)} likewise" if others else ""
        of = f"{what} of exchange" if changed.reply else what
        return Finding(
            self.name,
            Severity.INFO if usual or is_parsed(changed) else self.severity,
            self.side,
            f"Request {link.child.exchange} gives the {named([old])} of {of} "
            f"{link.parent.exchange} {'' if changed.reply else 'had '}back as "
            f"{named([new]).removeprefix('call ')}: {_how(changed, usual)}{more}.",
            changed.place,
            related=(changed.origin, *(other.place for other in others[:LISTED])),
            evidence=(
                quoted_call(link.parent, old),
                Evidence(link.child.exchange, cut(written(new))),
            ),
        )


def _how(changed: Changed, usual: bool) -> str:
    """What the change means to the model."""
    old, new = changed.old, changed.new
    if changed.swapped:
        return "they come back under one another's ids, so each result answers another call"
    if is_parsed(changed):
        return "the agent parsed its arguments as the tool's schema has them"
    if usual:
        why = "arguments are no JSON" if malformed(old) else "tool does not exist"
        return f"its {why}, and the agent says so in its own way"
    if malformed(old) and old.name == new.name:
        return "the agent repaired broken arguments and may have run what it made of them"
    what = "another tool" if old.name != new.name else "other arguments"
    return f"the model sees itself using {what} than it did"
