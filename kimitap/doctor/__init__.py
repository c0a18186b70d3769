"""Everything that keeps a user from recording, looked at in turn, each with what to do about it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from kimitap.doctor.check import Check, State
from kimitap.doctor.clients import look_at_clients
from kimitap.doctor.machine import look_at_machine
from kimitap.doctor.place import look_at_place
from kimitap.doctor.server import look_at_server
from kimitap.doctor.trial import look_at_port, try_it

__all__ = ["Check", "State", "examine"]


def examine(
    upstream: str,
    listen: tuple[str, int],
    where: str,
    environment: Mapping[str, str],
    home: Path,
    here: Path,
) -> Iterator[Check]:
    """All checks, in the order in which one would mend what they find.

    `upstream` is `http://host:port`, `listen` where `kimitap record` would listen. The server is
    only read from; one request goes to it through a recorder of the doctor's own.
    """
    yield from look_at_machine(environment)
    yield from look_at_place(where)
    yield look_at_port(*listen)
    ready = True
    for check in look_at_server(upstream):
        ready &= check.state is not State.BAD
        yield check
    if ready:
        yield from try_it(upstream)
    host, port = listen
    proxy = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    yield from look_at_clients(upstream, proxy, environment, home, here)
