"""Threads and sessions made by hand that differ in one thing, for comparisons."""

from collections.abc import Sequence
from dataclasses import replace

from kimitap.conversation import Timings, ToolCall, Turn
from kimitap.lineage import Session, Thread
from tests.support.threads import assistant, chain, result, system, turn, user

SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"
HOSTILE = f"`| <img src=x onerror=alert(1)> {{{{7*7}}}} @everyone \x1b[2J\u202e </style> {SECRET}"


def thread(
    number: int,
    *calls: ToolCall,
    asked: str = "Go.",
    prompt: str = "Be terse.",
    model: str = "kimi-k2-0905",
    says: str = "Done.",
    speed: float = 50.0,
) -> Thread:
    """A thread whose replies make one call each, and end with words; its ids are its own."""
    said = [system(prompt), user(asked)]
    turns: list[Turn] = []
    for i, one in enumerate([*calls, None]):
        reply = assistant(says) if one is None else assistant("", replace(one, id=f"c{number + i}"))
        made = turn(number + i, said, reply)
        timings = Timings(10, 100, 1000.0, 40, 40 / speed * 1000)
        made = replace(made, model=model, reply=replace(made.reply, timings=timings, model=model))
        turns.append(made)
        said = [*said, reply, *([result("ok", f"c{number + i}")] if one else [])]
    return chain(*turns)


def session(*threads: Thread) -> Session:
    return Session(threads[0].number, threads)


def calls(names: Sequence[str]) -> list[ToolCall]:
    """A call of each of these tools."""
    return [ToolCall(name, '{"path": "notes.txt"}') for name in names]
