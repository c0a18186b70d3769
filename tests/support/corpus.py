"""The agents' captures, read where they lie: they are other people's text and stay there."""

import json
import lzma
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from mitmproxy import http, io

from kimitap.conversation import Turn
from kimitap.dialects import Memo, decode
from kimitap.exchange import Body, Exchange, Outcome, Segment

SHARED = Path(os.environ.get("KIMITAP_SHARED", Path(__file__).parents[3] / "shared"))
CORPUS = SHARED / "corpus"
MISSING = f"no corpus of agents' captures at {CORPUS} (set KIMITAP_SHARED)"


def present() -> bool:
    return CORPUS.is_dir()


def captures() -> list[tuple[str, str]]:
    """(agent, case) of every capture; empty where there is no corpus."""
    found = sorted(CORPUS.glob("*/*.flow.xz")) if present() else []
    return [(path.parent.name, path.name.removesuffix(".flow.xz")) for path in found]


@cache
def truths(agent: str) -> Any:
    return json.loads((CORPUS / agent / "truth.json").read_text())


def truth(agent: str, case: str) -> Any:
    """What is true of a capture; see agents.md, 5."""
    return truths(agent)[case]


@cache
def exchanges(agent: str, case: str) -> tuple[Exchange, ...]:
    """The capture's exchanges; numbers count from 1 in the order of the requests, as truth does."""
    with lzma.open(CORPUS / agent / f"{case}.flow.xz") as file:
        flows = [f for f in io.FlowReader(file).stream() if isinstance(f, http.HTTPFlow)]
    flows.sort(key=lambda flow: flow.request.timestamp_start)
    return tuple(_exchange(number, flow) for number, flow in enumerate(flows, 1))


@cache
def turns(agent: str, case: str) -> tuple[Turn, ...]:
    """The turns of the exchanges whose dialect is known, numbers as in `exchanges`."""
    memo = Memo()
    decoded = (decode(one, memo) for one in exchanges(agent, case))
    return tuple(turn for turn in decoded if turn is not None)


def _exchange(number: int, flow: http.HTTPFlow) -> Exchange:
    request, response = flow.request, flow.response
    began = datetime.fromtimestamp(request.timestamp_start, UTC)
    peer = flow.client_conn.peername
    body = (response.raw_content if response else None) or b""
    return Exchange(
        number=number,
        started_at=began,
        method=request.method,
        scheme=request.scheme,
        host=request.host,
        port=request.port,
        path=request.path,
        request_headers=tuple(_headers(request.headers)),
        request=Body.whole(request.raw_content or b""),
        client=f"{peer[0]}:{peer[1]}" if peer else "",
        outcome=_outcome(flow),
        detail=flow.error.msg if flow.error else "",
        status=response.status_code if response else None,
        response_headers=tuple(_headers(response.headers)) if response else (),
        response=body,
        segments=(Segment(0.0, len(body)),) if body else (),
        ended_at=datetime.fromtimestamp(_end(flow), UTC),
    )


def _outcome(flow: http.HTTPFlow) -> Outcome:
    if flow.error is not None:
        gone = "client" in flow.error.msg.lower()
        return Outcome.CLIENT_HUNG_UP if gone else Outcome.SERVER_CUT
    if flow.response is None:
        return Outcome.INTERRUPTED
    return Outcome.HTTP_ERROR if flow.response.status_code >= 400 else Outcome.COMPLETE


def _end(flow: http.HTTPFlow) -> float:
    times = [flow.error.timestamp] if flow.error else []
    if flow.response is not None and flow.response.timestamp_end:
        times.append(flow.response.timestamp_end)
    return max(times, default=flow.request.timestamp_start)


def _headers(headers: http.Headers) -> Iterator[tuple[str, str]]:
    yield from headers.items(multi=True)
