from kimitap.conversation import Image, Message, Reasoning, Text, ToolCall, ToolResult
from kimitap.weave.keys import Keys, message_key


def said(role: str, text: str) -> Message:
    return Message(role, (Text(text),))


def calling(arguments: str, identifier: str = "call_1", name: str = "run") -> Message:
    return Message("assistant", (ToolCall(name, arguments, identifier),))


def same(one: Message, other: Message) -> bool:
    return message_key(one) == message_key(other)


def test_ids_reasoning_and_white_space_do_not_tell_messages_apart() -> None:
    plain = Message(
        "assistant", (Text("Now I look."), ToolCall("run", '{"a": 1}', "functions.r:0"))
    )
    rewritten = Message(
        "assistant",
        (
            Reasoning("Let me think."),
            Text("Now  I look.\n"),
            ToolCall("run", '{"a":1}', "functions_r_0"),
        ),
    )
    assert same(plain, rewritten)


def test_key_order_floats_and_escapes_in_arguments_do_not_tell_calls_apart() -> None:
    assert same(
        calling('{"b": 1.0, "a": "caf\\u00e9", "n": 1e3}'), calling('{"a":"café","n":1000,"b":1}')
    )


def test_other_arguments_names_or_roles_are_other_messages() -> None:
    assert not same(calling('{"a": 1}'), calling('{"a": 2}'))
    assert not same(calling("{}"), calling("{}", name="look"))
    assert not same(said("user", "Hello."), said("assistant", "Hello."))


def test_a_call_is_not_the_text_that_names_it() -> None:
    assert not same(calling("{}"), said("assistant", "\0call\0run\0{}"))


def test_a_name_and_its_arguments_do_not_run_into_each_other() -> None:
    assert not same(calling("-la", name="run"), calling("n-la", name="ru"))


def test_volatile_spans_do_not_tell_messages_apart() -> None:
    one = "Go on.<environment_details>12:00, 3 tabs</environment_details> at 2026-11-22T10:00:01Z"
    other = "Go on.<environment_details>12:07, 4 tabs</environment_details> at 2026-11-22T10:07:33Z"
    assert same(said("user", one), said("user", other))
    assert not same(said("user", one), said("user", one.replace("Go on", "Stop")))


def test_an_unclosed_span_is_kept_and_costs_little() -> None:
    hostile = "<system-reminder>" * 20_000
    assert same(said("user", hostile), said("user", hostile))
    assert not same(said("user", hostile), said("user", ""))


def test_a_thought_in_the_text_is_reasoning() -> None:
    assert same(said("assistant", "<think>\nHm.\n</think>\n\nNow."), said("assistant", "Now."))
    assert same(said("assistant", "<think></think>Now."), said("assistant", "Now."))
    assert not same(said("user", "<think>Hm.</think>Now."), said("user", "Now."))


def test_images_are_told_apart_by_their_digest() -> None:
    one, other = Image("aa", 10), Image("bb", 10)
    assert same(Message("user", (Text("See"), one)), Message("user", (Text("See"), one)))
    assert not same(Message("user", (Text("See"), one)), Message("user", (Text("See"), other)))


def test_words_shared_make_messages_alike_and_roles_never() -> None:
    keys = Keys()
    one = said("user", "Please read the file notes.txt and report the owner of the ledger")
    other = said("user", "Please read the file notes.txt and report the owner of the house")
    foreign = said("user", "What is the weather like in Lisbon today?")
    assert keys.likeness(one, other) > 0.8
    assert keys.likeness(one, foreign) < 0.3
    assert keys.likeness(one, said("assistant", one.text)) == 0
    assert keys.likeness(said("user", ""), said("user", " ")) == 1


def test_a_result_cleared_in_place_is_still_that_result() -> None:
    keys = Keys()
    full = Message("tool", (ToolResult("a long listing of files", "call_1"),))
    cleared = Message("tool", (ToolResult("[Old tool result content cleared]", "call_1"),))
    elsewhere = Message("tool", (ToolResult("[Old tool result content cleared]", "call_2"),))
    assert keys.likeness(full, cleared) >= 0.6
    assert keys.likeness(full, elsewhere) < 0.6
