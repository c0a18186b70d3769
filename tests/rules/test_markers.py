"""What models write when they call a tool, told from talk about it, in bounded time."""

import time

import pytest

from kimitap.rules import markers
from kimitap.rules.markup import MARKUPS

NAMES = frozenset({"read_file", "now"})
ARGUMENTS = '{"path": "a.md"}'
AS_JSON = f'{{"name": "read_file", "arguments": {ARGUMENTS}}}'

WRITTEN = {
    "Kimi K2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0"
    f"<|tool_call_argument_begin|>{ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>",
    "Qwen (Hermes)": f"<tool_call>\n{AS_JSON}\n</tool_call>",
    "Qwen3-Coder": "<tool_call>\n<function=read_file>\n<parameter=path>\na.md\n</parameter>\n"
    "</function>\n</tool_call>",
    "GLM": "<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>a.md</arg_value>\n"
    "</tool_call>",
    "DeepSeek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n"
    f"```json\n{ARGUMENTS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "DeepSeek V3.2": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="read_file">\n'
    '<｜DSML｜parameter name="path" string="true">a.md</｜DSML｜parameter>\n</｜DSML｜invoke>',
    "Harmony (gpt-oss)": "<|channel|>commentary to=functions.read_file <|constrain|>json"
    f"<|message|>{ARGUMENTS}<|call|>",
    "MiniMax": '<minimax:tool_call>\n<invoke name="read_file">\n'
    '<parameter name="path">a.md</parameter>\n</invoke>\n</minimax:tool_call>',
    "Mistral": f"[TOOL_CALLS]read_file[ARGS]{ARGUMENTS}",
    "Llama 3": f'<|python_tag|>{{"type": "function", {AS_JSON[1:]}',
    "Functionary": f">>>read_file\n{ARGUMENTS}",
    "Command R": '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "read_file", '
    f'"parameters": {ARGUMENTS}}}]<|END_ACTION|>',
    "LFM2": '<|tool_call_start|>[read_file(path="a.md")]<|tool_call_end|>',
    "Granite, Phi-4": f"<|tool_call|>[{AS_JSON}]",
    "Gemma": "<start_function_call>call:read_file{path:<escape>a.md<escape>}<end_function_call>",
    "Nemotron": f"<TOOLCALL>[{AS_JSON}]</TOOLCALL>",
    "Hunyuan, Apriel": f"<tool_calls>[{AS_JSON}]</tool_calls>",
    "Hunyuan 7B": f"<tool_calls>\n<tool_call>read_file\n```json\n{ARGUMENTS}\n```\n</tool_call>",
    "Apertus": f'<|tools_prefix|>[{{"read_file": {ARGUMENTS}}}]<|tools_suffix|>',
    "Step 3": '<steptml:toolcall><steptml:invoke name="read_file">'
    '<steptml:parameter name="path">a.md</steptml:parameter></steptml:invoke>',
    "LongCat": f"<longcat_tool_call>\n{AS_JSON}\n</longcat_tool_call>",
    "Olmo 3": '<function_calls>\nread_file(path="a.md")\n</function_calls>',
    "XML (Roo Code, Cline)": "<read_file>\n<path>a.md</path>\n</read_file>",
    "Pythonic (Llama 4)": '[read_file(path="a.md"), now()]',
    "bare JSON": AS_JSON,
}
"""One call of read_file as each family writes it."""


def families(text: str) -> list[str]:
    return [leak.family for leak in markers.calls_in(text, NAMES)]


def test_every_family_of_the_table_is_written_here() -> None:
    assert list(WRITTEN) == [markup.family for markup in MARKUPS]


@pytest.mark.parametrize("family", WRITTEN)
def test_a_call_in_a_familys_markup_is_one_call_of_that_family(family: str) -> None:
    [leak] = markers.calls_in(f"I read it.\n{WRITTEN[family]}", NAMES)
    assert (leak.family, leak.name, leak.whole, leak.readable) == (family, "read_file", True, True)


@pytest.mark.parametrize("family", WRITTEN)
def test_markup_of_an_undeclared_tool_is_no_call(family: str) -> None:
    assert markers.calls_in(WRITTEN[family].replace("read_file", "other"), NAMES) == []


@pytest.mark.parametrize("family", WRITTEN)
def test_markup_in_a_code_fence_is_no_call(family: str) -> None:
    fenced = f"It writes:\n~~~\n{WRITTEN[family]}\n~~~\nand that is all."
    assert markers.calls_in(fenced, NAMES) == []
    assert markers.stray_tokens(fenced, tools=True) == []


@pytest.mark.parametrize("family", WRITTEN)
def test_markup_that_breaks_off_is_not_whole(family: str) -> None:
    opener = markers.calls_in(WRITTEN[family], NAMES)[0]
    cut = WRITTEN[family][: opener.start + (opener.stop - opener.start) * 3 // 4]
    assert markers.call_breaks_off(f"I read it.\n{cut}", NAMES)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"I read it.functions.read_file:0{ARGUMENTS}", "read_file"),
        (f"I read it.\nread_file{ARGUMENTS}\n", "read_file"),
        ("now:0{}", "now"),
        (f"I read it for you.read_file{ARGUMENTS}", "read_file"),
        (f"First I read it:read_file{ARGUMENTS}", "read_file"),
        (f"我读它read_file{ARGUMENTS}", "read_file"),
    ],
)
def test_a_call_whose_markers_were_eaten_is_found_at_the_end(text: str, name: str) -> None:
    [leak] = markers.calls_in(text, NAMES)
    assert (leak.family, leak.name) == ("markers eaten", name)


