"""The mitmproxy addon: each hook hands what it sees to a tap or the line, and changes nothing."""

# mypy: untyped-calls-exclude=mitmproxy

import asyncio
import logging
import sys
from collections.abc import Awaitable, Iterable
from ipaddress import ip_address
from weakref import WeakKeyDictionary

from mitmproxy import ctx, dns, http, tcp, udp
from mitmproxy.addonmanager import Loader
from mitmproxy.exceptions import OptionsError

from kimitap.errors import UsageError
from kimitap.exchange import Outcome
from kimitap.recorder import open_files, read_errors, timeline
from kimitap.recorder.flows import exchange_of
from kimitap.recorder.keeper import Keeper, Limits
from kimitap.recorder.line import Line
from kimitap.recorder.secret import digest_key
from kimitap.recorder.slips import Trouble
from kimitap.recorder.summary import summary
from kimitap.recorder.swift import SwiftHeaders
from kimitap.recorder.tally import Tally
from kimitap.recorder.tap import Gathering, Tap

logger = logging.getLogger("kimitap")

PATIENCE_S = 2.0
"""How long an answer's head waits at most for its request to be on disk."""
OPENING_S = 10.0
"""How long the start waits to hear of the recording before it says where it is to be; traffic flows
meanwhile."""
STARTED_S = 0.5
"""When mitmproxy has certainly started, after it said that it runs."""
HEAD_START_S = 0.002
"""A request has this long to reach the server before writing it competes for the processor: on two
cores the first event came 0.9 ms later for want of it, after 3.9 ms instead of 3.0.

The answer waits for the request to be on disk as ever. What a kill -9 of mitmproxy can cost in this
time is a request that nobody has got an answer to.
"""
ADOPTION_S = 5.0
"""How soon a reloaded script must take over the line of the one before."""
SILENCE_S = 86_400
"""How long a connection may be silent: a long prompt on a slow machine takes its time."""


_taps: WeakKeyDictionary[http.HTTPFlow, Tap] = WeakKeyDictionary()
_gathered: WeakKeyDictionary[http.HTTPFlow, Gathering] = WeakKeyDictionary()
_handed_over: list[Line] = []
"""Exchanges under way, bodies that are streamed past us, and the line of an addon that was taken
off. All outlive the addon, since mitmproxy loads a script anew when its file changes: the new addon
ends what the old one began."""


