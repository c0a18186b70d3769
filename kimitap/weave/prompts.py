"""Text completions: a prompt that begins with an earlier prompt and its completion goes on with it.

There are no messages to compare, only one text that grows. Where the completion does not follow,
nothing is claimed: an editor that asks again after each key stroke continues nothing.
"""

from kimitap.conversation import Text, Turn
from kimitap.lineage import Echo, EchoKind, Fate, Link, Mark, Relation
from kimitap.weave.align import pair
from kimitap.weave.echo import superseded
from kimitap.weave.kin import scoped
from kimitap.weave.strand import Strand

DIALECT = "completion"
EXAMINED = 64
"""The latest completions that are looked at."""
ENOUGH = 40
"""Characters that prompt and completion must have together to be told from others."""
Found = tuple[Link, Strand] | None


class Prompts:
    """The text completions woven so far."""

    def __init__(self) -> None:
        self._known: list[Strand] = []

    def add(self, strand: Strand) -> None:
        """Make a woven turn known."""
        if strand.turn.dialect == DIALECT and prompt_of(strand.turn):
            strand.append(self._known)

    def follows(self, child: Strand) -> Found:
        """The link to the turn whose prompt and completion this prompt begins with."""
        text = prompt_of(child.turn)
        latest = self._known[-EXAMINED:][::-1]
        near = [s for s in latest if scoped(s.turn, child.turn) and s.over_before(child.turn)]
        begun = [s for s in near if _goes_on(s.turn, text)]
        if begun:
            parent = max(begun, key=lambda s: (len(prompt_of(s.turn)), s.is_tip))
            relation = Relation.CONTINUES if parent.is_tip else Relation.FORK
            return _link(parent, child, relation), parent
        failed = (
            s for s in near if s.is_tip and not s.turn.succeeded and prompt_of(s.turn) == text
        )
        again = next(failed, None)
        return (_link(again, child, Relation.RETRY), again) if again and text else None


def prompt_of(turn: Turn) -> str:
    """The prompt of a text completion; `""` where it is not one text."""
    parts = turn.messages[0].parts if len(turn.messages) == 1 else ()
    only = parts[0] if len(parts) == 1 else None
    return only.text if isinstance(only, Text) else ""


def _goes_on(parent: Turn, text: str) -> bool:
    """True where `text` is the parent's prompt, its completion, and perhaps more."""
    prompt, said = prompt_of(parent), parent.reply.message.text
    if not said.strip() or len(prompt) + len(said) < ENOUGH or not text.startswith(prompt):
        return False
    rest = text[len(prompt) :]
    return rest.startswith(said) or rest.lstrip().startswith(said.strip())


def _link(parent: Strand, child: Strand, relation: Relation) -> Link:
    number = parent.turn.exchange
    if relation is Relation.RETRY:
        why, pairs = f"sends the prompt of exchange {number} again", (pair(Mark.SAME, 0, 0),)
    else:
        why = f"begins with the prompt of exchange {number} and its completion"
        pairs = (pair(Mark.CHANGED, 0, 0),)
    told = superseded(0)
    if relation is Relation.CONTINUES:
        told = Echo(EchoKind.SAME, 0, text=Fate.SAME)
    return Link(parent.turn, child.turn, relation, 0, pairs, told, why)
