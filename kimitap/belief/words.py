"""A comparison of belief and wire for people, and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kimitap.belief.comparison import Believed, Compared, Fate, OnWire
from kimitap.conversation import Message
from kimitap.redact import mask_text
from kimitap.rules.finding import Finding
from kimitap.visible import one_line

_MARKS = {
    Fate.SENT: "=",
    Fate.OTHERWISE: "!",
    Fate.CALLS_LOST: "✗",
    Fate.NEVER_GIVEN_BACK: "✗",
    Fate.NO_LONGER_SENT: "✗",
    Fate.NEVER_SENT: "✗",
    Fate.NOT_YET: "…",
    Fate.PUT_AWAY: "↷",
}
_LONGEST = 100


def lines(compared: Compared, held: Sequence[Finding], wire: Sequence[Finding]) -> Iterator[str]:
    """The verdict, each message that the client holds, what only the wire has, and the rules."""
    yield verdict(compared)
    yield ""
    yield "what the client holds, and what became of it on the wire:"
    for one in compared.believed:
        yield f"  {_MARKS[one.fate]} [{one.entry.index}] {_fate(one)}: {said(one.entry.message)}"
    if compared.unheld:
        yield ""
        yield "what the wire has, and the client does not hold:"
        yield from (f"  > {_place(one)}: {said(one.message)}" for one in compared.unheld)
    yield ""
    both = f"the client's history {rules_of(held)}; the wire {rules_of(wire)}"
    yield f"the same rules on both: {both}"


def verdict(compared: Compared) -> str:
    """What the difference proves, in a sentence."""
    thread = compared.thread
    if compared.lost:
        count, last = _count(len(compared.lost), "message"), thread.turns[-1].exchange
        return (
            f"{thread.name}: the client holds {count} that the last request (exchange {last}) does "
            "not carry as it should: lost while the client wrote the request, not before."
        )
    if compared.forgotten:
        where = ", ".join(str(one.exchange) for one in compared.forgotten[:12])
        count = _count(len(compared.forgotten), "reply")
        return (
            f"{thread.name}: the client does not hold {count} of the model's (exchange {where}): "
            "lost when the client took the answer in."
        )
    return f"{thread.name}: the wire carries all that the client holds."


def rules_of(findings: Sequence[Finding]) -> str:
    """`breaks tool-turn-lost 3 times`; `is sound` without findings."""
    counts = Counter(finding.rule for finding in findings)
    if not counts:
        return "is sound"
    return "breaks " + ", ".join(f"{rule} ×{n}" if n > 1 else rule for rule, n in counts.items())


def said(message: Message) -> str:
    """A message in short: its role, its calls, its text; secrets masked."""
    calls = " ".join(f"{call.name}({call.arguments})" for call in message.tool_calls)
    words = " ".join(filter(None, (message.text, calls))) or "(blank)"
    return one_line(mask_text(f"{message.role}: {words[:2000]}"), _LONGEST)


def as_json(
    compared: Compared, held: Sequence[Finding], wire: Sequence[Finding]
) -> dict[str, object]:
    """The same as plain values."""
    return {
        "thread": compared.thread.name,
        "agrees": compared.agrees,
        "verdict": verdict(compared),
        "believed": [
            {
                "index": one.entry.index,
                "fate": one.fate.value,
                "exchange": one.exchange,
                "role": one.entry.message.role,
                "said": said(one.entry.message),
            }
            for one in compared.believed
        ],
        "only_on_the_wire": [
            {"exchange": one.exchange, "message_index": one.index, "said": said(one.message)}
            for one in compared.unheld
        ],
        "rules": {
            "client": sorted({finding.rule for finding in held}),
            "wire": sorted({finding.rule for finding in wire}),
        },
    }


def _fate(one: Believed) -> str:
    match one.fate:
        case Fate.NEVER_GIVEN_BACK:
            return f"the reply of exchange {one.exchange}, never given back"
        case Fate.NO_LONGER_SENT:
            return f"sent until exchange {one.exchange}, no longer"
        case fate:
            return fate.value


def _place(one: OnWire) -> str:
    if one.index is None:
        return f"the reply of exchange {one.exchange}"
    return f"exchange {one.exchange}, message {one.index}"


def _count(n: int, word: str) -> str:
    if n == 1:
        return f"a {word}"
    return f"{n} {word[:-1]}ies" if word.endswith("y") else f"{n} {word}s"
