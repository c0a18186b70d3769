"""A call whose arguments are not what the tool asked for."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import ClassVar

import orjson

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.arguments import malformed
from kimitap.rules.endings import ended
from kimitap.rules.examples import TASK, assistant, call, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named, quoted_call
from kimitap.visible import one_line

TOOL = {
    "type": "function",
    "function": {
        "name": "edit_file",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "line": {"type": "integer"},
                "ratio": {"type": "number"},
                "edits": {"type": "array"},
                "mode": {"type": ["string", "null"]},
                "where": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            },
            "required": ["path", "edits"],
        },
    },
}

Schema = Mapping[str, object]


@lru_cache(maxsize=4096)
def parameters_of(declaration: str) -> Schema:
    """The JSON schema of a tool's parameters, from its declaration in any dialect; `{}` if none."""
    try:
        value = orjson.loads(declaration)
    except orjson.JSONDecodeError:  # nested deeper than JSON is written
        return {}
    if not isinstance(value, dict):
        return {}
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    found = next((inner[k] for k in ("parameters", "input_schema") if k in inner), None)
    return found if isinstance(found, dict) else {}


def violations(arguments: object, schema: Schema) -> Iterator[str]:
    """What the arguments lack, and what has the wrong type at their top level, in words.

    Null for what is not required says that it is left out. What `anyOf`, `$ref` and the like say is
    not looked at.
    """
    if not isinstance(arguments, dict):
        return
    required = schema.get("required")
    needed = [k for k in required if isinstance(k, str)] if isinstance(required, list) else []
    for key in needed:
        if key not in arguments:
            yield f"“{key}” is missing"
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    for key, value in arguments.items():
        wanted = _types(properties.get(key))
        left_out = value is None and key not in needed
        if wanted and not left_out and not any(_is(value, kind) for kind in wanted):
            yield f"“{key}” is {_kind(value)}, not {' or '.join(wanted)}"


def _types(schema: object) -> tuple[str, ...]:
    """The types that a property may have; empty where any may do, or that is said otherwise."""
    if not isinstance(schema, dict) or schema.get("nullable") is True:
        return ()
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    known = tuple(k for k in kinds if isinstance(k, str) and k in _CHECKS)
    return known if len(known) == len(kinds) else ()


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _CHECKS[kind])


_CHECKS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    return next(kind for kind, types in _CHECKS.items() if isinstance(value, types))


class ToolSchemaViolation(Rule):
    """Only required keys and top-level types: what makes a call fail for certain."""

    name = "tool-schema-violation"
    severity = Severity.WARNING
    side = Side.MODEL
    by_choice = True
    by_turn = True
    summary = "a call lacks a required argument, or gives one the wrong type"
    meaning = (
        "The arguments are a JSON object, but a key that the tool's schema requires is missing, or "
        "a value at the top has another type than it says. The tool refuses the call, or guesses. "
        "Null for a key that is not required counts as left out, 3.0 as an integer; further keys "
        "are no defect, nor is anything deeper or said by anyOf, $ref and the like."
    )
    remedy = (
        "Use the model's own chat template with --jinja, so that it reads the schemas; let the "
        "server enforce them (tool_choice required, or a strict tool). A larger quantisation and "
        "fewer or simpler tools help small models."
    )
    source = (
        "https://github.com/RooCodeInc/Roo-Code/issues/7406 (qwen3-coder: calls without their path)"
    )
    examples: ClassVar = (
        Example(
            "all there; null for what is optional, a whole float, a key too many",
            (
                step(
                    TASK,
                    assistant(
                        None,
                        call(
                            "c1",
                            "edit_file",
                            '{"path":"a","edits":[],"line":3.0,"ratio":1,"mode":null,"x":1,'
                            '"where":2}',
                        ),
                        call("c2", "edit_file", '{"path":"a","edits":[1],"line":null}'),
                    ),
                    tools=[TOOL],
                ),
            ),
        ),
        Example(
            "a tool without parameters, and one that names none",
            (
                step(
                    TASK,
                    assistant(None, call("c1", "now", ""), call("c2", "list", '{"a": 1}')),
                    tools=[
                        {"type": "function", "function": {"name": "now"}},
                        {"type": "function", "function": {"name": "list", "parameters": {}}},
                    ],
                ),
            ),
        ),
        Example(
            "a required key is missing",
            (step(TASK, assistant(None, call("c1", "edit_file", edits="x")), tools=[TOOL]),),
            (Place(1, None, 0),),
        ),
        Example(
            "a list written as a string, and no arguments at all",
            (
                step(
                    TASK,
                    assistant(
                        None,
                        call("c1", "edit_file", '{"path":"a","edits":"[1,2]"}'),
                        call("c2", "edit_file", ""),
                    ),
                    tools=[TOOL],
                ),
            ),
            (Place(1, None, 0), Place(1, None, 1)),
        ),
        Example(
            "broken JSON is another rule's",
            (
                step(
                    TASK,
                    assistant(None, call("c1", "edit_file", '{"path": "a"')),
                    tools=[TOOL],
                ),
            ),
            also=("malformed-tool-arguments",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            if not turn.reply.message.tool_calls:
                continue
            schemas = {tool.name: tool.json for tool in turn.tools}
            for part, call_ in enumerate(turn.reply.message.parts):
                if isinstance(call_, ToolCall) and call_.name in schemas and not call_.free:
                    wrong = _wrong(call_, schemas[call_.name])
                    if wrong:
                        yield self._finding(turn, part, call_, wrong, schemas[call_.name])

    def _finding(
        self, turn: Turn, part: int, call_: ToolCall, wrong: list[str], declared: str
    ) -> Finding:
        told = one_line("; ".join(wrong[:3]), 160)
        required = orjson.dumps(parameters_of(declared).get("required", [])).decode()
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The {named([call_])} of exchange {turn.exchange} is not what the tool's schema asks "
            f"for: {told}.",
            Place(turn.exchange, None, part),
            evidence=(
                quoted_call(turn, call_),
                Evidence(turn.exchange, cut(f'"required": {required}')),
            ),
        )


def _wrong(call_: ToolCall, declared: str) -> list[str]:
    if malformed(call_):
        return []
    text = call_.arguments.strip()
    try:
        arguments = {} if text in {"", "null"} else orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return list(violations(arguments, parameters_of(declared)))
