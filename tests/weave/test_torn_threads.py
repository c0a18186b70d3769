"""Ways of real agents that once tore a thread apart, or took one for another's."""

from collections.abc import Sequence

import pytest

from kimitap.exchange import Exchange
from kimitap.lineage import Relation
from kimitap.rules import check
from kimitap.rules.finding import Severity
from kimitap.weave import weave
from tests.support.chat import assistant, call, result, system, turns, user
from tests.support.weaving import PROMPT, TASK, TOOLS, Json, ask, numbers, woven

SUMMARY = (
    "They want summary.md written from notes.txt. Steps 0 to 3 are done: the notes are read, the "
    "owner is Ada, and the table has three rows. Next: write the file, then check it."
)
ASIDE = system("You write summaries of conversations, and nothing else.")


def step(n: int) -> list[Json]:
    asked = call("run", {"command": f"make step-{n}"}, f"call_{n}")
    return [assistant(f"Step {n} of the plan.", asked), result(f"step {n} is done", f"call_{n}")]


def steps(count: int) -> list[Json]:
    return [message for n in range(count) for message in step(n)]


def run(count: int) -> list[Exchange]:
    """A run of so many tool turns."""
    return [ask(n + 1, [TASK, *steps(n)], step(n)[0]) for n in range(count)]


def errors(exchanges: Sequence[Exchange]) -> list[str]:
    found = [f for session in weave(turns(exchanges)) for f in check(session)]
    return [f.rule for f in found if f.severity is not Severity.INFO]


# -- compactions, as agents ask for the summary and begin anew

WAYS: dict[str, tuple[bool, Json | None, str, list[Json]]] = {
    "Roo Code": (
        False,
        ASIDE,
        "Summarize the conversation so far, as described in the prompt instructions.",
        [user("Please continue from the following summary:"), assistant(SUMMARY), user("Go on.")],
    ),
    "Goose": (
        False,
        system("An llm context limit was reached when a user was in a working session with you."),
        "Please shorten what the prompt holds.",
        [
            user(SUMMARY),
            assistant(
                "The previous message contains a summary that was prepared because a context limit "
                "was reached."
            ),
        ],
    ),
    "OpenCode": (
        False,
        None,
        "Provide a detailed prompt for continuing our conversation above.",
        [user("What did we do so far?"), assistant(SUMMARY), user("Continue.")],
    ),
    "Zed": (
        False,
        None,
        "Generate a detailed summary of this conversation.",
        [user(f"Go on from here:\n\n{SUMMARY}")],
    ),
    "Claude Code, with its tools": (
        True,
        None,
        "Your task is to create a detailed summary of the conversation so far.",
        [user(f"This session is being continued from a previous conversation.\n{SUMMARY}")],
    ),
    "Crush, with its tools": (
        True,
        None,
        "Provide a detailed summary of our conversation above.",
        [user(SUMMARY), user("Keep going.")],
    ),
}


@pytest.mark.parametrize("agent", WAYS)
def test_what_goes_on_from_a_summary_stays_in_its_thread(agent: str) -> None:
    tools, prompt, asked, root = WAYS[agent]
    told = ask(
        5,
        [TASK, *steps(4), user(asked)],
        assistant(SUMMARY),
        prompt=prompt or PROMPT,
        tools=TOOLS if tools else (),
    )
    later = [ask(6, root, step(5)[0]), ask(7, [*root, *step(5)], assistant("It is written."))]
    sessions = woven(*run(4), told, *later)
    assert len(sessions) == 1
    main = sessions[0].threads[0]
    assert {6, 7} <= {turn.exchange for turn in main.turns}
    relations = {
        turn.exchange: link.relation
        for turn, link in zip(main.turns, main.links, strict=True)
        if link
    }
    assert relations[6] is Relation.COMPACTION
    assert relations[7] is Relation.CONTINUES
    assert errors([*run(4), told, *later]) == []


def test_a_chat_about_another_one_that_was_summarised_is_another() -> None:
    """Nothing of the summary stands in it."""
    asked = "Summarize the conversation so far."
    told = ask(5, [TASK, *steps(4), user(asked)], assistant(SUMMARY))
    other = ask(6, [user("Write a poem about the sea, please.")], assistant("The sea is wide."))
    assert len(woven(*run(4), told, other)) == 2


# -- windows in which nothing is left that the user said


def test_a_window_without_the_task_is_a_window_of_the_same_thread() -> None:
    cut = ask(10, steps(9)[8:], step(9)[0])
    further = ask(11, [*steps(10)[10:]], assistant("All steps are done."))
    sessions = woven(*run(9), cut, further)
    assert numbers(sessions) == [[list(range(1, 12))]]
    moved = sessions[0].threads[0].links[9]
    assert moved is not None and moved.relation is Relation.WINDOW
    assert errors([*run(9), cut, further]) == []


