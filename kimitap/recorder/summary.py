"""What one recording of this mitmproxy came to, in a line of text."""

from kimitap.amounts import counted
from kimitap.recorder.line import Line


def summary(line: Line, passed_over: int = 0) -> str:
    """What one line of recording came to, in one line of text."""
    tally, parts = line.tally, []
    if tally.recorded or not (tally.added or tally.skipped or passed_over):
        parts.append(f"{counted(tally.recorded, 'exchange')} recorded")
    if tally.added or tally.skipped:
        parts.append(f"{counted(tally.added, 'exchange')} added from the capture")
    if tally.skipped:
        parts.append(f"{tally.skipped} skipped, being there already")
    if passed_over:
        parts.append(f"{counted(passed_over, 'flow')} passed over, being no HTTP")
    if tally.lost:
        parts.append(f"{tally.lost} NOT or not wholly recorded")
    return f"Kimitap: {line.named}: {', '.join(parts)}"
