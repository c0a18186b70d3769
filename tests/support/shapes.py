"""A short run of an agent, of which one turn is given back in whatever way a test wants."""

from kimitap.rules.examples import Json, assistant, call, step, system, tool, user
from kimitap.rules.rule import Sample

OPEN = (system("You are an agent."), user("Read notes.txt and data.csv, then write summary.md."))
ON = user("And now append a line.")
WHY = "Both files are short."


def read(call_id: str | None, path: str = "notes.txt") -> Json:
    return call(call_id, "read_file", path=path)


def write(call_id: str | None, arguments: str = '{"path": "summary.md"}') -> Json:
    return call(call_id, "write_file", arguments)


FIRST = assistant("I read both.", read("c0"), read("c1", "data.csv"), reasoning="Look first.")
RESULTS = (tool("c0", "owner: Ada"), tool("c1", "id,amount\n1,10"))
BEGUN: tuple[Json, ...] = (*OPEN, FIRST, *RESULTS)
START = step(OPEN, FIRST)
SECOND = assistant("Now I write the summary.", write("c2"), reasoning=WHY)
DONE = assistant("Done: summary.md is written.")
CUT = '{"path": "summary.md", "content": "# Sum'


def session(reply: Json, *given_back: Json, finish: str | None = "") -> list[Sample]:
    """A healthy first turn, then `reply`, given back as `given_back`."""
    return [START, step(BEGUN, reply, finish), step((*BEGUN, *given_back), DONE)]


def retried(reply: Json | None, finish: str | None = "", cancelled: bool = False) -> list[Sample]:
    """A healthy first turn, then `reply`, then the same prompt again, and a healthy end."""
    return [
        START,
        step(BEGUN, reply, finish, cancelled=cancelled),
        step(BEGUN, SECOND),
        step((*BEGUN, SECOND, tool("c2", "ok")), DONE),
    ]


def bad(arguments: str) -> Json:
    """A complete reply whose call has these arguments."""
    return assistant("Now I write.", write("c2", arguments), reasoning=WHY)


def back(arguments: str, name: str = "write_file") -> tuple[Json, Json]:
    """That reply as an agent gives it back, with other arguments or another name."""
    made = assistant("Now I write.", call("c2", name, arguments), reasoning=WHY)
    return made, tool("c2", "Error: the arguments are no valid JSON.")


def calling(text: str, name: str) -> Json:
    return assistant(f"{text}\nCalling tools:\n[{{'function': {{'name': '{name}'}}}}]")
