"""Markdown cut to a length: whole blocks go, the longest first, and each says that it is gone."""

import re
from collections.abc import Iterator, Sequence

MOST = 60_000
"""Characters of a page. GitHub takes 65,536 in an issue or a comment: some are left for the user's
own words."""
_SPARED = 400
"""Characters of a block up to which it stays, as long as longer ones can go."""
_FENCE = re.compile(r"`{3,}")


def bounded(blocks: Sequence[str], most: int = MOST, where: str = "report.html") -> str:
    """The blocks, a blank line between two, in at most `most` characters.

    The longest blocks are replaced by a note that says how long they were and `where` they stand;
    if that is not enough, the last blocks are left out.
    """
    kept = list(blocks)
    size = sum(len(block) + 2 for block in kept)
    for at in sorted(range(len(kept)), key=lambda i: -len(kept[i])):
        if size <= most or len(kept[at]) <= _SPARED:
            break
        note = f"_(left out for its length: {len(kept[at]):,} characters; see {where})_"
        size += len(note) - len(kept[at])
        kept[at] = note
    return _cut(kept, size, most, where)


def _cut(kept: list[str], size: int, most: int, where: str) -> str:
    gone = 0
    note = "_({:,} more blocks are left out for their length; see " + where + ")_"
    while kept and size + len(note) + 8 > most and (gone or size > most):
        size -= len(kept.pop()) + 2
        gone += 1
    if gone:
        kept.append(note.format(gone))
    return "\n\n".join(kept) + "\n"


def blocks_of(markdown: str) -> Iterator[str]:
    """The blocks of a page: what stands between blank lines, a fence with all that is in it."""
    block: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        if fence:
            block.append(line)
            if line == fence:
                fence = ""
            continue
        if opened := _FENCE.match(line):
            fence = opened[0]
        if line or fence:
            block.append(line)
        elif block:
            yield "\n".join(block)
            block = []
    if block:
        yield "\n".join(block)
