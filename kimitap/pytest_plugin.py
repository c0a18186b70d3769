"""Kimitap for tests of an agent: a recorder that a test's agent speaks to, and what broke there.

    def test_the_agent_keeps_its_tool_turns(kimitap_recorder):
        run_my_agent(base_url=f"{kimitap_recorder.url}/v1")
        kimitap_recorder.check()

`pytest --kimitap-upstream http://127.0.0.1:8080`, or `kimitap_upstream` in pytest's settings file,
names the server; a fixture `kimitap_upstream` of your own does too. Loaded in every run of pytest
where Kimitap is installed: nothing but the standard library is imported before a test asks.
"""

import os
import re
import shutil
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pluggy

    from kimitap.rules.finding import Finding
    from kimitap.running import RunningRecorder

_REPORTS = pytest.StashKey[dict[str, pytest.TestReport]]()
_FAILED = pytest.StashKey[list[str]]()
_KEPT = pytest.StashKey[list[tuple[str, Path]]]()


@dataclass
class RecordedRun:
    """A recorder before the agent's server, and what it has recorded.

    `url` is the base URL to give to an agent, without `/v1`; `recording` the database's file;
    `environment` what was set so that agents find the recorder by themselves.
    """

    url: str
    recording: Path
    upstream: str
    environment: Mapping[str, str]
    folder: Path
    """Where the project's settings are looked for."""

    def findings(self) -> "tuple[Finding, ...]":
        """What was found so far, in the order of its places.

        The settings file of the project (`kimitap.toml`, `[tool.kimitap]`) chooses and grades.
        """
        return tuple(self._recorded()[0])

    def check(self, fail_on: str = "error", *, allow_empty: bool = False) -> None:
        """Fail the test where something at or above `fail_on` was found: error, warning or info.

        Also where no conversation was recorded, unless `allow_empty`: a check of nothing is none.
        """
        __tracebackhide__ = True
        from kimitap.export.formats import harmless
        from kimitap.export.formats.text import told_finding
        from kimitap.rules import RULES
        from kimitap.settings import threshold

        least = threshold(fail_on)
        findings, turns = self._recorded()
        if not turns and not allow_empty:
            pytest.fail(self._nothing(), pytrace=False)
        bad = [f for f in findings if least is not None and f.severity.rank >= least.rank]
        if not bad:
            return
        remedies = {rule.name: rule.remedy for rule in RULES}
        told = ["\n".join(told_finding(finding, remedies)) for finding in harmless(bad)]
        found = "1 finding" if len(bad) == 1 else f"{len(bad)} findings"
        pytest.fail("\n\n".join([f"kimitap: {found} in {self.recording}", *told]), pytrace=False)

    def _recorded(self) -> "tuple[tuple[Finding, ...], int]":
        """What was found, and in how many turns."""
        from kimitap.analysis import Analysis
        from kimitap.errors import NoRecording
        from kimitap.running import settled
        from kimitap.settings import settings_from
        from kimitap.store import Recording

        where = str(self.recording)
        settled(where, 0)
        try:
            with Recording.open(where) as recording:
                analysis = Analysis(recording, choice=settings_from(self.folder).choice)
                analysis.refresh()
        except NoRecording:  # nothing came yet
            return (), 0
        return analysis.findings, len(analysis.turns)

    def _nothing(self) -> str:
        names = ", ".join(name for name, value in self.environment.items() if self.url in value)
        return (
            f"kimitap: no conversation went through the recorder at {self.url}; these variables "
            f"named it: {names}; else give the agent kimitap_recorder.url"
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the server is, and where recordings of failing tests are kept."""
    group = parser.getgroup("kimitap", "recording what an agent and its server say")
    group.addoption(
        "--kimitap-upstream",
        metavar="URL",
        help="The server that the recorder of the fixture kimitap_recorder stands before.",
    )
    group.addoption(
        "--kimitap-keep",
        metavar="DIR",
        help="Keep the recording of each failing test there.",
    )
    parser.addini("kimitap_upstream", "The server behind kimitap_recorder.", default="")
    parser.addini("kimitap_keep", "Where recordings of failing tests are kept.", default="")


@pytest.hookimpl(hookwrapper=True)  # the older way: older versions of pytest load this file too
def pytest_runtest_makereport(
    item: pytest.Item,
) -> "Generator[None, pluggy.Result[pytest.TestReport], None]":
    """Remember how the test went, for the fixtures' end."""
    outcome = yield
    report = outcome.get_result()
    item.stash.setdefault(_REPORTS, {})[report.when or ""] = report
    if report.failed and "kimitap_session" in getattr(item, "fixturenames", ()):
        item.session.stash.setdefault(_FAILED, []).append(item.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which recordings were kept."""
    for name, path in terminalreporter.config.stash.get(_KEPT, []):
        terminalreporter.write_line(f"kimitap: the recording of {name} is kept as {path}")


@pytest.fixture(scope="session")
def kimitap_upstream(pytestconfig: pytest.Config) -> str:
    """The server's address; define a fixture of this name to start one of your own."""
    said = pytestconfig.getoption("kimitap_upstream") or pytestconfig.getini("kimitap_upstream")
    if not said:
        pytest.fail(
            "kimitap: no server is named: say --kimitap-upstream URL, or kimitap_upstream in "
            "pytest's settings, or define a fixture kimitap_upstream",
            pytrace=False,
        )
    return str(said)


@pytest.fixture
def kimitap_recorder(
    request: pytest.FixtureRequest,
    kimitap_upstream: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RecordedRun]:
    """A recorder of this test's own; agents find it by their environment, or by its `url`."""
    where = tmp_path_factory.mktemp("kimitap") / "kimitap.db"  # the agent may list tmp_path
    whole = False
    try:
        yield from _run(kimitap_upstream, where, monkeypatch, request.config.rootpath)
        whole = True
    finally:
        reports = request.node.stash.get(_REPORTS, {})
        if not whole or any(report.failed for report in reports.values()):
            _keep(where, request.node.nodeid, request.config)


@pytest.fixture(scope="session")
def kimitap_session(
    request: pytest.FixtureRequest,
    kimitap_upstream: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RecordedRun]:
    """One recorder for all tests of the run: it starts once, and what was found is of all tests."""
    where = tmp_path_factory.mktemp("kimitap") / "kimitap.db"
    whole = False
    try:
        with pytest.MonkeyPatch.context() as patching:
            yield from _run(kimitap_upstream, where, patching, request.config.rootpath)
        whole = True
    finally:
        if not whole or request.session.stash.get(_FAILED, []):
            _keep(where, "session", request.config)


def _run(
    upstream: str, where: Path, patching: pytest.MonkeyPatch, folder: Path
) -> Iterator[RecordedRun]:
    """A running recorder, and the environment that names it; both end with the fixture."""
    from kimitap.errors import KimitapError
    from kimitap.running import recorder, surroundings

    try:
        with recorder(upstream, str(where)) as running:
            added = surroundings(running.url, upstream, os.environ)
            for name, value in added.items():
                patching.setenv(name, value)
            yield RecordedRun(running.url, where, upstream, added, folder)
    except KimitapError as error:
        pytest.fail(f"kimitap: {error}", pytrace=False)
    _demand_whole(running)


def _demand_whole(running: "RunningRecorder") -> None:
    """Fail where something is missing from the recording: a check of it said too little."""
    if running.lost or running.failure:
        count = "1 exchange is" if running.lost == 1 else f"{running.lost} exchanges are"
        said = running.failure or f"{count} missing from the recording, wholly or in part"
        said = f"{said}; what was recorded is in {running.where}"
        pytest.fail("\n".join([f"kimitap: {said}", *running.warnings]), pytrace=False)


def _keep(where: Path, name: str, config: pytest.Config) -> None:
    """Copy the recording into the folder that was named for it, under a name that is free."""
    folder = config.getoption("kimitap_keep") or config.getini("kimitap_keep")
    if not folder or not where.exists():
        return
    from kimitap.errors import KimitapError
    from kimitap.store.backing_up import back_up
    from kimitap.store.location import make_folder

    into = Path(config.invocation_params.dir, folder)
    make_folder(into)
    path = _reserved(into, re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[-150:])
    part = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        back_up(str(where), part)  # with what a recorder that was killed left beside it
        part.replace(path)
    except KimitapError:
        shutil.copyfile(where, path)
    config.stash.setdefault(_KEPT, []).append((name, path))


def _reserved(folder: Path, stem: str) -> Path:
    """An empty file under the first name that nobody has."""
    for number in count(1):
        path = folder / (f"{stem}.db" if number == 1 else f"{stem}-{number}.db")
        try:
            path.touch(0o600, exist_ok=False)
        except FileExistsError:
            continue
        break
    return path
