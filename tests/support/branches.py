"""An agent run that branches: forks, a compaction, windows, sub-agents, and side requests."""

from dataclasses import replace

from kimitap.conversation import Message, Turn
from kimitap.lineage import Session
from kimitap.rules import check
from kimitap.rules.finding import Finding
from kimitap.weave import Weaver
from tests.support.threads import assistant, call, result, system, turn, user

PROMPT = "You are a careful engineer who reads before he writes. " * 8
TASK = "Find out why test_migrate fails since the last commit, and mend it."
ERRAND = "List every caller of migrate() in src/ with its line number, and nothing else."
SUMMARY = (
    "This session is being continued from a previous conversation that ran out of context. "
    "The summary: migrate() forgets to store the version; two callers rely on it."
)


def branching() -> tuple[tuple[Session, ...], tuple[Finding, ...]]:
    """The run as the weaver sees it, and what the rules say of it."""
    weaver = Weaver()
    for made in _turns():
        weaver.add(made)
    sessions = weaver.sessions()
    return sessions, tuple(finding for session in sessions for finding in check(session))


def _turns() -> list[Turn]:
    opening = [system(PROMPT), user(TASK)]
    read = assistant("I read the test.", call("read_file", '{"path":"tests/test_db.py"}', "c1"))
    one = [*opening, read, result("def test_migrate(db): …\n" * 20, "c1")]
    sends = assistant("A helper lists the callers.", call("task", f'{{"prompt":"{ERRAND}"}}', "c2"))
    two = [*one, sends, result("src/db.py:41, src/cli.py:12", "c2")]
    found = assistant("The version is never stored.")
    three = [*two, found, user("Mend it then, but leave the callers as they are.")]
    mends = assistant("I write it.", call("write_to_file", '{"path":"src/db.py"}', "c3"))
    four = [*three, mends, result("ok, 41 lines", "c3")]
    done = assistant("It is mended; the tests pass.")
    back = [*two, found, user("No: remove migrate() altogether, nobody needs it.")]
    removes = assistant("I remove it.", call("write_to_file", '{"path":"src/cli.py"}', "c4"))
    deeper = [*back, removes, result("ok, 12 lines", "c4")]
    compacted = [*opening, user(SUMMARY), assistant("I go on."), user("Now the changelog, too.")]
    return [
        turn(1, opening, read),
        _aside(2, "Write a title of at most six words for this conversation", TASK),
        turn(3, one, sends),
        _helper(
            4, [user(ERRAND)], assistant("", call("execute_command", '{"command":"rg"}', "h1"))
        ),
        _helper(
            5,
            [
                user(ERRAND),
                assistant("", call("execute_command", '{"command":"rg"}', "h1")),
                result("src/db.py:41\nsrc/cli.py:12", "h1"),
            ],
            assistant("src/db.py:41, src/cli.py:12"),
        ),
        turn(6, two, found),
        turn(7, three, mends),
        turn(8, four, done),
        turn(9, back, removes),
        turn(10, deeper, assistant("It is gone.")),
        _aside(11, "Is this a new topic? Answer yes or no", TASK),
        turn(12, [*four, done, user("And the documentation?")], assistant("It says so already.")),
        turn(13, [*back, removes, user("Stop. Rename it instead.")], assistant("Renamed.")),
        turn(14, [*opening, read, user("Read only src/cli.py.")], assistant("I have read it.")),
        turn(15, compacted, assistant("The changelog has a line more.")),
    ]


def _aside(number: int, asks: str, about: str) -> Turn:
    return turn(number, [system(f"{asks}."), user(f"{asks}: {about}")], assistant("Yes."), tools=())


def _helper(number: int, messages: list[Message], reply: Message) -> Turn:
    made = turn(number, [system("You search and report, and never write."), *messages], reply)
    return replace(made, tools=made.tools[2:])
