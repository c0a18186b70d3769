"""Pictures of the screens, made from a recording: `screenshots.py RECORDING FOLDER`.

Writes `NAME-COLUMNSxROWS.svg` and, where cairosvg is installed, `.png`. The pictures ask for DejaVu
Sans Mono, which has every mark that the screens use, and for no font on the network. Times are UTC,
so that the same recording gives the same picture everywhere.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ["TZ"] = "UTC"
time.tzset()

from kimitap.tui.recording import RecordingSource  # noqa: E402 (the time zone first)
from kimitap.tui.screenshot import screenshot  # noqa: E402

WIDE, SMALL, NARROW = (120, 40), (80, 24), (40, 20)
SCENES: tuple[tuple[str, tuple[int, int], Sequence[str]], ...] = (
    ("where-it-broke", WIDE, ()),
    ("where-it-broke", SMALL, ()),
    ("where-it-broke", NARROW, ()),
    ("diff", WIDE, ("d",)),
    ("diff", SMALL, ("d",)),
    ("raw", WIDE, ("r",)),
    ("help", SMALL, ("question_mark",)),
)


def main() -> None:
    """Make every scene."""
    if len(sys.argv) != 3:
        sys.exit("say: screenshots.py RECORDING FOLDER")
    where, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, size, keys in SCENES:
        path = folder / f"{name}-{size[0]}x{size[1]}.svg"
        source = RecordingSource(where)
        svg = asyncio.run(screenshot(source, size, keys)).replace("Fira Code", "DejaVu Sans Mono")
        source.close()
        path.write_text(svg, encoding="utf-8")
        draw(svg, path.with_suffix(".png"))


def draw(svg: str, path: Path) -> None:
    """The SVG as PNG, where cairosvg is at hand."""
    try:
        import cairosvg  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return
    cairosvg.svg2png(svg.encode(), write_to=str(path))


if __name__ == "__main__":
    main()
