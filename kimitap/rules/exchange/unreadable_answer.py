"""The server answered well, by its status, and what it answered is no reply."""

import re
from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.exchange import NO_RESPONSE, NOT_KEPT, Outcome
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import ASKED, DONE, TASK, TOOLS, step
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import fact

_PAGE = re.compile(r"<!doctype\s+html|<html[\s>]|<head[\s>]|<title>", re.IGNORECASE)
_BETWEEN = re.compile(
    r"nginx|openresty|cloudflare|caddy|envoy|traefik|haproxy|varnish|squid|apache|awselb|ngrok|iis",
    re.IGNORECASE,
)
"""What calls itself so hands requests on, and runs no model."""
_RESPONSE = re.compile(r"response(?!\.event)\b")
_UNSEEN = (NOT_KEPT, NO_RESPONSE, "unknown Content-Encoding", "expands to more than")
"""Faults that say: the client may well have read it."""
REDIRECT = 300
"""The lowest status that sends a client elsewhere."""
TEXT = "no JSON"
"""How a dialect's fault begins where the answer is no JSON at all."""
ENCODED = "not "
"""How one begins where the body could not be decoded."""
REQUEST = {"model": "kimi-k2", "messages": list(TASK), "tools": TOOLS}
BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad "
    b"Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def is_page(text: str) -> bool:
    """True for a web page: a proxy's, a portal's, or the front end of some other server."""
    return bool(_PAGE.search(text[:1000]))


def is_gateways(turn: Turn) -> bool:
    """True where what stands between agent and server answered for it: by its page, or by its
    status (502 and 504 are a gateway's)."""
    return turn.status in (502, 504) or is_page(turn.reply.error or unreadable(turn) or "")


def unreadable(turn: Turn) -> str | None:
    """What is wrong with a whole answer that holds no reply, in a dialect's words; `""` where it
    is empty; None where it is a reply, an error, a stream, or was not recorded whole."""
    reply, status = turn.reply, turn.status
    if reply.complete or reply.error or reply.streamed or turn.detail:
        return None
    if turn.outcome is not Outcome.COMPLETE or status is None or status >= 400:
        return None
    faults = [f for f in turn.faults if _RESPONSE.match(f.where)]
    if any(unseen in fault.what for fault in faults for unseen in _UNSEEN):
        return None
    if faults:
        return faults[0].what
    return None if reply.id else ""  # a response with an id is queued, and asked for later


def _answered(body: bytes, then: bool = True) -> tuple[Sample, ...]:
    """An exchange with this answer to a request for a stream; `then` it is asked again."""
    sent = {**REQUEST, "stream": True}
    return (Sample(sent, None, raw=body), *([step(TASK, ASKED)] if then else []))


class UnreadableAnswer(Rule):
    """A cut answer is stream-aborted; an error that can be read is its own finding."""

    name = "unreadable-answer"
    severity = Severity.ERROR
    side = Side.SERVER
    summary = "the status is good, but the answer is no reply: a web page, plain text, nothing"
    meaning = (
        "The server answered with a status below 400, and the whole answer is neither a reply nor "
        "an error of the API: a web page (of a proxy, a sign-in or a captive portal), plain text, "
        "JSON without a choice, or nothing at all. Agents report a parser's error of their own, "
        "try again, or take it for an empty reply. A redirect is a warning, since some clients "
        "follow it. It is no defect where a client that asked for a stream gets the reply in one "
        "piece, nor where the answer was cut (stream-aborted) or has a status of its own."
    )
    remedy = (
        "Read what is quoted: a page names who made it. Check the address that the agent is given "
        "(most want it to end in /v1) and what stands between: a sign-in that ran out, a proxy "
        "without its upstream, a server that still loads. Plain text and broken JSON of the server "
        "itself: see its log, and update it."
    )
    source = (
        "https://github.com/openclaw/openclaw/issues/84697 (an address without /v1: a web page "
        "with 200, told as “incomplete terminal response”), "
        "https://github.com/continuedev/continue/issues/10286 (“Unexpected token '<'”)"
    )
    examples: ClassVar = (
        Example(
            "a stream was asked for, and the reply comes in one piece",
            _answered(
                b'{"choices":[{"index":0,"finish_reason":"stop","message":'
                b'{"role":"assistant","content":"Done."}}]}',
                then=False,
            ),
        ),
        Example(
            "an error with a page of its own",
            (Sample(REQUEST, None, status=502, raw=BAD_GATEWAY), step(TASK, DONE)),
        ),
        Example(
            "an error object, with status 200",
            _answered(b'{"error":{"message":"Provider error","code":502}}'),
            also=("stream-error-event",),
        ),
        Example("a web page, and asked again", _answered(BAD_GATEWAY), (Place(1),)),
        Example("plain text", _answered(b"upstream connect error"), (Place(1),)),
        Example("nothing at all", _answered(b""), (Place(1),)),
        Example("JSON without a choice", _answered(b'{"status":"loading"}'), (Place(1),)),
    )
    by_turn = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            said = unreadable(turn)
            if said is not None:
                yield self._finding(turn, said)

    def _finding(self, turn: Turn, said: str) -> Finding:
        side, what = _blame(turn, said)
        redirect = turn.status is not None and turn.status >= REDIRECT
        server = f" Its Server header says “{turn.server}”." if turn.server else ""
        return Finding(
            self.name,
            Severity.WARNING if redirect else self.severity,
            side,
            f"The answer of exchange {turn.exchange} has status {turn.status}, but is no reply: "
            f"{what}.{server}",
            Place(turn.exchange),
            evidence=(fact(turn, said or f"status {turn.status}, no body"),),
        )


def _blame(turn: Turn, said: str) -> tuple[Side, str]:
    """Who gave the answer, and what it is."""
    if turn.status is not None and turn.status >= REDIRECT:
        return Side.NETWORK, "it sends the client elsewhere"
    if is_page(said):
        return Side.NETWORK, "it is a web page, and no model's server sends one"
    between = not said or said.startswith(TEXT)
    side = Side.NETWORK if between and _BETWEEN.search(turn.server) else Side.SERVER
    if not said:
        return side, "it has no body"
    if between:
        return side, "it is neither JSON nor a stream of events"
    if said.startswith(ENCODED):
        return side, "its body is not encoded as its Content-Encoding says"
    return side, "its JSON is of another kind"