def test_a_task_that_falls_out_alone_is_missed() -> None:
    lost = ask(5, steps(4), step(4)[0])
    assert numbers(woven(*run(4), lost)) == [[[1, 2, 3, 4, 5]]]
    assert errors([*run(4), lost]) == ["dropped-from-history"]


def test_few_replies_without_a_users_word_tie_no_conversation_to_another() -> None:
    later = ask(3, steps(2), step(2)[0], client="127.0.0.1:50999")
    assert len(woven(*run(2), later)) == 2


def test_replies_under_another_prompt_tie_no_conversation_to_another() -> None:
    other = system("You check what other agents did, and tell what is wrong with it, in short.")
    checked = ask(5, steps(4), step(4)[0], prompt=other)
    threads = [thread for session in numbers(woven(*run(4), checked)) for thread in session]
    assert threads == [[1, 2, 3, 4], [5]]


def test_many_replies_tie_a_window_over_another_connection() -> None:
    cut = ask(10, steps(9)[8:], step(9)[0], client="127.0.0.1:50999")
    assert numbers(woven(*run(9), cut)) == [[list(range(1, 11))]]


def test_without_the_last_reply_they_tie_nothing() -> None:
    other = ask(10, [*steps(8)[8:], user("Now a poem.")], step(9)[0])
    assert numbers(woven(*run(9), other))[0] == [list(range(1, 10))]


# -- a first message that comes back otherwise

MENTION = user("Look at @src/ledger.py and keep its comments.")
EXPANDED = user(
    "Look at 'src/ledger.py' (see below for its content) and keep its comments.\n\n"
    "<file_content path='src/ledger.py'>\n"
    + "total = total + row.amount\n" * 40
    + "</file_content>"
)


def looked(call_id: str, **more: object) -> list[Exchange]:
    """A run whose first message is expanded when it comes back."""
    first = assistant("I read it.", call("run", {"command": "cat src/ledger.py"}, call_id))
    given = [EXPANDED, first, result("total = 0", call_id)]
    return [
        ask(1, [MENTION], first),
        ask(2, given, assistant("The comments stay."), **more),  # type: ignore[arg-type]
    ]


def test_a_first_message_that_is_expanded_on_its_way_is_an_edit() -> None:
    exchanges = looked("functions.run:0")
    assert numbers(woven(*exchanges)) == [[[1, 2]]]
    assert errors(exchanges) == []


def test_an_id_that_was_made_ties_them_over_another_connection() -> None:
    assert numbers(woven(*looked("call_k3f9q2mzt7", client="127.0.0.1:50999"))) == [[[1, 2]]]


def test_an_id_that_only_counts_does_not() -> None:
    assert numbers(woven(*looked("functions.run:0", client="127.0.0.1:50999"))) == [[[1]], [[2]]]


# -- sub-agents that begin with the history of their parent

GIVEN = "Find every place in src/ where comments are dropped, and list them."
DELEGATE = assistant("I have it searched.", call("run", {"prompt": GIVEN}, "call_t"))
FOUND = assistant("src/parser.py:12 drops comments, and no other place does.")


def delegated(task: Json) -> list[Exchange]:
    history = [TASK, *steps(2)]
    inner = [*history, task]
    return [
        *run(2),
        ask(3, history, DELEGATE),
        ask(4, inner, step(7)[0]),
        ask(5, [*inner, *step(7)], FOUND),
        ask(6, [*history, DELEGATE, result(str(FOUND["content"]), "call_t")], assistant("Done.")),
    ]


def test_a_sub_agent_that_begins_with_its_parents_history_loses_no_call() -> None:
    exchanges = delegated(user(f"<sub_task>\n{GIVEN}\n</sub_task>"))
    assert numbers(woven(*exchanges)) == [[[1, 2, 3, 6], [4, 5]]]
    assert errors(exchanges) == []


def test_while_it_runs_nothing_is_lost_either() -> None:
    assert errors(delegated(user(GIVEN))[:5]) == []


def test_a_user_who_says_something_else_in_the_place_of_a_call_lost_it() -> None:
    exchanges = delegated(user("Rather look into the tests folder first, will you?"))[:4]
    assert errors(exchanges) == ["tool-turn-lost"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        (
            "ask_followup_question",
            {"question": "Which?", "follow_up": "<suggest>Use the first spreadsheet</suggest>"},
            "Use the first spreadsheet",
        ),
        (
            "write_file",
            {"path": "a.md", "content": "Steam climbs from the cup and the tablet waits."},
            "You wrote: Steam climbs from the cup and the tablet waits. Why?",
        ),
    ],
)
def test_a_user_who_repeats_what_a_call_holds_stands_in_no_sub_agents_place(
    name: str, arguments: dict[str, str], said: str
) -> None:
    history = [TASK, *steps(2)]
    offers = assistant("", call(name, arguments, "call_q"))
    exchanges = [
        *run(2),
        ask(3, history, offers),
        ask(4, [*history, user(said)], step(7)[0]),
    ]
    assert [rule for rule in errors(exchanges) if rule != "unknown-tool"] == ["tool-turn-lost"]
