"""What models write when they call a tool or end a turn, as data.

Each family of models has its own markup, which a server's parser turns into `tool_calls`; where it
does not, the markup arrives as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Markup:
    """How one family writes a call.

    `opener` matches up to and with the tool's name, its group `name`; `hint` is a text without
    which there is nothing to match; `end` closes the call, `""` where the end of its JSON does;
    NAME in it is the tool's.
    `json`: the arguments are JSON.
    """

    family: str
    hint: str
    opener: str
    end: str
    source: str
    json: bool = True


BARE = "bare JSON"
"""The family of a call as JSON without any markers."""
XML = "XML (Roo Code, Cline)"
"""The family of a call in the tags of agents that had calls written as text."""
TOOL_CODE = "Gemma's tool_code"
"""The family of a call as Python in a block that calls itself so, where nothing else is said."""
FENCED = "JSON in a code block"
"""The family of a call as JSON that is quoted as code, where nothing else is said."""

_NAME = r"(?P<name>\w[\w.\-]*)"
_BARE = _NAME.replace("?P<name>", "?P<bare>")
_QUOTED = rf'"{_NAME}"'
_JSON_NAME = rf'\{{\s*"(?:type"\s*:\s*"function"\s*,\s*")?(?:name|tool_name)"\s*:\s*{_QUOTED}'
"""A call as JSON that begins with its name: `{"name": "NAME"`."""
_ON = r"(?=[ \t]*(?:<|\{|\n|\Z))"
"""What goes on after an XML opener: a parameter, JSON, a line's end. A word is talk about it."""