@pytest.mark.parametrize(
    "text",
    [
        f"read_file {ARGUMENTS}",
        f"read_file{ARGUMENTS} is what I would call.",
        'I called other{"path": "a"}',
        "read_file{path}",
        f"my_read_file{ARGUMENTS}",
        f"unread_file{ARGUMENTS}",
        "The <tool_call> tag and <function=NAME> are Qwen's.",
        "`<function=read_file>` begins a call.",
        "> <function=read_file>",
        "Say to=functions or read_file, as you like.",
        'The body is {"name": "Ada", "arguments": 3}.',
        "I put <function=read_file> before the parameters.",
        "[read_file(path)](docs/read_file.md) is the tool's page.",
        "The list is [read_file(path=1), now()] then.",
        "[now() is a function of mine]",
        f"Say:\n```json\n{AS_JSON}\n```",
        f'```json\n{{"name": "read_file", "arguments": {ARGUMENTS}, "strict": true}}\n```',
        f"```python\n{AS_JSON}\n```",
        '```json\n{"name": ["read_file"], "arguments": {}}\n```',
        "```json\n[1, 2]\n```",
        f'The body is {{"arguments": {ARGUMENTS}, "name": "read_file"}} there.',
        "The tag is <read_file>, and <path> stands in it.",
        "<read_file> reads.\n<now> tells the time.",
        'MiniMax begins with <invoke name="read_file"> and goes on with its parameters.',
        "In Harmony the header says to=functions.read_file, then comes the message.",
        "Mistral begins with [TOOL_CALLS]read_file[ARGS] today.",
        f"It now renders <tool_call>{AS_JSON}</tool_call> for a call.",
        f"It now renders <tool_call>\n{AS_JSON}\n</tool_call>, as Qwen does.",
        f"A call is {AS_JSON} in the end, no more.",
        "Older agents want:\n\n<read_file>\n<path>a.md</path>\n</read_file>\n\nThat is XML.",
        "They write\n<read_file>\n<path>a.md</path>\n</read_file>\nand wait for the result.",
        f"Put this into the settings:\n\nread_file{ARGUMENTS}",
        f"It works. An example of the syntax:\n\nread_file{ARGUMENTS}",
        '```tool_code\nother(path="a.md")\n```',
        'Gemma writes:\n```tool_code\nread_file(path="a.md")\n```',
        '```python\nread_file(path="a.md")\n```',
        f"It renders:\n\n    <tool_call>\n    {AS_JSON}\n    </tool_call>\n\nand stops.",
    ],
)
def test_talk_about_calls_is_none(text: str) -> None:
    assert markers.calls_in(text, NAMES) == []


@pytest.mark.parametrize(
    ("text", "family"),
    [
        (f"I read it. {AS_JSON}", "bare JSON"),
        (f"I read it: <tool_call>{AS_JSON}</tool_call>", "Qwen (Hermes)"),
        (f"I read it: <tool_call>{AS_JSON}</tool_call>\nWell?", "Qwen (Hermes)"),
        (f"<function=read_file>{ARGUMENTS}</function>", "Qwen3-Coder"),
        ("<function=now></function>", "Qwen3-Coder"),
        ("<function=read_file>\na.md\n</function>", "Qwen3-Coder"),
        (f"<|tool_call_begin|>read_file<|tool_call_argument_begin|>{ARGUMENTS}", "Kimi K2"),
        (f"commentary to=functions.read_file json{ARGUMENTS}", "Harmony (gpt-oss)"),
        (f'<tool_call>\n{{"arguments": {ARGUMENTS}, "name": "read_file"}}', "Qwen (Hermes)"),
        (f'{{"parameters": {ARGUMENTS}, "name": "read_file"}}', "bare JSON"),
        (f"```json\n{AS_JSON}\n```", "JSON in a code block"),
        (f"\n```\n{AS_JSON}\n```\n", "JSON in a code block"),
        ('```tool_code\nread_file(path="a.md")\n```', "Gemma's tool_code"),
        ('```tool_code\nprint(api.read_file(path="a (1).md"))\n```\n', "Gemma's tool_code"),
        (f"I read it:\n\nread_file{ARGUMENTS}", "markers eaten"),
        (f"Let me look at an example file:\nread_file{ARGUMENTS}", "markers eaten"),
        (
            "I read it:\n\n<read_file>\n<path>a.md</path>\n</read_file>\n\nThen I go on.",
            "XML (Roo Code, Cline)",
        ),
    ],
)
def test_a_call_is_found_in_its_rarer_spellings(text: str, family: str) -> None:
    assert families(text) == [family]