class Recorder:
    """Records all HTTP traffic of this mitmproxy, and every flow that it reads from a file."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.opening: asyncio.Task[None] | None = None
        """The start: done when the recording is open, or in trouble, or slow to open."""
        self.complaint: Trouble | None = None
        self._line: Line | None = None
        self._keeper: Keeper | None = None
        self._key = b""
        self._passed_over = 0
        self._stopped = False
        self.futile = False
        """Whether mitmproxy ends at once, since the recording cannot be opened."""
        self._late: asyncio.Task[None] | None = None
        self._early: set[http.HTTPFlow] = set()
        """Requests that are on their way, and not yet begun to be recorded."""

    # --- mitmproxy's life cycle ---

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option(
            "kimitap_db",
            str,
            "",
            "Where Kimitap records: a file or a database URL. Empty: $KIMITAP_DB, else "
            "sessions/kimitap.db.",
        )
        loader.add_option(
            "kimitap_memory",
            int,
            256,
            "Megabytes that wait for the disk, or of one response, before Kimitap records less.",
        )
        loader.add_option(
            "kimitap_keep",
            str,
            "",
            "Delete for good what is older, all the time: 30d, 12h, 2w. Empty: keep it.",
        )
        loader.add_option(
            "kimitap_max_size",
            str,
            "",
            "Delete the oldest where more is in use: 5GB, 500MB. Empty: no limit.",
        )

    def configure(self, updated: set[str]) -> None:
        """Make mitmproxy such that nothing passes unseen and no time-out cuts a slow answer."""
        try:
            _limits()
        except UsageError as error:
            raise OptionsError(f"Kimitap: {error}") from error
        if self._line and {name for name in updated if name.startswith("kimitap_")}:
            logger.warning("Kimitap: its options take effect when mitmproxy starts again")
        wanted: dict[str, str | int] = {}
        if ctx.options.connection_strategy != "lazy":
            wanted["connection_strategy"] = "lazy"
        if not ctx.options.has_changed("tcp_timeout"):
            wanted["tcp_timeout"] = SILENCE_S
        if wanted and _serves():
            ctx.options.update(**wanted)
            logger.info(
                "Kimitap sets %s: a server that is down is then answered for and recorded, and one "
                "that is silent for long is not cut off",
                ", ".join(f"{name}={value}" for name, value in wanted.items()),
            )

    def running(self) -> Awaitable[None] | None:
        """Open the recording. Only the reading of a file waits for it.

        A proxy takes requests by now, and those of mitmproxy's addons that come after this one are
        not ready before this returns: a request then would end mitmproxy, as would any error that
        is logged meanwhile.
        """
        self.opening = asyncio.get_running_loop().create_task(self._start())
        return None if _serves() else self.opening

    async def _start(self) -> None:
        """Say what is wrong with the recording's place, or where it is, and who can reach us."""
        if _serves():
            open_files.allow_many()
        else:
            read_errors.say_plainly()
        line = self._open()
        if await line.scribe_spoke(OPENING_S):
            self._opened(line)
        else:
            logger.info("Kimitap is going to record into %s", line.named)
            self._late = asyncio.get_running_loop().create_task(self._open_late(line))
        if _serves() and not self.futile and not self._stopped and (limits := _limits()):
            logger.info("Kimitap: %s", limits)
            self._keeper = Keeper(ctx.options.kimitap_db, limits)
        asyncio.get_running_loop().call_later(STARTED_S, line.speak)
        if _serves() and (hosts := beyond_loopback(_addresses())):
            logger.warning(
                "Kimitap: this proxy listens on %s: whoever can reach this machine can use your "
                "server through it; `--listen-host 127.0.0.1` keeps it private",
                " and ".join(hosts),
            )

    async def _open_late(self, line: Line) -> None:
        await line.scribe_spoke(None)
        if line.trouble and line.trouble.lasting:
            self._opened(line)

    def _opened(self, line: Line) -> None:
        if self._stopped:
            return
        self.complaint = line.trouble
        if line.trouble and (line.trouble.lasting or not _serves()):
            self._give_up(line, line.trouble)
        elif not line.trouble:
            logger.info("Kimitap records into %s", line.named)

    def _give_up(self, line: Line, trouble: Trouble) -> None:
        """End mitmproxy as for any fault of a start: nothing would be recorded for as long."""
        self.futile = True
        line.forget_unsaid()
        logger.error("Kimitap cannot record: %s", trouble.reason)
        if _serves():
            ctx.master.shutdown()

    def done(self) -> Awaitable[None] | None:
        """End what is under way and write everything; or, at a script's reload, hand over."""
        self._stopped = True
        if self.futile and _serves() and ctx.master.addons.get("errorcheck"):
            _fail()
        for flow in list(self._early):
            self._begin_early(flow)
        line, self._line = self._line, None
        keeper, self._keeper = self._keeper, None
        if line is None:
            return None
        if ctx.master.addons.get("recorder") is self:
            return _close(line, self._passed_over, keeper)
        if keeper:
            asyncio.get_running_loop().create_task(keeper.close())
        _handed_over.append(line)
        asyncio.get_running_loop().create_task(_abandon(line))
        return None

    # --- traffic ---

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Note when; look into a body that mitmproxy streams past the addons."""
        if flow.live:
            timeline.note(flow)
        if flow.live and flow.request.stream:
            gathering = Gathering(flow.request.stream, ctx.options.kimitap_memory << 20)
            _gathered[flow] = flow.request.stream = gathering

    async def request(self, flow: http.HTTPFlow) -> None:
        """Begin to record the request while it goes on its way; or take in a flow from a file."""
        if self._stopped:
            return
        if not flow.live and self.futile:
            self.tally.lost += 1
        elif not flow.live:
            await self._open().capture(exchange_of(flow, self._digest_key()))
        elif flow not in _taps:
            self._early.add(flow)
            asyncio.get_running_loop().call_later(HEAD_START_S, self._begin_early, flow)

    async def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Let the response flow as it comes, and copy it; see to it that its request is on disk.

        The request is written while the server thinks, so that nearly always nobody waits here.
        """
        if not flow.live or flow.response is None or self._stopped:
            return
        tap = _taps.get(flow)
        if tap is None:  # answered before the request was complete
            tap = self._begin(flow)
        tap.follow(flow.response.stream)
        flow.response.stream = tap
        flow.response.headers = SwiftHeaders(flow.response.headers.fields)
        tap.answer(flow.response)
        await tap.kept(PATIENCE_S)

    def response(self, flow: http.HTTPFlow) -> None:
        """The response is complete."""
        if tap := _taps.pop(flow, None):
            tap.end(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """The exchange broke off: at the client's end, at the server's, or between."""
        if not flow.live or self._stopped:
            return
        tap = _taps.pop(flow, None)
        if tap is None:  # broke off before the request was complete
            tap = self._begin(flow)
            del _taps[flow]
        if tap.end(flow) is Outcome.REFUSED:
            logger.warning(
                "Kimitap: cannot reach %s://%s:%d (%s): the client gets a 502, and the exchange is "
                "recorded as refused",
                flow.request.scheme,
                flow.request.host,
                flow.request.port,
                flow.error,
            )

    def tcp_start(self, flow: tcp.TCPFlow) -> None:
        """Not HTTP: passed over."""
        self._passed_over += not flow.live

    def udp_start(self, flow: udp.UDPFlow) -> None:
        """Not HTTP: passed over."""
        self._passed_over += not flow.live

    def dns_request(self, flow: dns.DNSFlow) -> None:
        """Not HTTP: passed over."""
        self._passed_over += not flow.live

    # --- the line ---

    def _begin_early(self, flow: http.HTTPFlow) -> None:
        if flow in self._early:
            self._begin(flow)

    def _begin(self, flow: http.HTTPFlow) -> Tap:
        self._early.discard(flow)
        gathered = _gathered.pop(flow, None)
        body = flow.request.raw_content
        if gathered:
            body = bytes(gathered.seen) if gathered.whole else None
        line = self._open()
        if body is None and flow.request.timestamp_end:
            line.say_aloud(
                "Kimitap: stream_large_bodies hides a request's body: it is NOT recorded"
            )
            line.miss("mitmproxy's stream_large_bodies hid the request's body")
        tap = _taps[flow] = Tap(flow, line, self._digest_key(), body or b"")
        return tap

    def _open(self) -> Line:
        if self._line is None:
            limit = ctx.options.kimitap_memory << 20
            option = ctx.options.kimitap_db
            self._line = _handed_over.pop() if _handed_over else Line(option, limit)
            self.tally = self._line.tally
        return self._line

    def _digest_key(self) -> bytes:
        self._key = self._key or digest_key()
        return self._key


def _serves() -> bool:
    """Whether this mitmproxy listens, and does not only read a file."""
    return bool(ctx.options.server and not ("rfile" in ctx.options and ctx.options.rfile))


def _limits() -> Limits:
    """How much is kept. Raises UsageError."""
    return Limits.parse(ctx.options.kimitap_keep, ctx.options.kimitap_max_size)


def _addresses() -> list[str]:
    """The hosts on which the proxy listens."""
    server = ctx.master.addons.get("proxyserver")
    return [str(address[0]) for address in server.listen_addrs()] if server else []


def beyond_loopback(hosts: Iterable[str]) -> list[str]:
    """Those of `hosts` (IP addresses, perhaps with a zone) that other machines can reach."""
    return sorted({host for host in hosts if not ip_address(host.split("%")[0]).is_loopback})


async def _abandon(line: Line) -> None:
    """Close a line that no reloaded script takes over."""
    await asyncio.sleep(ADOPTION_S)
    if line in _handed_over:
        _handed_over.remove(line)
        await _close(line, 0)


async def _close(line: Line, passed_over: int, keeper: Keeper | None = None) -> None:
    """Write what waits, end what is under way, and say what was recorded."""
    if keeper:
        await keeper.close()
    for flow, tap in list(_taps.items()):
        if tap.line is line:
            tap.interrupt()
            del _taps[flow]
    await line.close()
    logger.log(logging.ERROR if line.tally.lost else logging.INFO, summary(line, passed_over))
    if line.tally.lost and not _serves():
        _fail()


def _fail() -> None:
    """Have mitmproxy exit with 1, as it does for what fails while it starts: whoever reads a file
    in a script must hear of it. It has no word for this, so that its main task is to end so."""
    if main := asyncio.current_task():
        main.add_done_callback(lambda _: sys.exit(1))