MARKUPS: Sequence[Markup] = (
    Markup(
        "Kimi K2",
        "<|tool_call_begin|>",
        rf"<\|tool_call_begin\|>\s*(?:functions\.)?{_NAME}(?::\d*|(?=\s*<\|tool_call_arg))",
        "<|tool_call_end|>",
        "https://huggingface.co/moonshotai/Kimi-K2-Thinking/blob/main/docs/tool_call_guidance.md",
    ),
    Markup(
        "Qwen (Hermes)",
        "<tool_call>",
        rf"<tool_call>\s*{_JSON_NAME}",
        "</tool_call>",
        "https://github.com/NousResearch/Hermes-Function-Calling",
    ),
    Markup(
        "Qwen3-Coder",
        "<function=",
        rf"<function={_NAME}>{_ON}",
        "</function>",
        "https://github.com/ikawrakow/ik_llama.cpp/pull/1300",
        json=False,
    ),
    Markup(
        "GLM",
        "<tool_call>",
        rf"<tool_call>\s*{_NAME}\s*(?:<arg_key>|</tool_call>)",
        "</tool_call>",
        "https://huggingface.co/zai-org/GLM-4.6/blob/main/chat_template.jinja",
        json=False,
    ),
    Markup(
        "DeepSeek",
        "<｜tool▁call▁begin｜>",
        rf"<｜tool▁call▁begin｜>\s*(?:function\s*<｜tool▁sep｜>\s*)?{_NAME}",
        "<｜tool▁call▁end｜>",
        "https://huggingface.co/deepseek-ai/DeepSeek-V3.1/blob/main/assets/chat_template.jinja",
    ),
    Markup(
        "DeepSeek V3.2",
        "<｜DSML｜invoke",
        rf"<｜DSML｜invoke\s+name={_QUOTED}",
        "</｜DSML｜invoke>",
        "https://huggingface.co/deepseek-ai/DeepSeek-V3.2/tree/main/encoding",
        json=False,
    ),
    Markup(
        "Harmony (gpt-oss)",
        "to=functions.",
        rf"\bto=functions\.{_NAME}(?=\s*(?:<\||json|code|\{{|\Z))",
        "",  # a server stops at <|call|> and does not tell it
        "https://cookbook.openai.com/articles/openai-harmony",
    ),
    Markup(
        "MiniMax",
        "<invoke",
        rf"<invoke\s+name={_QUOTED}>?{_ON}",
        "</invoke>",
        "https://github.com/RooCodeInc/Roo-Code/issues/10547",
        json=False,
    ),
    Markup(
        "Mistral",
        "[TOOL_CALLS]",
        rf"\[TOOL_CALLS\]\s*(?:\[?\s*{_JSON_NAME}|{_BARE}"
        r"\s*(?:\[CALL_ID\]\w+)?(?:\[ARGS\](?=\s*(?:\{|\Z))|(?=\{)))",
        "",
        "https://github.com/mistralai/mistral-common",
    ),
    Markup(
        "Llama 3",
        "<|python_tag|>",
        rf"<\|python_tag\|>\s*(?:{_JSON_NAME}|{_BARE}\.call\()",
        "",
        "https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/",
    ),
    Markup(
        "Functionary",
        ">>>",
        rf"^>>>{_NAME}\n(?=\s*\{{)",
        "",
        "https://github.com/MeetKai/functionary",
    ),
    Markup(
        "Command R",
        "<|START_ACTION|>",
        rf"<\|START_ACTION\|>[^|]*?\"tool_name\"\s*:\s*{_QUOTED}",
        "<|END_ACTION|>",
        "https://docs.cohere.com/docs/command-r7b-hf",
    ),
    Markup(
        "LFM2",
        "<|tool_call_start|>",
        rf"<\|tool_call_start\|>\s*\[?\s*(?:{_JSON_NAME}|{_BARE}\()",
        "<|tool_call_end|>",
        "https://huggingface.co/LiquidAI/LFM2-1.2B",
        json=False,
    ),
    Markup(
        "Granite, Phi-4",
        "<|tool_call|>",
        rf"<\|tool_call\|>\s*\[?\s*{_JSON_NAME}",
        "",
        "https://huggingface.co/ibm-granite/granite-3.3-8b-instruct",
    ),
    Markup(
        "Gemma",
        "call:",
        rf"(?:<start_function_call>|<\|tool_call>)\s*call:{_NAME}",
        "}",
        "https://ai.google.dev/gemma/docs/functiongemma",
        json=False,
    ),
    Markup(
        "Nemotron",
        "<TOOLCALL>",
        rf"<TOOLCALL>\s*\[?\s*{_JSON_NAME}",
        "</TOOLCALL>",
        "https://huggingface.co/nvidia/NVIDIA-Nemotron-Nano-9B-v2",
    ),
    Markup(
        "Hunyuan, Apriel",
        "<tool_calls>",
        rf"<tool_calls>\s*\[?\s*{_JSON_NAME}",
        "</tool_calls>",
        "https://huggingface.co/tencent/Hunyuan-A13B-Instruct",
    ),
    Markup(
        "Hunyuan 7B",
        "<tool_call>",
        rf"<tool_call>\s*{_NAME}\s*(?=[\0`])",  # its arguments are a block of code
        "</tool_call>",
        "https://huggingface.co/tencent/Hunyuan-7B-Instruct",
    ),
    Markup(
        "Apertus",
        "<|tools_prefix|>",
        rf"<\|tools_prefix\|>\s*\[?\s*\{{\s*{_QUOTED}\s*:",
        "<|tools_suffix|>",
        "https://huggingface.co/swiss-ai/Apertus-8B-Instruct-2509",
    ),
    Markup(
        "Step 3",
        "<steptml:invoke",
        rf"<steptml:invoke\s+name={_QUOTED}>?{_ON}",
        "</steptml:invoke>",
        "https://huggingface.co/stepfun-ai/step3",
        json=False,
    ),
    Markup(
        "LongCat",
        "<longcat_tool_call>",
        rf"<longcat_tool_call>\s*(?:{_JSON_NAME}|{_BARE}\s*(?:<longcat_arg_key>|</longcat_tool_call>))",
        "</longcat_tool_call>",
        "https://huggingface.co/meituan-longcat/LongCat-Flash-Chat",
        json=False,
    ),
    Markup(
        "Olmo 3",
        "<function_calls>",
        rf"<function_calls>\s*{_NAME}\(",
        "</function_calls>",
        "https://docs.vllm.ai/en/stable/features/tool_calling.html",
        json=False,
    ),
    Markup(
        XML,
        "<",
        r"^[ \t]*<(?P<name>[A-Za-z]\w*_\w+)>\s*(?=<[A-Za-z]\w*>)",
        "</NAME>",
        "https://github.com/RooCodeInc/Roo-Code/issues/10270",
        json=False,
    ),
    Markup(
        "Pythonic (Llama 4)",
        "[",
        rf"^[ \t]*\[{_NAME}\((?=\w+\s*=|\)[\],])",
        ")]",
        "https://docs.vllm.ai/en/stable/features/tool_calling.html",
        json=False,
    ),
    Markup(
        BARE,
        '"name"',
        rf"(?:^[ \t]*\[?\s{{0,40}})?{_JSON_NAME}\s*,\s*\"(?:arguments|parameters)\"\s*:",
        "",
        "https://github.com/ggml-org/llama.cpp/blob/master/docs/function-calling.md",
    ),
)
"""How the families write a call. `bare` is a second group for the name, beside `name`."""

TOKENS: Sequence[str] = (
    r"<[|｜][A-Za-z_][\w▁/: \-]{0,60}[|｜]>",
    r"<(?:start|end)_of_turn>",
    r"\[TOOL_CALLS\]|\[/?INST\]|\[/?TOOL_RESULTS\]",
    r"\]<\]minimax\[>\[|\[e~\[",
    r"</s>(?=\s*\Z)",
    r"(?<=[.!?>])\[EO[ST]\](?=\s*\Z)",
)
"""Special tokens: of ChatML, Llama, Harmony, Kimi, DeepSeek, Command R, LFM2 (the first line),
Gemma, Mistral, MiniMax, Llama 2 (elsewhere HTML's), Kimi; from `tokenizer_config.json`."""

TAGS: Sequence[str] = (
    r"</?(?:minimax:|seed:|steptml:|longcat_)?tool_calls?>|</?function_calls>",
    r"</?function(?:=[\w.\-]*)?>",
    r"</(?:steptml:)?invoke>|</?TOOLCALL>",
)
"""Marks of a call that look like XML. Without declared tools they are an agent's own protocol."""

HINTS = (
    "|>",
    "｜>",
    "_of_turn>",
    "INST]",
    "</s>",
    "[TOOL",
    "[/TOOL",
    "]<]",
    "[e~[",
    "tool_call",
    "function",
    "invoke>",
    "TOOLCALL>",
    "[EO",
)
"""Each token and tag holds one of these: a text without them has none."""
