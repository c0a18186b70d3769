"""Clean sessions that look suspicious: what agents rightly do, and no rule may call an error.

The shapes are those of unmodified agents; the texts are made up. Each is long enough to be broken
at many places (see `faults`).
"""

from collections.abc import Sequence

from kimitap.rules.examples import TOOLS, Json, assistant, call, failed, step, system, tool, user
from kimitap.rules.rule import Sample

SYSTEM = system("You are a careful coding agent. Use the tools; answer in plain text at the end.")
TASK = user("Find out why the nightly import fails, mend it, and say what it was.")
LATER = user("Good. Now write a short note about it into docs/import.md, please.")

WORDS = ("ledger", "harbour", "quartz", "meadow", "copper", "lantern", "orchard", "pepper")
"""One for each turn, so that no two turns say the same."""


def asked(n: int, *, ids: str = "call_{n}_{k}", calls: int = 1, prefix: str = "") -> Json:
    """The reply of turn `n`: it thinks, says what it does, and calls tools."""
    word = WORDS[n % len(WORDS)]
    names = (("read_file", "path"), ("run_command", "command"), ("write_file", "path"))
    made = []
    for k in range(calls):
        name, key = names[(n + k) % 3]
        made.append(call(ids.format(n=n, k=k), name, **{key: f"{prefix}{word}/{n}-{k}.txt"}))
    return assistant(
        f"Step {n}: next I look at the {word} part.",
        *made,
        reasoning=f"The {word} part was changed last, so it comes as number {n}.",
    )


def answers(reply: Json, n: int) -> list[Json]:
    """A result for each call of the reply."""
    calls: Sequence[Json] = reply["tool_calls"]  # type: ignore[assignment] # a test's JSON
    word = WORDS[n % len(WORDS)]
    return [
        tool(str(made["id"]), f"{word} {n}.{k}: 12 rows, the last of them from Tuesday.")
        for k, made in enumerate(calls)
    ]


def told(n: int) -> Json:
    """A reply without calls."""
    word = WORDS[n % len(WORDS)]
    return assistant(
        f"It was the {word} table: its {n}th column had been renamed, so the import skipped it.",
        reasoning=f"All of the {word} files agree on that; number {n} settles it.",
    )


def run(
    opening: Sequence[Json],
    turns: Sequence[int],
    *,
    first: int = 0,
    ids: str = "call_{n}_{k}",
    end: bool = True,
    **fields: object,
) -> tuple[list[Sample], list[Json]]:
    """A healthy run: `turns[i]` calls in its i-th turn (0: text, and the user goes on).

    Returns its exchanges, and the messages that the next request would carry.
    """
    messages, samples = [*opening], []
    for n, calls in enumerate(turns, first):
        reply = asked(n, ids=ids, calls=calls) if calls else told(n)
        samples.append(step(messages, reply, **fields))  # type: ignore[arg-type] # request fields
        messages += [reply, *(answers(reply, n) if calls else [user(f"And what of part {n}?")])]
    if end:
        reply = told(first + len(turns))
        samples.append(step(messages, reply, **fields))  # type: ignore[arg-type] # request fields
        messages = [*messages, reply]
    return samples, messages


OPEN = (SYSTEM, TASK)


def plain() -> list[Sample]:
    return run(OPEN, (1, 2, 1, 0, 1, 1))[0]


def parallel() -> list[Sample]:
    return run(OPEN, (3, 2, 3, 0, 2))[0]


def kimi_ids() -> list[Sample]:
    """Kimi's ids count within a message: every turn begins again at :0."""
    return run(OPEN, (1, 1, 2, 1), ids="functions.{n}_tool:{k}")[0]


def compaction() -> list[Sample]:
    before, messages = run(OPEN, (1, 2, 1, 1))
    summary = assistant("Goal: mend the import. Done: four files read. Next: write the note.")
    asks = step([*messages, user("Summarise the conversation so far.")], summary, tools=[])
    opening = (
        SYSTEM,
        user(
            "This session is being continued from a previous conversation. Goal: mend the import. "
            "Done: four files read. Next: write the note."
        ),
    )
    return [*before, asks, *run(opening, (1, 1, 2), first=10)[0]]


