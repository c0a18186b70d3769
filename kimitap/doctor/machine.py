"""The Python that runs, the packages that matter, and the terminal."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

import kimitap
from kimitap.doctor.check import Check, bad, good, warning

OLDEST = (3, 12)
PACKAGES = ("mitmproxy", "textual", "sqlalchemy", "sqlmodel", "msgspec", "orjson", "zstandard")
"""Those that decide what is recorded and how it is shown."""


def look_at_machine(environment: Mapping[str, str]) -> Iterator[Check]:
    """Python, packages, `mitmdump` and the terminal."""
    yield _python()
    yield _packages()
    yield _mitmdump(environment)
    yield _terminal(environment)


def _python() -> Check:
    said = f"{platform.python_version()} ({sys.executable}), on {platform.platform(terse=True)}"
    if sys.version_info < OLDEST:
        return bad("Python", said, "install Python 3.12 or newer: mitmproxy 12 needs it")
    return good("Python", said)


def _packages() -> Check:
    found, missing = [f"kimitap {kimitap.__version__}"], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return bad("Packages", f"{', '.join(missing)} not installed", "install Kimitap anew")
    major = int(version("mitmproxy").split(".")[0])
    if major != 12:
        return bad("Packages", ", ".join(found), "install mitmproxy 12, which the recorder is for")
    return good("Packages", ", ".join(found))


def _mitmdump(environment: Mapping[str, str]) -> Check:
    """`kimitap record` needs no mitmdump; who uses the addon may run one of another Python."""
    path = shutil.which("mitmdump", path=environment.get("PATH"))
    if path is None:
        return good("mitmdump", "not on PATH; `kimitap record` needs none")
    own = os.path.dirname(sys.executable)  # noqa: PTH120 (compared as it was typed)
    if os.path.dirname(os.path.realpath(path)) != os.path.realpath(own):  # noqa: PTH120
        return warning(
            "mitmdump",
            f"{path} belongs to another Python, which may not have Kimitap's packages",
            f"run {os.path.join(own, 'mitmdump')} -s addons/kimitap.py, or kimitap record",  # noqa: PTH118
        )
    return good("mitmdump", path)


def _terminal(environment: Mapping[str, str]) -> Check:
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "")
    if encoding and encoding != "utf8":
        return warning(
            "Terminal",
            f"speaks {sys.stdout.encoding}: the screens draw with characters that it lacks",
            "set PYTHONUTF8=1, or LANG to a UTF-8 locale",
        )
    term = environment.get("TERM", "")
    if term == "dumb":
        return warning("Terminal", "TERM is dumb: no screens", "use kimitap show and check instead")
    return good("Terminal", f"UTF-8{f', {term}' if term else ''}")
