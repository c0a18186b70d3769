"""Pictures of the screens, made from recordings: `screenshots.py RECORDING [RECORDING …] FOLDER`.

Most scenes show the first recording; those of all sessions show what stands in any of them. Writes
`NAME-COLUMNSxROWS.svg` and, where cairosvg is installed, `.png`. The pictures ask for DejaVu Sans
Mono, which has every mark that the screens use, and for no font on the network. Times are UTC, so
that the same recordings give the same pictures everywhere.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["TZ"] = "UTC"
time.tzset()

from kimitap.analysis import Analysis  # noqa: E402 (the time zone first)
from kimitap.evidence import subject_at, write_report  # noqa: E402
from kimitap.exchange import Exchange  # noqa: E402
from kimitap.store import Recording, RecordingWriter  # noqa: E402
from kimitap.tui.recording import RecordingSource  # noqa: E402
from kimitap.tui.screenshot import screenshot  # noqa: E402

WIDE, SMALL, NARROW = (120, 40), (80, 24), (40, 20)
_CELL_PX, _CHARACTER_PX = 12.2, 12
"""How wide a cell of Textual's pictures is, and in a PNG a character of DejaVu Sans Mono."""


@dataclass(frozen=True)
class Scene:
    """A picture: its name, its columns and rows, the keys pressed before, and of what it is."""

    name: str
    size: tuple[int, int] = WIDE
    keys: Sequence[str] = ()
    of_all: bool = False


SCENES = (
    Scene("where-it-broke"),
    Scene("where-it-broke", SMALL),
    Scene("where-it-broke", NARROW),
    Scene("diff", WIDE, ("d",)),
    Scene("diff", SMALL, ("d",)),
    Scene("turn-messages", WIDE, ("v",)),
    Scene("turn-reply", WIDE, ("left_square_bracket", "v", "3")),
    Scene("turn-wire", WIDE, ("r",)),
    Scene("turn-timings", SMALL, ("v", "7")),
    Scene("replay", SMALL, ("R",)),
    Scene("timeline", WIDE, ("T",)),
    Scene("findings", WIDE, ("F",), of_all=True),
    Scene("sessions", WIDE, ("s",), of_all=True),
    Scene("sessions", SMALL, ("s",), of_all=True),
    Scene("search", WIDE, ("S", *"steam", "enter"), of_all=True),
    Scene("help", WIDE, ("question_mark",)),
)


def main() -> None:
    """Make every scene."""
    if len(sys.argv) < 3:
        sys.exit("say: screenshots.py RECORDING [RECORDING …] FOLDER")
    *places, folder = sys.argv[1:]
    with TemporaryDirectory(prefix="kimitap-pictures-") as scratch:
        everything = str(Path(scratch, "all.db"))
        merge(places, everything)
        Path(folder).mkdir(parents=True, exist_ok=True)
        for scene in SCENES:
            take(scene, everything if scene.of_all else places[0], Path(folder))
        report(places[0], Path(scratch), Path(folder))


def merge(places: Sequence[str], where: str) -> None:
    """Write the exchanges of all recordings into one, in the order of their times."""
    exchanges: list[Exchange] = []
    for place in places:
        with Recording.open(place) as recording:
            exchanges += recording.exchanges()
    with RecordingWriter(where) as writer:
        for exchange in sorted(exchanges, key=lambda exchange: exchange.started_at):
            writer.add(exchange)


def take(scene: Scene, where: str, folder: Path) -> None:
    """Write one picture."""
    path = folder / f"{scene.name}-{scene.size[0]}x{scene.size[1]}.svg"
    source = RecordingSource(where)
    svg = asyncio.run(screenshot(source, scene.size, scene.keys))
    source.close()
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    path.write_text(svg, encoding="utf-8")
    draw(svg, path.with_suffix(".png"))


def report(where: str, scratch: Path, folder: Path) -> None:
    """The page of a report on a recording, as a browser shows it, where a Chromium is at hand."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for name in names if (path := shutil.which(name))), None)
    if browser is None:
        print("no Chromium here: the picture of the report's page stays as it is", file=sys.stderr)
        return
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        write_report(analysis, subject_at(analysis), scratch / "report")
    flags = ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--window-size=1000,1900")
    words = (f"--user-data-dir={scratch / 'browser'}", f"--screenshot={folder / 'report.png'}")
    page = (scratch / "report" / "report.html").as_uri()
    subprocess.run([browser, *flags, *words, page], check=True, capture_output=True)


def draw(svg: str, path: Path) -> None:
    """The SVG as PNG, where cairosvg is at hand.

    That heeds no `textLength` and sets characters at whole pixels: so a cell is made as wide as a
    character, else a run of text ends short of its cells, and a frame before its corner.
    """
    try:
        import cairosvg  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return
    cairosvg.svg2png(svg.encode(), write_to=str(path), scale=_CHARACTER_PX / _CELL_PX)


if __name__ == "__main__":
    main()
