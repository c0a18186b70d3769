"""The pytest plugin in real runs of pytest; a scripted server behind a real proxy."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from kimitap.demo.upstream import Upstream
from kimitap.store import Recording
from tests.support.proxy import ROOT

AGENT = """
import os
from pathlib import Path
from kimitap.demo.agent import play
from kimitap.demo.stage import HEALTHY, LOSSY

def run_agent(agent, folder):
    return play(agent, os.environ["OPENAI_BASE_URL"].removesuffix("/v1"), folder)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Upstream() as upstream:
        yield upstream.url


@pytest.fixture
def tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder for tests, where no plugin is loaded but the one that is tested."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("OPENAI_BASE_URL", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(agents=AGENT)
    return pytester


def run(tests: pytest.Pytester, *words: str) -> pytest.RunResult:
    return tests.runpytest_subprocess(
        "-p", "kimitap.pytest_plugin", "-p", "no:cacheprovider", *words
    )


def test_a_healthy_agent_passes_and_the_environment_is_put_back(
    tests: pytest.Pytester, server: str
) -> None:
    tests.makepyfile(
        """
        import os
        from agents import HEALTHY, run_agent

        def test_healthy(kimitap_recorder, tmp_path):
            assert os.environ["ANTHROPIC_BASE_URL"] == kimitap_recorder.url
            assert run_agent(HEALTHY, tmp_path).turns == 5
            assert [path.name for path in tmp_path.iterdir()] == ["Test.md"]
            assert kimitap_recorder.findings() == ()
            assert kimitap_recorder.recording.exists()
            kimitap_recorder.check(fail_on="info")

        def test_later():
            assert "OPENAI_BASE_URL" not in os.environ
        """
    )
    run(tests, "--kimitap-upstream", server).assert_outcomes(passed=2)


def test_a_lost_turn_fails_the_test_with_the_finding_and_the_recording_is_kept(
    tests: pytest.Pytester, server: str
) -> None:
    tests.makepyfile(
        test_it="""
        from agents import HEALTHY, LOSSY, run_agent

        def test_lossy(kimitap_recorder, tmp_path):
            run_agent(LOSSY, tmp_path)
            kimitap_recorder.check()

        def test_other(kimitap_recorder, tmp_path):
            run_agent(HEALTHY, tmp_path)
            kimitap_recorder.check()
        """
    )
    words = ("--kimitap-upstream", server, "--kimitap-keep", "kept")
    done = run(tests, *words)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*error: tool-turn-lost*", "*what to do: *"])
    done.stdout.no_fnmatch_line("*pytest_plugin.py*")  # no traceback through our files
    (kept,) = (tests.path / "kept").iterdir()
    assert kept.name == "test_it.py-test_lossy.db"
    assert kept.stat().st_mode & 0o777 == 0o600
    done.stdout.fnmatch_lines(
        [f"kimitap: the recording of test_it.py::test_lossy is kept as *{kept}"]
    )
    with Recording.open(str(kept)) as recording:
        assert recording.numbers() == [1, 2, 3, 4]


@pytest.mark.parametrize("fixture", ["kimitap_recorder", "kimitap_session"])
def test_a_recording_that_lost_something_is_kept_and_the_test_fails(
    tests: pytest.Pytester, server: str, fixture: str
) -> None:
    """The agent's test is green; the recorder is killed behind its back."""
    tests.makepyfile(
        test_it=f"""
        import os, signal
        from pathlib import Path
        from agents import HEALTHY, run_agent

        def test_it({fixture}, tmp_path):
            run_agent(HEALTHY, tmp_path)
            {fixture}.check()
            for child in Path(f"/proc/self/task/{{os.getpid()}}/children").read_text().split():
                if b"kimitap.running" in Path(f"/proc/{{child}}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)
                    os.waitid(os.P_PID, int(child), os.WEXITED | os.WNOWAIT)
        """
    )
    done = run(tests, "--kimitap-upstream", server, "--kimitap-keep", "kept")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*kimitap: the recorder ended before the command*recorded is in *"])
    (kept,) = (tests.path / "kept").iterdir()
    done.stdout.fnmatch_lines([f"kimitap: the recording of * is kept as *{kept}"])
    with Recording.open(str(kept)) as recording:
        assert recording.numbers()


