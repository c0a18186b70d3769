"""Assembles a streamed reply of Anthropic's Messages API: content blocks, by index.

https://docs.anthropic.com/en/api/messages-streaming. llama-server stops no block before the next
one starts and sends the signature of a thought last of all, so that deltas go to the block of their
index, and blocks stand in the order in which they started.
"""

from typing import Any

from kimitap.conversation import Part, Text, ToolCall
from kimitap.dialects.answer import DONE, value_of
from kimitap.dialects.anthropic_facts import Counts
from kimitap.dialects.anthropic_message import arguments_of, part_of
from kimitap.dialects.chat_facts import Facts
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, kind_of, loads
from kimitap.dialects.runs import Grown
from kimitap.sse import Event

_TOLD = {"text": "text", "thinking": "thinking", "compaction": "content"}
"""The field of a block that its deltas fill; those of any other kind fill `input`."""
_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "thinking"),
    "compaction_delta": ("content", "compaction"),
    "input_json_delta": ("partial_json", "tool_use"),
}
"""What a delta holds, and the kind of block that it belongs to."""


class _Block:
    """A content block under assembly."""

    __slots__ = ("begun", "deltas", "kind", "signatures")

    def __init__(self, begun: dict[str, Any]) -> None:
        self.begun = begun
        self.kind = begun.get("type")
        self.deltas: list[str] = []
        self.signatures: list[str] = []

    def takes(self, delta: str) -> bool:
        """True where a delta of that type belongs to a block of this kind."""
        kind = _DELTAS[delta][1]
        own = self.kind if isinstance(self.kind, str) else ""
        return own == kind if kind in _TOLD else own not in _TOLD

    def parts(self, where: str, faults: Faults) -> list[Part]:
        """What the block says. Arguments that are no JSON, or cut, stay as they are."""
        said = "".join(self.deltas)
        if self.kind == "tool_use":
            return [self._call(said, where, faults)]
        block = dict(self.begun)
        name = _TOLD.get(self.kind) if isinstance(self.kind, str) else None
        if name:
            begun = block.get(name)
            block[name] = (begun if isinstance(begun, str) else "") + said
        elif said:
            block["input"] = _read(said)
        if signature := "".join(self.signatures):
            block["signature"] = signature
        return [part for part in part_of(block, where, faults) if part != Text("")]

    def _call(self, said: str, where: str, faults: Faults) -> ToolCall:
        """The call; an `input` that it began with counts only where no delta followed."""
        name = faults.string(self.begun, "name", where, needed=True)
        call_id = faults.id(self.begun, "id", where)
        return ToolCall(name, said or arguments_of(self.begun.get("input")), call_id)


def _read(text: str) -> Any:
    try:
        return loads(text)[0]
    except UnreadableJson:
        return text


