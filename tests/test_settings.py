"""A project's settings: found, read, refused with one clear line, and changed by flags."""

from pathlib import Path

import pytest

from kimitap.errors import UsageError
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Severity
from kimitap.settings import DEFAULTS, chosen, settings_from, settings_in

LOST, LOOP, ABORTED = "tool-turn-lost", "repeated-tool-call", "stream-aborted"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert settings_from(tmp_path) == DEFAULTS
    assert DEFAULTS.fail_on is Severity.ERROR


def test_a_pyproject_says_all_that_can_be_said(tmp_path: Path) -> None:
    text = f"""
[project]
name = "mine"

[tool.kimitap]
select = ["{LOST}", "{LOOP}"]
ignore = ["{LOOP}"]
severity = {{ "{LOST}" = "warning", "{LOOP}" = "off" }}
fail-on = "never"
"""
    found = settings_in(write(tmp_path / "pyproject.toml", text))
    assert found.choice == Choice({LOST, LOOP}, {LOOP}, {LOST: Severity.WARNING, LOOP: None})
    assert found.fail_on is None


def test_a_file_of_its_own_needs_no_heading(tmp_path: Path) -> None:
    found = settings_in(write(tmp_path / "kimitap.toml", f'ignore = ["{LOOP}"]'))
    assert found.choice.ignore == {LOOP}
    found = settings_in(write(tmp_path / "ci.toml", f'[tool.kimitap]\nignore = ["{LOST}"]'))
    assert found.choice.ignore == {LOST}


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    found = settings_in(write(tmp_path / "kimitap.toml", f'\ufeffignore = ["{LOOP}"]'))
    assert found.choice.ignore == {LOOP}


def test_the_nearest_file_upward_counts(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", f'[tool.kimitap]\nignore = ["{LOST}"]')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert settings_from(deep).choice.ignore == {LOST}
    write(tmp_path / "a" / "kimitap.toml", f'ignore = ["{LOOP}"]')
    assert settings_from(deep).choice.ignore == {LOOP}
    assert settings_from(tmp_path).choice.ignore == {LOST}


def test_a_pyproject_that_says_nothing_of_us_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "kimitap.toml", 'fail-on = "warning"')
    write(tmp_path / "a" / "pyproject.toml", "[tool.other]\nx = 1")
    write(tmp_path / "a" / "b" / "pyproject.toml", "this = is no TOML")
    assert settings_from(tmp_path / "a" / "b").fail_on is Severity.WARNING


def test_in_one_folder_the_file_of_its_own_comes_first(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.kimitap]\nfail-on = "never"')
    write(tmp_path / "kimitap.toml", 'fail-on = "info"')
    assert settings_from(tmp_path).fail_on is Severity.INFO


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selekt = []", "no setting 'selekt': did you mean select?"),
        ("colour = 1", "no setting 'colour': say fail-on, ignore, select, severity"),
        ('select = ["tool-turn-lots"]', "did you mean tool-turn-lost?"),
        ('ignore = ["zzz"]', "no rule is named 'zzz'; `kimitap rules` lists them"),
        ('severity = { "stream-aborted" = "eror" }', "did you mean error?"),
        ('severity = { "stream-abort" = "off" }', "did you mean stream-aborted?"),
        ('fail-on = "sometimes"', "fail-on cannot be 'sometimes'"),
        ('select = "tool-turn-lost"', "Expected array | null, got str - at $.select"),
        ('severity = ["off"]', "Expected object, got array - at $.severity"),
        ("fail-on = 1", "at $.fail-on"),
        ("[tool]\nkimitap = 1", "tool.kimitap must be a table"),
        ("= nonsense", "is no TOML"),
        ('x = "\xff', "is no TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_file(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "kimitap.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        settings_in(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_file_named_by_hand_must_be_there_and_speak_of_us(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml cannot be read"):
        settings_in(tmp_path / "none.toml")
    with pytest.raises(UsageError, match=r"has no \[tool.kimitap\]"):
        settings_in(write(tmp_path / "pyproject.toml", "[tool.other]"))


FILE = Choice({LOOP, LOST}, {ABORTED}, {LOST: None, LOOP: Severity.ERROR})


def test_a_rule_selected_by_flag_is_wanted_whatever_the_file_says() -> None:
    wanted = chosen(FILE, [f"{LOST},{ABORTED}"], [], [])
    assert wanted.wants(LOST) and wanted.wants(ABORTED) and not wanted.wants(LOOP)


def test_a_rule_ignored_by_flag_is_ignored_beside_those_of_the_file() -> None:
    wanted = chosen(FILE, [], [LOOP], [])
    assert not wanted.wants(LOOP) and not wanted.wants(ABORTED)


def test_a_grade_by_flag_replaces_the_file_s_grade() -> None:
    wanted = chosen(FILE, [], [], [f"{LOST}=info", f"{LOOP} = off"])
    assert wanted.wants(LOST) and not wanted.wants(LOOP)
    assert wanted.grades[LOST] is Severity.INFO


def test_without_flags_the_file_holds() -> None:
    assert chosen(FILE, [], [], []) == FILE
    assert chosen(EVERYTHING, (), (), ()) == EVERYTHING


@pytest.mark.parametrize(
    ("select", "grade", "said"),
    [
        ("tool-turn-lots", LOST + "=off", "did you mean tool-turn-lost?"),
        (LOST, LOST, "say RULE=SEVERITY"),
        (LOST, LOST + "=bad", "cannot be 'bad'"),
    ],
)
def test_a_wrong_flag_is_one_clear_line(select: str, grade: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        chosen(EVERYTHING, [select], [], [grade])


def test_the_readme_s_settings_are_read(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    block = readme.partition("    [tool.kimitap]")[2].partition("\n\n")[0]
    found = settings_in(write(tmp_path / "pyproject.toml", f"[tool.kimitap]{block}"))
    assert found.fail_on is Severity.WARNING
    assert found.choice.select == {LOST}
    assert set(found.choice.grades) == {"changed-system", "reasoning-dropped"}
