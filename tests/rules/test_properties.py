"""Whatever a healthy agent writes, nothing is found; whatever it loses, exactly that is."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.rules.examples import Json, assistant, call, step, system, tool, user
from kimitap.rules.finding import Finding, Place
from kimitap.rules.rule import Sample
from tests.support.examples import defects_of

OPEN = (system("You are an agent."), user("Read all files and tell what is in them."))


@dataclass(frozen=True)
class Act:
    """One turn of a model: how many tools it calls at once, and what it says beside."""

    calls: int
    speaks: bool
    thinks: bool
    user_after: bool


@dataclass(frozen=True)
class Habit:
    """How an agent gives a reply back."""

    ids: str
    """kept, rewritten, or kimi: counted anew in every turn."""
    spaced: bool
    """It writes the arguments anew."""
    think: str
    """How reasoning comes back: as a field, or as <think> in the text."""
    split: bool
    """Text and calls come back as two messages."""
    shuffled: bool
    """The results come in another order."""


acts = st.lists(
    st.builds(Act, st.integers(1, 3), st.booleans(), st.booleans(), st.booleans()),
    min_size=1,
    max_size=5,
)
habits = st.builds(
    Habit,
    st.sampled_from(["kept", "rewritten", "kimi"]),
    st.booleans(),
    st.sampled_from(["field", "text"]),
    st.booleans(),
    st.booleans(),
)


def identifier(habit: Habit, n: int, k: int, sent: bool) -> str:
    if habit.ids == "kimi":
        return f"functions.read_file:{k}"
    return f"call_{n}_{k}" if habit.ids == "kept" or not sent else f"mine-{n}-{k}"


def calls_of(act: Act, habit: Habit, n: int, sent: bool) -> list[Json]:
    gap = "" if sent and habit.spaced else " "
    return [
        call(
            identifier(habit, n, k, sent), "read_file", f'{{"path":{gap}"{n}-{k}.md",{gap}"n":1.0}}'
        )
        for k in range(act.calls)
    ]


def reply_of(act: Act, habit: Habit, n: int) -> Json:
    text = f"Now I read the files of step {n}." if act.speaks else None
    why = f"Because of {n}." if act.thinks else ""
    return assistant(text, *calls_of(act, habit, n, False), reasoning=why)


def given_back(act: Act, habit: Habit, n: int) -> list[Json]:
    text = f"Now I read the files of step {n}." if act.speaks else ""
    why = f"Because of {n}." if act.thinks else ""
    if why and habit.think == "text":
        text, why = f"<think>\n{why}\n</think>\n\n{text}", ""
    calls = calls_of(act, habit, n, True)
    turn = [assistant(text or None, *calls, reasoning=why)]
    if habit.split and act.speaks:
        turn = [assistant(text, reasoning=why), assistant(None, *calls)]
    results = [
        tool(identifier(habit, n, k, True), f"File {n}-{k} is fine.") for k in range(act.calls)
    ]
    return [*turn, *(results[::-1] if habit.shuffled and habit.ids != "kimi" else results)]


def session(acts: list[Act], habit: Habit, losing: int = -1) -> tuple[list[Sample], int]:
    """An agent's run that loses the turn `losing`, and how many messages stood before that."""
    messages: list[Json] = [*OPEN]
    steps, place = [], 0
    for n, act in enumerate(acts):
        steps.append(step(messages, reply_of(act, habit, n)))
        if n == losing:
            place = len(messages)
            messages += [assistant(""), user("Go on with the task, please.")]
        else:
            messages += given_back(act, habit, n)
            messages += [user(f"Mind step {n}.")] if act.user_after else []
    return [*steps, step(messages, assistant("All files are read."))], place


def beside_ids(samples: list[Sample]) -> list[Finding]:
    """What is found, but for ids that the model counts anew in every turn."""
    return [f for f in defects_of(samples) if f.rule != "reused-tool-call-id"]


@settings(max_examples=60, deadline=None)
@given(acts, habits)
def test_nothing_is_found_in_a_healthy_run(acts: list[Act], habit: Habit) -> None:
    assert beside_ids(session(acts, habit)[0]) == []


@settings(max_examples=60, deadline=None)
@given(acts, habits, st.data())
def test_a_lost_turn_is_found_at_its_place_and_nothing_else(
    acts: list[Act], habit: Habit, data: st.DataObject
) -> None:
    losing = data.draw(st.integers(0, len(acts) - 1))
    samples, place = session(acts, habit, losing)
    found = beside_ids(samples)
    assert [(f.rule, f.place) for f in found] == [("tool-turn-lost", Place(losing + 2, place))]
    assert found[0].related == (Place(losing + 1),)
