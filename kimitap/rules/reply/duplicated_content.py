"""The reply says everything twice."""

import re
from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.endings import ended
from kimitap.rules.examples import DONE, NOTES, READ, TASK, assistant, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut

SHORTEST = 20
"""Characters of what is said twice, at least."""
WORDS = 3
"""Different words in it, at least: lines of dashes and the like are no speech."""
WHOLE = 0.9
"""How much of the text the two must be, where it is lines that repeat: lists and verses may."""
_TRIED = 200
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""A word; of Chinese, Japanese and Korean, which part none, a letter."""
_TAG = re.compile(r"<[^<>\n]{1,80}>")

TEXT = "The notes name the owner, Ada, and 3 rows."


def doubled(text: str) -> int:
    """The length of `x` in a text `x + x + rest`; 0 where it does not begin so."""
    start = len(text) - len(text.lstrip())
    seed = text[start : start + SHORTEST]
    at = start + SHORTEST - 1
    for _ in range(_TRIED):
        at = text.find(seed, at + 1)
        if at < 0:
            return 0
        said = text[start:at]
        again = text.startswith(said, at) or text[at:].rstrip() == said.rstrip()
        if again and _is_speech(said, text):
            return at - start
    return 0


def _is_speech(said: str, text: str) -> bool:
    if len(set(_WORD.findall(_TAG.sub(" ", said.lower())))) < WORDS:
        return False
    lines = said.endswith("\n") and "\n" not in said.strip()
    return not lines or 2 * len(said) >= WHOLE * len(text)


def times_said(text: str, length: int) -> int:
    """How often in a row the text begins with its first `length` characters."""
    text = text.lstrip()
    said, count = text[:length], 0
    while text.startswith(said, count * length):
        count += 1
    return count + (text[count * length :].rstrip() == said.rstrip())


class DuplicatedContent(Rule):
    """Told apart from a model that loops by how often it is said."""

    name = "duplicated-content"
    severity = Severity.WARNING
    side = Side.SERVER
    by_choice = True
    by_turn = True
    summary = "the reply's text begins with the same words twice"
    meaning = (
        "The text is x + x + rest, where x has at least 20 characters and three different words. "
        "Said twice, it is usually a server or a gateway that sends what it streamed once more at "
        "the end; said more often, a model that goes in circles. Rules, tables, lists and verses "
        "whose first lines are alike are no defect."
    )
    remedy = (
        "Said twice: update the server or the gateway between; without streaming it should come "
        "once. Said again and again: raise the repetition penalty (or DRY) a little, and rewind "
        "to before this reply, since the model copies itself."
    )
    source = (
        "https://github.com/maximhq/bifrost/issues/2251 (the whole text again in the last event); "
        "https://github.com/langflow-ai/langflow/issues/10719"
    )
    examples: ClassVar = (
        Example(
            "a rule of dashes, and a table",
            (
                step(
                    TASK,
                    assistant("-" * 80 + "\nThe notes\n" + "-" * 80),
                ),
                step(TASK, assistant("| a | b | c | d | e |\n| a | b | c | d | e |\n" + TEXT * 3)),
            ),
        ),
        Example(
            "a list whose first lines are alike",
            (
                step(
                    TASK,
                    assistant(
                        "- [ ] write the test again\n- [ ] write the test again\n"
                        f"The list has that task twice. {TEXT} You may want to strike one out."
                    ),
                ),
            ),
        ),
        Example(
            "a song whose first line is sung twice",
            (
                step(
                    TASK,
                    assistant(
                        "Heave away, my hearties, the tide is on the turn.\n" * 2
                        + "Heave away, oh!"
                    ),
                ),
            ),
        ),
        Example(
            "the same short word, and the same sentence later on",
            (step(TASK, assistant(f"Ha ha ha ha ha ha ha ha ha ha! {TEXT} Yes. {TEXT}")),),
        ),
        Example("twice the whole", (step(TASK, assistant(TEXT + TEXT)),), (Place(1),)),
        Example(
            "twice, and then something more",
            (
                step(TASK, assistant(None, READ)),
                step((*TASK, assistant(None, READ), NOTES), assistant(f"{TEXT}\n{TEXT}\n So.")),
            ),
            (Place(2),),
        ),
        Example(
            "in circles",
            (step(TASK, assistant(f"{DONE['content']} " * 9)),),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            length = doubled(turn.reply.message.text)
            if length:
                yield self._finding(turn, length)

    def _finding(self, turn: Turn, length: int) -> Finding:
        text = turn.reply.message.text.lstrip()
        count = times_said(text, length)
        side, why = (
            (Side.SERVER, "the server or a gateway sent it once more")
            if count == 2
            else (Side.MODEL, "the model goes in circles")
        )
        often = "twice" if count == 2 else f"{count} times in a row"
        return Finding(
            self.name,
            self.severity,
            side,
            f"The text of exchange {turn.exchange} begins with the same {length} characters "
            f"{often}: {why}.",
            Place(turn.exchange),
            evidence=(Evidence(turn.exchange, cut(text[: 2 * length])),),
        )
