"""Replay: a recorded request sent again, as it was or changed, and what came of it compared."""

from collections.abc import Mapping

from kimitap.exchange import Exchange, Headers, Outcome
from kimitap.replay.outgoing import Outgoing, outgoing
from kimitap.replay.sending import Hangup, transmit
from kimitap.store import RecordingWriter

__all__ = ["Hangup", "Outgoing", "outgoing", "send", "transmit"]


def send(
    exchange: Exchange,
    server: str | None = None,
    *,
    body: bytes | None = None,
    headers: Headers = (),
    environment: Mapping[str, str] | None = None,
    into: RecordingWriter | None = None,
    hangup: Hangup | None = None,
) -> Exchange:
    """Send a recorded request again, to its own host or to `server`, and wait for the answer.

    `body` takes the place of the recorded one. `headers` are added, credentials among them: what is
    recorded, and what is returned, has them masked. Without `into` nothing is recorded, and the
    exchange's number is 0. Nobody is asked: see to it that the user wants this sent. Raises
    `UsageError` for an unfit address and a `RecordingError`; a server that cannot be reached is an
    exchange that was refused. Ctrl-C raises `KeyboardInterrupt` once what came by then is recorded.
    """
    request = outgoing(exchange, server, body=body, given=headers, environment=environment)
    answer = transmit(request, into, hangup)
    if answer.outcome is Outcome.CLIENT_HUNG_UP and not (hangup and hangup.asked):
        raise KeyboardInterrupt
    return answer