def test_a_tool_may_have_a_name_in_any_script() -> None:
    text = WRITTEN["Qwen (Hermes)"].replace("read_file", "文件.read")
    assert [leak.name for leak in markers.calls_in(text, frozenset({"文件.read"}))] == ["文件.read"]


def test_a_harmony_call_is_whole_without_the_token_that_servers_stop_at() -> None:
    (leak,) = markers.calls_in(WRITTEN["Harmony (gpt-oss)"].removesuffix("<|call|>"), NAMES)
    assert leak.whole
    (cut,) = markers.calls_in(WRITTEN["Harmony (gpt-oss)"][:60], NAMES)
    assert not cut.whole


def test_two_calls_side_by_side_are_two() -> None:
    text = f"{WRITTEN['Qwen (Hermes)']}\n{WRITTEN['Qwen3-Coder']}"
    assert families(text) == ["Qwen (Hermes)", "Qwen3-Coder"]


def test_a_call_whose_json_is_broken_cannot_be_read() -> None:
    [leak] = markers.calls_in('<tool_call>{"name": "read_file", "arg</tool_call>', NAMES)
    assert leak.whole and not leak.readable


@pytest.mark.parametrize(
    "text",
    [
        "Done.<|im_end|>",
        "<|im_start|>assistant\nHello.",
        "<|channel|>final<|message|>Hello.",
        "Hello.<|end|><|start|>assistant and on it goes",
        "Hello.<end_of_turn>\n",
        "Hello.[/INST]",
        "Hello.<|im_end|>\n<|im_",
        "<｜end▁of▁sentence｜>",
        "All done<|im_end|>",
        "Done. <|im_end|>",
        "Done.\n<|im_end|>",
        "Done.</s>",
        "I will look <|tool_calls_section_begin|>",
        "[INST] and now?",
        "It is done.<|im_end|>[EOS]",
        "It is done.[EOS]",
        "I look at it now:\n\n<|im_end|>",
        "It is done.\n\n<|im_end|>",
    ],
)
def test_tokens_at_an_end_or_side_by_side_are_stray(text: str) -> None:
    assert markers.stray_tokens(text, tools=False)


@pytest.mark.parametrize(
    "text",
    [
        "It ends with <|im_end|>.",
        "It ends with <|im_end|>" + "\n" * 2000 + "that is all",
        "The token <|im_end|> ends a message.",
        'Its last line is "<|im_end|>"',
        "`<|im_end|>`",
        "f <| x |> g",
        "a <| b",
        "The mark [INST] begins it, they say.",
        "The token that ends a message is <|im_end|>",
        "<|im_end|> is the token that ends a message.",
        "Between them stands <|im_end|><|im_start|>assistant in my template.",
        "It knows these tokens:\n\n- <|im_start|>\n- <|im_end|>",
        "It renders:\n\n    Hi<|im_end|>\n    <|im_start|>assistant\n\nand stops.",
        "They write <s>struck out</s>",
        "<tool_call>",
        "",
    ],
)
def test_tokens_amid_a_sentence_or_in_quotes_are_not(text: str) -> None:
    assert markers.stray_tokens(text, tools=False) == []


def test_tags_of_calls_count_where_tools_are_declared() -> None:
    assert markers.stray_tokens("I read it.\n<tool_call>", tools=True) == ["<tool_call>"]


HOSTILE = {
    "openers": "<tool_call>" * 60_000,
    "openers with names": "<tool_call>read_file\n<arg_key>" * 30_000,
    "functions": "<function=read_file>" * 40_000,
    "blank lines": "\n" * 300_000 + '"name"',
    "braces": "read_file{" * 60_000 + "}",
    "one word": "a" * 300_000 + "{}",
    "bars": "|" * 300_000 + "functions.{}",
    "ticks": "`" * 300_001,
    "tildes": "~" * 300_000 + "\n",
    "fences": "```\n~~~\n" * 40_000,
    "tokens": "<|im_end|>" * 50_000,
    "unclosed tokens": "<|" * 200_000,
    "actions": "<|START_ACTION|>" * 30_000,
    "blank block": "```tool_code" + "\n" * 190_000 + "```",
    "block of brackets": "```tool_code\nread_file(" + ") " * 90_000 + "```",
    "block of dots": "```tool_code\n" + "a." * 90_000 + "```",
    "deep": '<tool_call>{"name": "read_file", "arguments": ' + "[" * 200_000,
    "quotes": '"' * 300_000 + "<",
    "quoted tokens": ' "<|im_end|><|im_start|>' * 15_000,
    "told tokens": "it ends with: <|im_end|><|im_start|>" * 10_000,
    "quoted calls": ' "<tool_call>{"name": "read_file", "arguments": {}}' * 6_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_text_made_to_be_slow_is_read_in_time(kind: str) -> None:
    began = time.perf_counter()
    markers.calls_in(HOSTILE[kind], NAMES)
    markers.stray_tokens(HOSTILE[kind], tools=True)
    markers.call_breaks_off(HOSTILE[kind], NAMES)
    assert time.perf_counter() - began < 5