def cleared_results() -> list[Sample]:
    """Old results are replaced in place, to save tokens."""
    before, messages = run(OPEN, (1, 1, 1), end=False)
    cleared = [
        {**m, "content": "[Old tool result content cleared]"}
        if m["role"] == "tool" and i < 6
        else m
        for i, m in enumerate(messages)
    ]
    return [*before, *run(cleared, (1, 1), first=10)[0]]


def sliding_window() -> list[Sample]:
    """The oldest turns fall out as whole turns, head and tail stay."""
    before, messages = run(OPEN, (1, 1, 1, 1, 1), end=False)
    kept = [*messages[:2], *messages[6:]]
    samples, messages = run(kept, (1, 1), first=10, end=False)
    kept = [*messages[:2], *messages[6:]]
    return [*before, *samples, *run(kept, (1,), first=20)[0]]


def sub_agent() -> list[Sample]:
    """A tool of the parent is another conversation, whose last reply is the tool's result."""
    before, messages = run(OPEN, (1, 1), end=False)
    sends = assistant("A helper may look.", call("task_1", "task", prompt="Count the rows."))
    inner = (system("You are a helper. Answer in one line."), user("Count the rows."))
    helper, said = run(inner, (1, 2, 1), first=30)
    answer = str(said[-1]["content"])
    tools = [*TOOLS, {"type": "function", "function": {"name": "task", "parameters": {}}}]
    outer = [*messages, sends, tool("task_1", answer)]
    after, _ = run(outer, (1, 1), first=10, tools=tools)
    sent = [with_tools(sample, tools) for sample in (*before, step(messages, sends))]
    return [*sent, *helper, *after]


def with_tools(sample: Sample, tools: Sequence[Json]) -> Sample:
    return Sample({**sample.request, "tools": list(tools)}, sample.reply)


def rewind() -> list[Sample]:
    """The user goes back and says something else."""
    before, messages = run(OPEN, (1, 1, 0, 1, 1))
    return [*before, *run([*messages[:7], user("No: look at the schema.")], (1, 1), first=20)[0]]


def retry_after_500() -> list[Sample]:
    before, messages = run(OPEN, (1, 2, 1), end=False)
    fails = [failed(messages, 500, "decode failed"), failed(messages, 503, "Loading model")]
    return [*before, *fails, *run(messages, (1, 1), first=10)[0]]


def side_requests() -> list[Sample]:
    """A title at the start, and a commit message in the middle."""
    title = step(
        (system("Write a title of at most five words."), TASK),
        assistant("Nightly import mended"),
        tools=[],
    )
    before, messages = run(OPEN, (1, 1), end=False)
    commit = step(
        (system("Write a commit message."), user("diff --git a/import.py b/import.py\n+ skip")),
        assistant("Skip renamed columns"),
        tools=[],
    )
    return [before[0], title, *before[1:], commit, *run(messages, (1, 2, 1), first=10)[0]]


def rewritten_ids() -> list[Sample]:
    """Each call's id is written anew on both sides, and so are its arguments."""
    messages: list[Json] = [*OPEN]
    samples = []
    for n in range(5):
        reply = asked(n, ids="functions.read:{k}", calls=1 + n % 2)
        samples.append(step(messages, reply))
        back = asked(n, ids=f"functions_read_{{k}}__{n}", calls=1 + n % 2)
        messages += [back, *answers(back, n)]
    return [*samples, step(messages, told(5))]


def named_tool_choice() -> list[Sample]:
    """With a named tool_choice the finish reason is `stop`, as OpenAI has it."""
    choice = {"type": "function", "function": {"name": "read_file"}}
    first = asked(0)
    before = step(OPEN, first, "stop", tool_choice=choice)
    return [before, *run([*OPEN, first, *answers(first, 0)], (1, 1, 1), first=3)[0]]


def text_protocol() -> list[Sample]:
    """An agent whose tools are XML in the text; it declares none."""
    messages: list[Json] = [
        system("Call tools as <tool_call><name>…</name></tool_call> in your answer."),
        TASK,
    ]
    samples = []
    for n in range(4):
        said = assistant(
            f"Step {n}.\n<tool_call><name>read_file</name><path>{WORDS[n]}.txt</path></tool_call>"
        )
        samples.append(step(messages, said, tools=[]))
        messages += [said, user(f"<tool_result>{WORDS[n]}: 12 rows</tool_result>")]
    return [*samples, step(messages, told(5), tools=[])]


