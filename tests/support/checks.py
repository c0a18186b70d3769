"""What `check` found, as a value for the formats, from real recordings of small sessions."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from kimitap.cli.checking import result_of
from kimitap.cli.reading import read
from kimitap.exchange import Exchange
from kimitap.export.formats import Checked
from kimitap.settings import DEFAULTS, Settings
from tests.support.chat import assistant, call, choice, exchange, request, result, tool, user
from tests.support.recordings import recording


def checked(path: Path, exchanges: Iterable[Exchange], settings: Settings = DEFAULTS) -> Checked:
    """The recording that is made at `path`, checked."""
    where = str(recording(path, exchanges))
    return result_of(where, read(where, settings.choice), settings)


HOSTILE = "\x1b]52;c;aGk=\x07 \u202e ```<script>|@me ![](http://127.0.0.1/x)``` ]]> &lt; ::error::x"
"""Text that a terminal, a browser, a tracker, an XML parser or a CI log would act on."""
SECRET = "sk-Ab3dEf6hIj9kLmN0pQrStUvW"


def hostile_session() -> list[Exchange]:
    """A lost tool turn whose every word is hostile, and holds a key."""
    return lost_with(f"{HOSTILE}\n##[error]{SECRET} 100% \ufffe")


def lost_with(text: str, name: str = "write_to_file") -> list[Exchange]:
    """A call with `text` in its arguments and around it, which the next request lacks."""
    tools = [tool(name, path={"type": "string"})]
    calling = assistant(text, call(name, {"path": text}, "c1"))
    asked = user(f"Write it. {text}")
    return [
        exchange(1, request(asked, tools=tools), choice(calling)),
        exchange(
            2,
            request(asked, assistant(""), user(f"Go on. {text}"), tools=tools),
            choice(calling),
        ),
    ]


def two_threads() -> list[Exchange]:
    """A lost tool turn, and beside it a healthy one of another agent run."""
    tools = [tool("read_file", path={"type": "string"})]
    reading = assistant("I look.", call("read_file", {"path": "a"}, "c9"))
    other = user("What stands in the file?")
    healthy: Sequence[Exchange] = [
        exchange(3, request(other, tools=tools), choice(reading)),
        exchange(
            4,
            request(other, reading, result("it", "c9"), tools=tools),
            choice(assistant("It says: it.")),
        ),
    ]
    return [*lost_with("hello"), *healthy]
