"""An agent that writes its history in its own way: healthy, or as Roo Code's four settings do."""

from collections.abc import Callable, Sequence

from kimitap.rules.examples import Json, assistant, call, step, system, tool, user
from kimitap.rules.rule import Sample

OPENING = (system("You are Roo."), user("<task>\nWrite Test.md, then check it.\n</task>"))
DETAILS = user("<environment_details>\nVisible files: Test.md\n</environment_details>")


def thought(n: int, call_id: str | None = None) -> Json:
    """The reply of turn `n`: it thinks, speaks and calls one tool."""
    name = ("write_file", "read_file", "run_command", "write_file")[n % 4]
    made = call(f"c{n}" if call_id is None else call_id, name, path=f"{n}.md")
    return assistant(f"Step {n}.", made, reasoning=f"Why not {n}.")


def name_of(reply: Json) -> str:
    return str(reply["tool_calls"][0]["function"]["name"])  # type: ignore[index] # a test's JSON


def bare(reply: Json, **changed: object) -> Json:
    """The reply without its reasoning."""
    return {k: v for k, v in {**reply, **changed}.items() if k != "reasoning_content"}


def healthy(reply: Json, n: int) -> list[Json]:
    return [reply, tool(f"c{n}", f"Result {n}: all is well.")]


def r1(reply: Json, n: int) -> list[Json]:
    return [assistant(""), DETAILS]


def legacy(reply: Json, n: int) -> list[Json]:
    name = name_of(reply)
    return [
        assistant(f"Step {n}.\n[Tool Use: {name}]"),
        user(f"[{name} Result]\nResult {n}: all is well."),
    ]


def default(reply: Json, n: int) -> list[Json]:
    return [bare(reply), tool(f"c{n}", f"Result {n}: all is well.")]


def empty_id(reply: Json, n: int) -> list[Json]:
    return [
        assistant(""),
        user(f"[{name_of(reply)} for '{n}.md'] Result:\nResult {n}: all is well."),
    ]


def session(
    given_back: Callable[[Json, int], Sequence[Json]], turns: int = 4, call_id: str | None = None
) -> list[Sample]:
    """An agent that gives every reply back in its own way; the last reply is text."""
    messages: list[Json] = [*OPENING]
    steps = []
    for n in range(1, turns + 1):
        reply = thought(n, call_id)
        steps.append(step(messages, reply))
        messages += given_back(reply, n)
    return [*steps, step(messages, assistant("Test.md is written and checked."))]


SAME = assistant(None, call("c7", "write_file", path="Test.md"))
BEGUN = [*OPENING, *healthy(thought(1), 1)]
FIRST = step(OPENING, thought(1))
