"""`check` and `rules`: what broke, and what can."""

from collections.abc import Iterable, Sequence

import click

from kimitap.analysis import Analysis
from kimitap.cli.reading import read
from kimitap.cli.words import only_database, with_database
from kimitap.errors import UsageError
from kimitap.export import checked
from kimitap.report import remedies
from kimitap.rules import RULES
from kimitap.rules.finding import Finding, Severity
from kimitap.store import shown


@click.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@with_database
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
@click.option("--select", multiple=True, help="Only these rules: names, by comma or repeated.")
@click.option("--ignore", multiple=True, help="Not these rules: names, by comma or repeated.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="Exit with 1 from this severity on.",
)
def check(
    words: Sequence[str],
    db: str | None,
    as_json: bool,
    select: Sequence[str],
    ignore: Sequence[str],
    fail_on: str,
) -> int:
    """Say what broke: every finding with its place, its evidence and what to do.

    Exit status 0: nothing at or above --fail-on; 1: something; 2: could not run.
    """
    wanted = _wanted(select, ignore)
    where = only_database(words, db, "check")
    analysis = read(where)
    findings = [f for f in analysis.findings if f.rule in wanted]
    if as_json:
        click.echo(checked.as_document(shown(where), analysis.counts, findings))
    else:
        say_findings(where, analysis, findings)
    return _status(findings, fail_on)


def _status(findings: Iterable[Finding], fail_on: str) -> int:
    if fail_on == "never":
        return 0
    least = Severity(fail_on).rank
    return int(any(f.severity.rank >= least for f in findings))


def _wanted(select: Sequence[str], ignore: Sequence[str]) -> set[str]:
    """The names of the rules to report; raises `UsageError` for a name that no rule has."""
    names = {rule.name for rule in RULES}
    return (_names(select, names) or names) - _names(ignore, names)


def _names(given: Sequence[str], known: set[str]) -> set[str]:
    asked = {name.strip() for word in given for name in word.split(",")} - {""}
    unknown = sorted(asked - known)
    if unknown:
        raise UsageError(f"no rule is named {unknown[0]}; `kimitap rules` lists them")
    return asked


def say_findings(where: str, analysis: Analysis, findings: Sequence[Finding]) -> None:
    for line in checked.as_text(findings, remedies()):
        click.echo(line)
    click.echo(checked.summary(shown(where), analysis.counts, findings, len(analysis.others)))


@click.command()
@click.argument("name", required=False)
def rules(name: str | None) -> None:
    """List the rules, or explain one."""
    from kimitap.rules.table import explain

    if name is None:
        width = max(len(rule.name) for rule in RULES)
        for rule in RULES:
            click.echo(f"{rule.name:{width}}  {rule.severity:7}  {rule.summary}")
        return
    _names([name], {rule.name for rule in RULES})
    click.echo(explain(next(rule for rule in RULES if rule.name == name)))