def terminal_call() -> list[Sample]:
    """The run ends with a `finish` tool that nobody answers."""
    before, messages = run(OPEN, (1, 2, 1), end=False)
    ends = assistant("All is mended.", call("end_1", "finish", result="mended"))
    tools = [*TOOLS, {"type": "function", "function": {"name": "finish", "parameters": {}}}]
    return [with_tools(one, tools) for one in (*before, step(messages, ends))]


def cancelled_stream() -> list[Sample]:
    """The user stops a reply and says something else."""
    before, messages = run(OPEN, (1, 1), end=False)
    stopped = step(messages, assistant("First I will rewrite the wh"), None, cancelled=True)
    asks = [*messages, user("Stop: only read, please.")]
    return [*before, stopped, *run(asks, (1, 1), first=10)[0]]


def few_shot() -> list[Sample]:
    """Assistant messages that no reply gave, before the first prompt."""
    shots = (
        user("List the files."),
        assistant("Ok, I list them: a.txt and b.txt."),
        user("Thanks."),
        assistant("You are welcome."),
    )
    return run((SYSTEM, *shots, TASK), (1, 2, 1, 0, 1))[0]


def interrupted_call() -> list[Sample]:
    """A call that the user interrupts has a result that the agent made up."""
    before, messages = run(OPEN, (1,), end=False)
    reply = asked(5)
    after = [
        *messages,
        reply,
        tool("call_5_0", "[Tool execution was interrupted]"),
        user("Do not read that one; go on with the next."),
    ]
    return [*before, step(messages, reply), *run(after, (1, 1), first=10)[0]]


def resumed() -> list[Sample]:
    """The first request that was recorded carries a long history already."""
    _, messages = run(OPEN, (1, 2, 1))
    return run([*messages, LATER], (1, 1), first=10)[0]


def environment_details() -> list[Sample]:
    """A user message at the end of each request tells the time, and is gone in the next."""
    messages: list[Json] = [*OPEN]
    samples = []
    for n in range(5):
        clock = user(f"<environment_details>\nTime: 10:{n:02}:07\n</environment_details>")
        reply = asked(n)
        samples.append(step([*messages, clock], reply))
        messages += [reply, *answers(reply, n)]
    return [*samples, step(messages, told(5))]


def think_in_text() -> list[Sample]:
    """Reasoning comes back as <think> at the head of the text."""
    messages: list[Json] = [*OPEN]
    samples = []
    for n in range(4):
        reply = asked(n)
        samples.append(step(messages, reply))
        back = {k: v for k, v in reply.items() if k != "reasoning_content"}
        back["content"] = f"<think>\n{reply['reasoning_content']}\n</think>\n\n{reply['content']}"
        messages += [back, *answers(reply, n)]
    return [*samples, step(messages, told(5))]


def two_agents() -> list[Sample]:
    """Two agents with one system prompt take turns through one proxy."""
    one = run(OPEN, (1, 2, 1))[0]
    other = run((SYSTEM, user("Rename the harbour module.")), (2, 1, 1), first=40)[0]
    return [sample for pair in zip(one, other, strict=True) for sample in pair]


SOUND: dict[str, Sequence[Sample]] = {
    "a plain run": plain(),
    "parallel calls": parallel(),
    "ids that begin again in each message": kimi_ids(),
    "compaction": compaction(),
    "old results cleared in place": cleared_results(),
    "a sliding window": sliding_window(),
    "a sub-agent": sub_agent(),
    "a rewind": rewind(),
    "a retry after 500": retry_after_500(),
    "side requests": side_requests(),
    "rewritten ids": rewritten_ids(),
    "a named tool_choice": named_tool_choice(),
    "a text protocol": text_protocol(),
    "a terminal call": terminal_call(),
    "a cancelled stream": cancelled_stream(),
    "few-shot messages": few_shot(),
    "an interrupted call": interrupted_call(),
    "a resumed session": resumed(),
    "environment details": environment_details(),
    "reasoning in the text": think_in_text(),
    "two agents": two_agents(),
}
"""Title → session."""