def test_a_kept_recording_overwrites_none(tests: pytest.Pytester, server: str) -> None:
    tests.makepyfile(test_it="def test_it(kimitap_recorder):\n    kimitap_recorder.check()\n")
    words = ("--kimitap-upstream", server, "--kimitap-keep", "kept")
    (tests.path / "kept").mkdir()
    (tests.path / "kept" / "test_it.py-test_it.db").write_text("mine")
    run(tests, *words).assert_outcomes(failed=1)
    assert (tests.path / "kept" / "test_it.py-test_it.db").read_text() == "mine"
    assert (tests.path / "kept" / "test_it.py-test_it-2.db").stat().st_size


def test_a_check_of_nothing_fails_and_names_the_variables(
    tests: pytest.Pytester, server: str
) -> None:
    tests.makepyfile(
        """
        def test_nothing(kimitap_recorder):
            kimitap_recorder.check()

        def test_allowed(kimitap_recorder):
            kimitap_recorder.check(allow_empty=True)
        """
    )
    done = run(tests, "--kimitap-upstream", server)
    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines(["*no conversation went through the recorder*OPENAI_BASE_URL*"])


def test_one_recorder_may_serve_the_whole_run(tests: pytest.Pytester, server: str) -> None:
    tests.makeini(f"[pytest]\nkimitap_upstream = {server}\nkimitap_keep = kept\n")
    tests.makepyfile(
        """
        from agents import HEALTHY, LOSSY, run_agent

        def test_first(kimitap_session, tmp_path):
            run_agent(HEALTHY, tmp_path)
            kimitap_session.check()

        def test_second(kimitap_session, tmp_path):
            run_agent(LOSSY, tmp_path)
            rules = {finding.rule for finding in kimitap_session.findings()}
            assert "tool-turn-lost" in rules
            kimitap_session.check(fail_on="never")

        def test_third(kimitap_session):
            kimitap_session.check()
        """
    )
    run(tests).assert_outcomes(passed=2, failed=1)
    assert [path.name for path in (tests.path / "kept").iterdir()] == ["session.db"]


def test_a_server_of_one_s_own_is_a_fixture(tests: pytest.Pytester) -> None:
    tests.makepyfile(
        """
        import pytest
        from agents import HEALTHY, run_agent
        from kimitap.demo.upstream import Upstream

        @pytest.fixture
        def kimitap_upstream():
            with Upstream() as upstream:
                yield upstream.url

        def test_it(kimitap_recorder, tmp_path):
            run_agent(HEALTHY, tmp_path)
            kimitap_recorder.check()
        """
    )
    run(tests).assert_outcomes(passed=1)


def test_without_a_server_one_line_says_what_to_set(tests: pytest.Pytester) -> None:
    tests.makepyfile("def test_it(kimitap_recorder): pass")
    done = run(tests)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*no server is named: say --kimitap-upstream URL*"])


def test_a_server_that_is_no_address_is_one_line(tests: pytest.Pytester) -> None:
    tests.makepyfile("def test_it(kimitap_recorder): pass")
    done = run(tests, "--kimitap-upstream", "ftp://h")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*kimitap: 'ftp://h' is no upstream*"])


def test_it_costs_nothing_for_those_who_do_not_use_it(tests: pytest.Pytester) -> None:
    code = (
        "import sys, pytest, kimitap.pytest_plugin; "
        "ours = {name for name in sys.modules if name.startswith('kimitap')}; "
        "assert ours == {'kimitap', 'kimitap.pytest_plugin'}, ours; "
        "assert not {'sqlalchemy', 'mitmproxy', 'click', 'orjson'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    tests.makepyfile("def test_it(): pass")
    run(tests).assert_outcomes(passed=1)


def test_pytest_finds_the_plugin_by_the_project_s_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"kimitap": "kimitap.pytest_plugin"}
