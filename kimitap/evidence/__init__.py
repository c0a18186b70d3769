"""Evidence: a report that can be read, checked and run again, as one folder or zip.

A finding, or a place, becomes a recording of its own: the fewest exchanges that show it, masked.
Every other file is made from what that recording says when it is read again, so that the files
cannot disagree, and nothing that was masked can be in any of them.
"""

from kimitap.evidence.case import Case, Material, Wanted, gather, make_case
from kimitap.evidence.report import LARGE, Report, files, free_name, write, write_report, zip_bytes
from kimitap.evidence.subject import (
    Subject,
    subject_at,
    subject_between,
    subject_of,
)
from kimitap.evidence.taken import written_bytes

__all__ = [
    "LARGE",
    "Case",
    "Material",
    "Report",
    "Subject",
    "Wanted",
    "files",
    "free_name",
    "gather",
    "make_case",
    "subject_at",
    "subject_between",
    "subject_of",
    "write",
    "write_report",
    "written_bytes",
    "zip_bytes",
]
