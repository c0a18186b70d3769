"""Recorded text made visible: what a terminal, browser or editor would act on is written out."""

import re

_ACTED_ON = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """`text` with control, bidi and invisible characters written as `\\u001b`.

    Line feeds and tabs stay; CR LF becomes LF. What comes out cannot move a cursor, set a clipboard
    or reorder what a reader sees.
    """
    return _ACTED_ON.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def one_line(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters, white space folded; a cut ends in `…`."""
    line = " ".join(visible(text[: limit * 8]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
