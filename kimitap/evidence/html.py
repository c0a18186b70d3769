"""The report's page for a browser: what the case's own recording says, as the page's values."""

from collections.abc import Iterator

import kimitap
from kimitap.diff import Diff, diff_link
from kimitap.evidence.case import Case
from kimitap.evidence.page import UNPACKED, commands, reported_exchange
from kimitap.evidence.words import came_from, contents, left_out, masking
from kimitap.export.facts import told_in_full
from kimitap.export.heading import heading
from kimitap.export.html import render
from kimitap.export.html.conversation import homes, thread_part
from kimitap.export.html.difference import difference, gist
from kimitap.export.html.found import MOST, by_weight, found
from kimitap.export.html.page import Found, Page, ThreadPart
from kimitap.export.html.texts import Budget
from kimitap.lineage import Thread
from kimitap.report import remedies
from kimitap.rules.finding import Finding
from kimitap.transcript import SYMBOLS
from kimitap.visible import one_line, visible

MOST_THREADS = 20


def html(case: Case) -> str:
    """The page of a case."""
    return render(page_of(case))


def page_of(case: Case) -> Page:
    """All that the page says. Text is given in full to what the report is about before the rest."""
    budget = Budget()
    diff = _diff(case)
    told = _findings(case)
    subject = case.finding
    first = _thread_of(case)
    compared = difference(diff, budget) if diff else None
    threads = [first] if first else []
    threads += [t for t in case.analysis.threads if t is not first]
    return Page(
        title=_title(case),
        severity=subject.severity.value if subject else "",
        symbol=SYMBOLS[subject.severity] if subject else "",
        verdict=_verdict(case, diff),
        side=subject.side.value if subject else "",
        about=[visible(text) for text in _about(case)],
        facts=list(_facts(case)),
        findings=list(told.values())[:MOST],
        more_findings=max(0, len(case.analysis.findings) - MOST),
        difference=compared,
        threads=[_thread(case, t, told, budget, first) for t in threads[:MOST_THREADS]],
        more_threads=max(0, len(threads) - MOST_THREADS),
        unpacked=UNPACKED,
        commands=visible("\n".join(commands(case))),
        contents=list(contents(case)),
        masking=masking(case),
        footer=f"Made by Kimitap {kimitap.__version__} from the recorded bytes.",
    )


def _title(case: Case) -> str:
    turn = case.analysis.turns[case.exchange]
    what = heading(case.finding) if case.finding else case.unshown or f"exchange {case.exchange}"
    who = turn.program or turn.agent or "unknown agent"
    return one_line(f"{what} ({who}, {turn.reply.model or turn.model or 'unknown model'})", 200)


def _verdict(case: Case, diff: Diff | None) -> str:
    if case.finding is not None:
        said = case.finding.message
    elif case.unshown:
        said = f"{case.unshown} was found in the whole recording, and not again in this one."
    else:
        said = "Kimitap found nothing wrong here."
    return visible(f"{said} {gist(diff)}" if diff else said)


def _about(case: Case) -> Iterator[str]:
    yield came_from(case)
    if case.unshown:
        yield (
            "The finding needs what was masked, left out, or asked of a server: the recording "
            "attached does not show it by itself."
        )
    yield from left_out(case)


def _diff(case: Case) -> Diff | None:
    """The pair that the report is about; None where the finding's request begins a thread."""
    asked = case.finding is not None and case.finding.place.message_index is not None
    look = case.analysis.link_before if asked else case.analysis.link_after
    link = look(case.exchange)
    return diff_link(link) if link else None


def _facts(case: Case) -> Iterator[tuple[str, str]]:
    turn = case.analysis.turns[reported_exchange(case)]
    yield from ((name, one_line(told, 300)) for name, told, _ in told_in_full(turn, turn) if told)
    yield "Kimitap", kimitap.__version__


def _thread_of(case: Case) -> Thread | None:
    return case.analysis.thread_of(case.exchange)


def _in(case: Case, thread: Thread) -> list[Finding]:
    return [f for f in case.analysis.findings if f.thread == thread.name]


def _findings(case: Case) -> dict[Finding, Found]:
    """The findings as the page names them, in the order in which it lists them."""
    at: dict[Finding, str] = {}
    for thread in case.analysis.threads[:MOST_THREADS]:
        at |= homes(thread, _in(case, thread), case.exchange)
    left = remedies()  # what to do is said once a rule
    return {
        finding: found(
            n,
            finding,
            left.pop(finding.rule, ""),
            at.get(finding, ""),
            subject=finding == case.finding,
        )
        for n, finding in enumerate(by_weight(case.analysis.findings, case.finding), 1)
    }


def _thread(
    case: Case, thread: Thread, told: dict[Finding, Found], budget: Budget, first: Thread | None
) -> ThreadPart:
    folded = thread is not first
    return thread_part(thread, _in(case, thread), told, case.exchange, budget, folded=folded)
