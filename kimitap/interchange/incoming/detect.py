"""What kind of file it is, by what stands in it; a name tells nothing."""

import re
from pathlib import Path

from kimitap.errors import CaptureError
from kimitap.interchange.incoming import kvprof, prompts
from kimitap.interchange.incoming.claude_tap import BUNDLE
from kimitap.interchange.incoming.opening import opened

FLOW, HAR, JSONL = "flow", "har", "jsonl"
CLAUDE_TAP, KVPROF, PROMPTS = "claude-tap", "kvprof", "llama-prompts"
FORMATS = (FLOW, HAR, JSONL, CLAUDE_TAP, KVPROF, PROMPTS)
_FILES = (FLOW, HAR, JSONL, CLAUDE_TAP)
CLAUDE_TAP_BUNDLE = "claude-tap bundle"
"""claude-tap's other way to write a trace; the same word means both to a user."""

_PEEK = 1 << 16
_FLOW = re.compile(rb"\d{1,12}:")  # a netstring's length
_FIRST_KEY = re.compile(rb'\s*\{\s*"((?:[^"\\]|\\.)*)"\s*:')
_BELIEF = re.compile(rb'\s*\[\s*\{\s*(?:"[^"]*"\s*:\s*[^{\[]*?,\s*)*?"(?:role|content)"\s*:')

_CLAUDE_TAP_SUMMARY = re.compile(rb'\s*\[\s*\{\s*"turn"\s*:')


def kind_of(path: Path) -> str:
    """One of the formats; raises `CaptureError` where it is none of them."""
    if path.is_dir():
        return _kind_of_folder(path)
    with opened(path) as file:
        head = file.read(_PEEK).removeprefix(b"\xef\xbb\xbf")
    return _kind_of_head(path, head)


def _kind_of_folder(folder: Path) -> str:
    """A folder is a capture where it holds a file of such a one: nothing else of it is read."""
    try:
        if prompts.files(folder):
            return PROMPTS
        if any(map(_is_trace, kvprof.files(folder))):
            return KVPROF
    except OSError as error:
        raise CaptureError(f"{folder} cannot be read: {error.strerror}") from error
    raise CaptureError(
        f"{folder} is a folder with neither prompts of llama-server's --log-prompts-dir nor "
        f"traces of kvprof's; name the file for {', '.join(_FILES)}"
    )


def _is_trace(path: Path) -> bool:
    try:
        return kind_of(path) == KVPROF
    except CaptureError:
        return False


def _kind_of_head(path: Path, head: bytes) -> str:
    if not head.strip():
        raise CaptureError(f"{path} is empty")
    if _FLOW.match(head):
        return FLOW
    if _BELIEF.match(head):
        raise CaptureError(
            f"{path} is a client's own history, which is no traffic: compare it with a recording "
            "by `kimitap belief [DB] PLACE FILE`"
        )
    if _CLAUDE_TAP_SUMMARY.match(head):
        raise CaptureError(
            f"{path} is claude-tap's summary, which lacks headers and times: export the trace with "
            "`claude-tap export ID --format compact`"
        )
    found = _FIRST_KEY.match(head)
    kind = _kind_of_key(found[1].decode("utf-8", "replace"), head) if found else ""
    if kind:
        return kind
    if re.fullmatch(r"\d{12,19}\.txt", path.name):
        return PROMPTS
    raise CaptureError(
        f"{path} is no capture that Kimitap knows by its content ({', '.join(FORMATS)}); if it is "
        "one of them, say which with --format"
    )


def _kind_of_key(first: str, head: bytes) -> str:
    """The format of a JSON object or of JSON lines, by the first key and those near it."""
    if first == "log":
        return HAR
    if first == "kimitap":
        return JSONL
    if first == BUNDLE:
        return CLAUDE_TAP_BUNDLE
    if b'"tap_pid"' in head and b'"schema"' in head:
        return KVPROF
    if b'"request"' in head and (b'"duration_ms"' in head or b'"request_id"' in head):
        return CLAUDE_TAP
    if b'"entries"' in head and b'"creator"' in head:
        return HAR
    return ""