class StreamedMessage:
    """Takes the events of one stream, in order."""

    def __init__(self, facts: Facts, counts: Counts, faults: Faults) -> None:
        self.facts = facts
        self.counts = counts
        self.id = ""
        self.role = "assistant"
        self.stop_reason: str | None = None
        self.done = False
        self.events = 0
        self._faults = faults
        self._place = 0
        self._blocks: list[tuple[int, _Block]] = []
        """Each with the event that began it."""
        self._at: dict[int, _Block] = {}
        """The block begun last at each index."""

    def parts(self) -> list[Part]:
        """What the blocks say, in the order in which they began."""
        return [
            part
            for place, block in self._blocks
            for part in block.parts(f"response.event[{place}].content_block", self._faults)
        ]

    def add(self, event: Event) -> Grown | None:
        """Takes one event; what it should not hold is a fault at `response.event[N]`.

        Where all that it did was adding letters to a text, it says to which.
        """
        self._place, self.events = self.events, self.events + 1
        before = self._faults.count
        if event.fault:
            self._fault("", event.fault)
        chunk = value_of(event, f"response.event[{self._place}]", self._faults)
        if chunk is DONE:
            return None
        if event.kind == "error":
            self.facts.fail(event.data if chunk is None else chunk, in_stream=True)
        elif type(chunk) is dict:
            grown = self._add_chunk(chunk, event.kind)
            return grown if self._faults.count == before else None
        elif chunk is not None:
            self._fault("", f"an event is an object, not {kind_of(chunk)}")
        return None

    def _fault(self, suffix: str, what: str) -> None:
        self._faults.add(f"response.event[{self._place}]{suffix}", what)

    def _add_chunk(self, chunk: dict[str, Any], kind: str) -> Grown | None:
        match chunk.get("type", kind):
            case "content_block_delta":
                return self._add_delta(chunk)
            case "content_block_start":
                self._begin(chunk.get("index"), chunk.get("content_block"))
            case "message_start":
                self._start(chunk.get("message"))
            case "message_delta":
                self._end(chunk)
            case "message_stop":
                self.facts.read(chunk)
                self.done = True
            case "content_block_stop" | "ping":
                pass
            case _:
                self._add_unknown(chunk)
        return None

    def _add_unknown(self, chunk: dict[str, Any]) -> None:
        """An error, whatever its event is called; other events are for later versions."""
        if chunk.get("error") or chunk.get("type") == "error":
            self.facts.fail(chunk, in_stream=True)
        elif not isinstance(chunk.get("type"), str):
            self._fault(".type", "an event without a type")

    def _start(self, message: Any) -> None:
        if not isinstance(message, dict):
            self._fault(".message", f"a message is an object, not {kind_of(message)}")
            return
        self.facts.read({name: value for name, value in message.items() if name != "usage"})
        self.counts.add(message.get("usage"))
        where = f"response.event[{self._place}].message"
        self.id = self.id or self._faults.id(message, "id", where) or ""
        self.role = self._faults.string(message, "role", where) or self.role
        content = message.get("content")
        if isinstance(content, list):
            for index, block in enumerate(content):
                self._begin(index, block)
        elif content is not None:
            self._fault(".message.content", f"content is a list, not {kind_of(content)}")
        self._stop(message.get("stop_reason"), ".message")

    def _begin(self, index: Any, begun: Any) -> None:
        if type(begun) is not dict:
            self._fault(".content_block", f"a block is an object, not {kind_of(begun)}")
            return
        if type(index) is not int:
            self._fault(".index", f"an index is a number, not {kind_of(index)}")
            index = len(self._blocks)
        elif index in self._at:
            self._fault(".index", f"index {index} was already a block")
        self._open(index, begun)

    def _open(self, index: int, begun: dict[str, Any]) -> _Block:
        block = self._at[index] = _Block(begun)
        self._blocks.append((self._place, block))
        return block

    def _add_delta(self, chunk: dict[str, Any]) -> Grown | None:
        delta = chunk.get("delta")
        if type(delta) is not dict:
            self._fault(".delta", f"a delta is an object, not {kind_of(delta)}")
            return None
        kind = delta.get("type")
        if type(kind) is not str or kind not in _DELTAS:
            if kind != "citations_delta":
                self._fault(".delta.type", f"a delta of an unknown type {str(kind)[:40]!r}")
            return None
        name = _DELTAS[kind][0]
        text = delta.get(name)
        if type(text) is not str:
            if text is not None:
                self._fault(f".delta.{name}", f"{name} is a string, not {kind_of(text)}")
            return None
        block = self._block(chunk.get("index"), kind)
        said = block.signatures if kind == "signature_delta" else block.deltas
        said.append(text)
        return Grown(name, said)

    def _block(self, index: Any, kind: str) -> _Block:
        """The block that a delta belongs to; one that nothing began is begun here."""
        if type(index) is not int:
            self._fault(".index", f"an index is a number, not {kind_of(index)}")
            index = next(reversed(self._at), 0)
        block = self._at.get(index)
        if block is not None and block.takes(kind):
            return block
        what = "that nothing began" if block is None else f"of the type {str(block.kind)[:40]!r}"
        self._fault(".delta", f"a {kind} for a block {what}")
        return self._open(index, {"type": _DELTAS[kind][1]})

    def _end(self, chunk: dict[str, Any]) -> None:
        self.facts.read({name: value for name, value in chunk.items() if name != "usage"})
        self.counts.add(chunk.get("usage"))
        delta = chunk.get("delta")
        if isinstance(delta, dict):
            self._stop(delta.get("stop_reason"), ".delta")
        elif delta is not None:
            self._fault(".delta", f"a delta is an object, not {kind_of(delta)}")

    def _stop(self, reason: Any, where: str) -> None:
        if isinstance(reason, str):
            self.stop_reason = reason or self.stop_reason
        elif reason is not None:
            what = f"a stop_reason is a string, not {kind_of(reason)}"
            self._fault(f"{where}.stop_reason", what)
