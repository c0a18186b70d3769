"""llama-server's `--log-prompts-dir` → exchanges: a file a prompt, as its template rendered it.

Neither the request nor the reply is in the folder. A prompt stands in the recording as the text
completion that would ask for the same, sent to a host of its own that does not exist; its detail
says that no answer was kept, so that nothing is concluded from there being none. A file's name is
the milliseconds since the machine's start, and its time of change is when the prompt came.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kimitap.exchange import NO_RESPONSE, Body, Exchange, Outcome, digest
from kimitap.interchange.bodies import json_text
from kimitap.interchange.incoming.record import LeftOut, Read, storable

HOST = "llama-prompt-log.invalid"
_NAME = re.compile(r"\d{12,19}\.txt")
_LONGEST = 1 << 28


def files(folder: Path) -> list[Path]:
    """The folder's prompts in the order in which they came."""
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def read(path: Path, key: bytes) -> Read:
    """The prompts of a folder, or one of its files."""
    for one in files(path) if path.is_dir() else [path]:
        try:
            data = one.read_bytes()
            when = datetime.fromtimestamp(one.stat().st_mtime, UTC)
        except (OSError, ValueError, OverflowError) as error:
            yield LeftOut(one.name, f"it cannot be read: {error}")
            continue
        if not data or len(data) > _LONGEST:
            yield LeftOut(one.name, "it is empty" if not data else "it is larger than 256 MiB")
            continue
        yield storable(exchange_of(one.name, data, when), key)


def exchange_of(name: str, prompt: bytes, when: datetime) -> Exchange:
    """A prompt as an exchange without an answer."""
    body = json_text({"prompt": prompt.decode("utf-8", "replace")})
    made = Exchange(
        number=0,
        started_at=when,
        method="POST",
        scheme="http",
        host=HOST,
        port=80,
        path="/completion",
        request=Body.whole(body.encode()),
        outcome=Outcome.INTERRUPTED,
        detail=f"a prompt out of llama-server's log; {NO_RESPONSE}",
        ended_at=when,
    )
    return replace(made, origin=f"llama-prompt:{name[:-4]}:{digest(prompt).hex()[:16]}")
