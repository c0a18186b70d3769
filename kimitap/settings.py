"""What a project asks of Kimitap: `[tool.kimitap]` in a pyproject.toml, or a kimitap.toml.

    [tool.kimitap]                     # in kimitap.toml the same keys without this line
    select = ["tool-turn-lost"]        # only these rules
    ignore = ["repeated-tool-call"]    # not these
    severity = { "changed-system" = "off", "reasoning-dropped" = "error" }
    fail-on = "warning"                # from here on `kimitap check` exits with 1

Everything wrong in it is a `UsageError` of one line that names the file.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import msgspec

from kimitap import rules
from kimitap.errors import UsageError
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Severity

OFF, NEVER = "off", "never"
THRESHOLDS = (*(severity.value for severity in Severity), NEVER)
"""What `fail-on` may say."""
GRADES = (*(severity.value for severity in Severity), OFF)
"""What a rule may be graded."""

_FILES = ("kimitap.toml", "pyproject.toml")


@dataclass(frozen=True)
class Settings:
    """What was read; `fail_on` None is never."""

    choice: Choice = EVERYTHING
    fail_on: Severity | None = Severity.ERROR


DEFAULTS = Settings()


def settings_from(folder: Path) -> Settings:
    """The settings of the nearest file from `folder` upward; the defaults where there is none.

    In one folder kimitap.toml comes first; a pyproject.toml without the table is passed over.
    """
    for at in (folder, *folder.parents):
        for name in _FILES:
            found = _table(at / name) if _is_there(at / name) else None
            if found is not None:
                return _settings(at / name, found)
    return DEFAULTS


def settings_here() -> Settings:
    """`settings_from` the current folder."""
    try:
        return settings_from(Path.cwd())
    except FileNotFoundError as error:
        raise UsageError("the current folder was taken away: change to another") from error


def settings_in(path: Path) -> Settings:
    """The settings of that file, which must be there and hold them."""
    found = _table(path)
    if found is None:
        raise UsageError(f"{path} has no [tool.kimitap]: add it, or name another file")
    return _settings(path, found)


def chosen(
    choice: Choice, select: Sequence[str], ignore: Sequence[str], grades: Sequence[str]
) -> Choice:
    """`choice` as flags change it: each flag is a list of words, names split by commas.

    What is selected by flag is wanted, whatever the file ignores or turns off; what is ignored by
    flag comes on top of what the file ignores; `grades` are `RULE=SEVERITY`.
    """
    picked, dropped = rule_names(_split(select)), rule_names(_split(ignore))
    graded = dict(_grade(word) for word in _split(grades))
    raised = picked | set(graded)
    kept = {r: g for r, g in choice.grades.items() if g is not None or r not in picked}
    return Choice(
        select=picked or choice.select,
        ignore=(set(choice.ignore) - raised) | dropped,
        grades=kept | graded,
    )


def rule_names(words: Iterable[str]) -> set[str]:
    """The words, each of which must be a rule's name."""
    known = {rule.name for rule in rules.RULES}
    return {
        _one_of(word, known, "no rule is named", "; `kimitap rules` lists them") for word in words
    }


def threshold(word: str) -> Severity | None:
    """The severity that `fail-on` names; None for never."""
    _one_of(word, THRESHOLDS, "fail-on cannot be")
    return None if word == NEVER else Severity(word)


def _split(words: Iterable[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",") if part.strip()]


def _grade(word: str) -> tuple[str, Severity | None]:
    rule, equals, grade = (part.strip() for part in word.partition("="))
    if not equals:
        raise UsageError(f"say RULE=SEVERITY, not {word}: tool-turn-lost=warning")
    return _graded(rule, grade)


def _graded(rule: str, grade: str) -> tuple[str, Severity | None]:
    rule_names([rule])
    _one_of(grade, GRADES, f"{rule} cannot be")
    return rule, None if grade == OFF else Severity(grade)


def _one_of(word: str, known: Iterable[str], complaint: str, otherwise: str = "") -> str:
    """`word`, if it is known; else say so, and what comes nearest."""
    words = sorted(known)
    if word in words:
        return word
    near = get_close_matches(word, words, 1)
    raise UsageError(
        f"{complaint} {word!r}{f': did you mean {near[0]}?' if near else otherwise or _list(words)}"
    )


def _list(words: Iterable[str]) -> str:
    return f": say {', '.join(words)}"


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder above that may not be looked into
        return False


def _table(path: Path) -> Mapping[str, object] | None:
    """The file's table; None for a pyproject.toml that has none."""
    try:
        data = path.read_bytes()
        if path.name == "pyproject.toml" and b"kimitap" not in data:
            return None  # whatever it says, it is not for us
        whole = tomllib.loads(data.decode("utf-8-sig"))  # Windows editors begin with a BOM
    except OSError as error:
        why = f"cannot be read: {error.strerror}; --no-config reads none"
        raise UsageError(f"{path} {why}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {error} (--no-config reads none)") from error
    tool = whole.get("tool")
    ours = tool.get("kimitap") if isinstance(tool, dict) else None
    if ours is None:
        return None if path.name == "pyproject.toml" else whole
    if not isinstance(ours, dict):
        raise UsageError(f"{path}: tool.kimitap must be a table, as in [tool.kimitap]")
    return ours


def _settings(path: Path, table: Mapping[str, object]) -> Settings:
    try:
        return _read(table)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


class _Table(msgspec.Struct, rename="kebab", frozen=True):
    select: list[str] | None = None
    ignore: list[str] = []
    severity: dict[str, str] = {}
    fail_on: str = Severity.ERROR.value


def _read(table: Mapping[str, object]) -> Settings:
    for key in table:
        _one_of(key, _Table.__struct_encode_fields__, "there is no setting")
    try:
        said = msgspec.convert(table, _Table)
    except msgspec.ValidationError as error:
        raise UsageError(str(error).replace("`", "")) from error
    return Settings(
        Choice(
            None if said.select is None else rule_names(said.select),
            rule_names(said.ignore),
            dict(_graded(rule, grade) for rule, grade in said.severity.items()),
        ),
        threshold(said.fail_on),
    )
