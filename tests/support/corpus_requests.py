"""What the truth files and the raw bodies say of the requests of a capture, without product code.

Each yields (rule, exchanges): a finding of that rule is called for at one of them. Numbers count
from 1, the truth's from 0.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from tests.support import corpus

Called = tuple[str, frozenset[int]]


def called_for(agent: str, case: str) -> Iterator[Called]:
    """What the requests of a capture call for."""
    truth = corpus.truth(agent, case)
    yield from _of_roles(truth)
    yield from _of_calls(truth)
    yield from _of_history(truth)
    yield from _of_retries(truth)
    blank = frozenset(
        one.number for one in corpus.exchanges(agent, case) if _has_blank_result(one.request)
    )
    if blank:
        yield "empty-tool-result", blank


def _of_roles(truth: Any) -> Iterator[Called]:
    """Roles side by side, and at the end: one finding a thread."""
    facts = {e["n"]: e for e in truth["exchanges"] if e["api"] == "chat" and e.get("roles")}
    for members in truth["threads"].values():
        roles = {n + 1: facts[n]["roles"] for n in members if n in facts}
        odd = frozenset(n for n, one in roles.items() if any(p in one for p in ("tu", "uu", "aa")))
        if odd:
            yield "unusual-role-order", odd
        trailing = frozenset(n for n, one in roles.items() if one.endswith("a"))
        if trailing:
            yield "trailing-assistant", trailing


def _of_calls(truth: Any) -> Iterator[Called]:
    told = truth["expected"]
    for name in ("call_arguments_changed", "call_names_rewritten"):
        for item in told.get(name, ()):
            yield "changed-tool-call", frozenset({_next(truth, item["n"])})
    beyond = [
        item["n"] + 1
        for item in truth["requests_that_are_themselves_unbalanced"]
        if item["tool_messages_without_or_beyond_their_call"]
    ]
    if beyond:
        yield "duplicate-tool-result", frozenset(beyond[:1])


def _of_history(truth: Any) -> Iterator[Called]:
    """Edited messages, messages that nobody said, texts that moved, attempts that stayed.

    What a compaction did, or an agent that writes its prompt anew each time, is no edit.
    """
    for item in truth["history_edits"]:
        if item["n_edits"] == 1 and item["edits"][0][1] == "system":
            yield "changed-system", frozenset({item["to"] + 1})
        elif item["n_edits"] == 1 and not _summed_up(truth, item):
            yield "edited-history", frozenset({item["to"] + 1})
    made_up: dict[str, int] = {}
    for item in truth["assistant_messages_no_response_gave"]:
        if item["content"].strip() and not item["content"].startswith("Calling tools:"):
            made_up.setdefault(item["thread"], item["first_seen_in"] + 1)
    for n in made_up.values():
        yield "unbacked-assistant-turn", frozenset({n})
    again = {item["n"] for item in truth["expected"].get("retries", ())}
    for item in truth.get("assistant_message_count_surprises", ()):
        if item["assistant_messages_added"] > item["expected"] and item["from"] in again:
            moved = _fate(truth, item["from"]).get("content") == "dropped"
            rule = "edited-reply" if moved else "doubled-reply"
            yield rule, frozenset({item["to"] + 1})


def _summed_up(truth: Any, edit: Any) -> bool:
    """True where a request of another kind stands between the two: it asked for a summary."""
    facts = {e["n"]: e for e in truth["exchanges"]}
    between = (facts[n] for n in range(edit["from"] + 1, edit["to"]))
    return any(fact["kind"] == "side" for fact in between)


def _of_retries(truth: Any) -> Iterator[Called]:
    """Requests that failed three times and more."""
    facts = {e["n"]: e for e in truth["exchanges"]}
    first: dict[int, int] = {}
    failures: dict[int, int] = {}
    for item in truth["expected"].get("retries", ()):
        root = first.setdefault(item["n"], first.get(item["of"], item["of"]))
        failures.setdefault(root, int(not facts[root]["complete"]))
        failures[root] += not facts[item["n"]]["complete"]
    for root, number in failures.items():
        if number > 2:
            yield "retry-storm", frozenset({root + 1})


def _has_blank_result(body: Any) -> bool:
    """True where a request holds a tool's result without anything in it, in whatever dialect."""
    try:
        request = orjson.loads(body.content)
    except orjson.JSONDecodeError:
        return False
    blocks = [
        block
        for message in request.get("messages", ())
        if isinstance(message.get("content"), list)
        for block in message["content"]
        if block.get("type") == "tool_result"
    ]
    items = request.get("input", ())
    texts = [m.get("content") for m in request.get("messages", ()) if m.get("role") == "tool"]
    texts += [block.get("content") for block in blocks]
    texts += [
        item.get("output")
        for item in (items if isinstance(items, list) else ())
        if item.get("type") == "function_call_output"
    ]
    return any(_blank(text) for text in texts)


def _blank(content: Any) -> bool:
    if isinstance(content, list):
        return all(isinstance(p, dict) and _blank(p.get("text", "x")) for p in content)
    return content is None or not str(content).strip()


def _fate(truth: Any, n: int) -> Any:
    return next(turn for turn in truth["turns"] if turn["n"] == n)


def _next(truth: Any, n: int) -> int:
    """The request after the turn `n` of its thread."""
    return int(_fate(truth, n)["next"]) + 1
