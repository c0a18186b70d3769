"""The report as a whole: its files made from a case, and put where the user wants them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kimitap.analysis import Analysis
from kimitap.evidence.case import Case, Material, Wanted, gather, make_case
from kimitap.evidence.delivery import (
    deliver_folder,
    deliver_zip,
    demand_free,
    put,
    refused,
    workplace,
    zipped,
)
from kimitap.evidence.html import html
from kimitap.evidence.page import page
from kimitap.evidence.redactions import redactions
from kimitap.evidence.script import bodies, script
from kimitap.evidence.subject import Subject
from kimitap.evidence.sums import SUMS, sums_of
from kimitap.evidence.taken import written_bytes
from kimitap.interchange.outgoing.jsonl import lines

RECORDING = "recording.db"
LARGE = 50_000_000
"""Bytes of a report from which on nobody attaches it unasked: each request repeats the last."""
Agree = Callable[[int], None]


@dataclass(frozen=True)
class Report:
    """A report that was written: where, and what it says in short."""

    path: Path
    exchanges: int
    of: int
    rule: str
    """The rule whose finding it shows; `""` for none."""
    unshown: str
    masked: int


def write_report(
    analysis: Analysis,
    subject: Subject,
    target: Path,
    wanted: Wanted | None = None,
    *,
    as_zip: bool = False,
    force: bool = False,
    agree: Agree | None = None,
) -> Report:
    """Gather the material and write the report: see `write`.

    `agree` hears before that how many bytes its files will have, about, and raises to refuse it.
    """
    demand_free(target, force)
    wanted = wanted or Wanted()
    material = gather(analysis, subject, wanted)
    if agree is not None:
        agree(written_bytes(material.exchanges))
    return write(material, target, wanted, as_zip=as_zip, force=force)


def write(
    material: Material, target: Path, wanted: Wanted, *, as_zip: bool = False, force: bool = False
) -> Report:
    """Write the report to `target`, a folder or a zip, and say what came of it.

    All of it is there at the end, or nothing. Raises `UsageError` where something stands there
    already, or the folder cannot be written.
    """
    demand_free(target, force)
    with workplace(target.parent) as work:
        try:
            case = _written(material, wanted, work / "report")
            if as_zip:
                packed = work / "report.zip"
                zipped(work / "report", packed, target.stem)
                deliver_zip(packed, target, force)
            else:
                deliver_folder(work / "report", target, force)
        except OSError as error:
            raise refused(target, error) from error
    return Report(
        path=target,
        exchanges=len(case.exchanges),
        of=case.of,
        rule=case.finding.rule if case.finding else "",
        unshown=case.unshown,
        masked=sum(one.count for one in case.masked),
    )


def zip_bytes(material: Material, wanted: Wanted, beside: Path, root: str) -> bytes:
    """The report as the bytes of a zip; `beside` is a folder for what is made meanwhile."""
    with workplace(beside) as work:
        _written(material, wanted, work / "report")
        zipped(work / "report", work / "report.zip", root)
        return (work / "report.zip").read_bytes()


def free_name(folder: Path, stem: str, suffix: str = "") -> Path:
    """A path in `folder` at which nothing stands: `stem`, `stem-2`, …"""
    for n in range(1, 1000):
        path = folder / (f"{stem}{suffix}" if n == 1 else f"{stem}-{n}{suffix}")
        if not path.exists() and not path.is_symlink():
            return path
    raise FileExistsError(17, f"{stem} and 998 more are there already", str(folder))


def _written(material: Material, wanted: Wanted, folder: Path) -> Case:
    folder.mkdir(mode=0o700)
    case = make_case(material, wanted, folder / RECORDING)
    try:
        for name, parts in files(case):
            put(folder, name, parts, program=name.endswith(".sh"))
    finally:
        case.analysis.recording.close()
    for beside in folder.glob(f"{RECORDING}-*"):
        beside.unlink()
    put(folder, SUMS, [sums_of(folder)])
    return case


def files(case: Case) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The names of the files that are made from the recording, and their bytes, part by part."""
    yield "report.md", [page(case).encode()]
    yield "report.html", [html(case).encode()]
    yield "exchanges.jsonl", (line.encode() for line in lines(case.exchanges))
    yield "replay.sh", (part.encode() for part in script(case.exchanges))
    yield "redactions.md", [redactions(case).encode()]
    for name, data in bodies(case.exchanges):
        yield name, [data]
