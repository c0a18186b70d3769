"""How servers speak chat completions, each in its way and rightly: no rule minds.

The shapes are those that Ollama, vLLM, SGLang, LM Studio, MLX, OpenRouter, DashScope, Moonshot,
Mistral, Groq, Azure and Perplexity send; the texts are made up.
"""

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, Json, assistant, call, step, tool
from kimitap.rules.rule import Sample
from tests.support.examples import findings_of
from tests.support.streams import ARGUMENTS, chunk, event, piece, streamed, usage

BEGIN = chunk({"role": "assistant", "content": ""})
HI = chunk({"content": "Hi"})
STOP = chunk({}, "stop")
CALLED = chunk({}, "tool_calls")
WHOLE = piece(0, "read_file", ARGUMENTS, id="c1", type="function")
THOUGHT = [{"type": "reasoning.text", "text": "I read.", "format": "unknown", "index": 0}]
SEALED = [{"type": "reasoning.encrypted", "data": "gAAAA", "id": "rs_1", "index": 0}]


def whole(*before: bytes, **message: object) -> Sample:
    """An answer that is not streamed, with these bytes before it."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    body = b"".join(before) + orjson.dumps({"choices": [choice]})
    return Sample(streamed().request, None, raw=body)


def thought(details: Sequence[Json], **delta: object) -> list[Sample]:
    """A call after a thought, of which the history gives back only OpenRouter's details."""
    begun = chunk({"role": "assistant", "content": "", "reasoning_details": details, **delta})
    said = chunk({"content": ASKED["content"], "tool_calls": [WHOLE]})
    back = {**ASKED, "reasoning_details": details}
    return [streamed(begun, said, CALLED), step((*TASK, back, NOTES), DONE)]


CLEAN: dict[str, Sequence[Sample]] = {
    "Ollama: an empty finish reason in every chunk": [
        streamed(
            chunk({"role": "assistant", "content": "Hi"}, ""),
            chunk({"role": "assistant", "content": " you"}, ""),
            chunk({"role": "assistant", "content": ""}, "stop"),
        )
    ],
    "Ollama: a call in one chunk, and the role in each": [
        streamed(
            chunk({"role": "assistant", "content": "", "tool_calls": [WHOLE]}),
            chunk({"role": "assistant", "content": ""}, "tool_calls"),
        )
    ],
    "Ollama: the whole reply comes with its reason": [
        streamed(chunk({"role": "assistant", "content": "My name is Ada."}, "stop"))
    ],
    "Ollama: `reasoning` beside an empty content": [
        streamed(chunk({"role": "assistant", "content": "", "reasoning": "Hm."}), HI, STOP)
    ],
    "OpenRouter: counts with a choice, after the reason": [
        streamed(
            b": OPENROUTER PROCESSING\n\n",
            chunk({"role": "assistant", "content": "Hi"}, provider="Chutes"),
            chunk({"role": "assistant", "content": ""}, "stop", {"native_finish_reason": "eos"}),
            chunk(
                {"role": "assistant", "content": ""},
                None,
                {"native_finish_reason": None},
                usage={"prompt_tokens": 1697, "completion_tokens": 1, "cost": 0.1},
            ),
        )
    ],
    "OpenRouter: the reason is said again with the counts": [
        streamed(BEGIN, HI, STOP, chunk({"content": ""}, "stop", usage={"prompt_tokens": 9}))
    ],
    "OpenRouter: a thought comes back as details alone": thought(THOUGHT, reasoning="I read."),
    "OpenRouter: a sealed thought comes back as it came": thought(SEALED, reasoning=None),
    "OpenRouter: a reply that is an image": [
        streamed(
            chunk(
                {
                    "role": "assistant",
                    "content": "",
                    "images": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
                    ],
                }
            ),
            STOP,
        )
    ],
    "OpenAI: a reply that is heard": [
        whole(content=None, audio={"id": "audio_1", "data": "AAAA", "transcript": "Hi"})
    ],
    "vLLM: text in the last chunk, and nulls": [
        streamed(
            chunk({"role": "assistant", "content": ""}, None, {"logprobs": None}),
            chunk({"content": "Hi"}, "stop", {"stop_reason": None, "logprobs": None}),
            usage(9, 1, prompt_tokens_details=None),
        )
    ],
    "vLLM: counts in every chunk": [
        streamed(
            chunk({"role": "assistant", "content": ""}, usage={"completion_tokens": 0}),
            chunk({"content": "Hi"}, usage={"completion_tokens": 1}),
            chunk({"content": ""}, "stop", usage={"completion_tokens": 1}),
        )
    ],
    "vLLM: a call whose first piece has no arguments": [
        streamed(
            BEGIN,
            chunk({"tool_calls": [piece(0, "read_file", id="chatcmpl-tool-1", type="function")]}),
            chunk({"tool_calls": [piece(0, "", '{"path": ')]}),
            chunk({"tool_calls": [piece(0, "", '"notes.txt"}')]}),
            chunk({"content": ""}, "tool_calls", {"stop_reason": None}),
        )
    ],
    "a gateway writes every field of a delta out": [
        streamed(
            chunk(
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": None,
                    "tool_calls": None,
                    "function_call": None,
                    "refusal": None,
                    "audio": None,
                }
            ),
            chunk({"tool_calls": [piece(0, "read_file", None, id="a", type="function")]}),
            chunk({"tool_calls": [piece(0, None, ARGUMENTS, id=None, type=None)]}),
            CALLED,
        )
    ],
    "SGLang: a null role, and what it stopped at": [
        streamed(
            chunk({"role": "assistant", "content": "", "tool_calls": None}),
            chunk({"role": None, "content": "Hi", "reasoning_content": None}),
            chunk({"role": None, "content": None}, "stop", {"matched_stop": 151645}),
            usage(9, 1, reasoning_tokens=0),
        )
    ],
    "LM Studio: a call without content": [
        streamed(
            chunk({"role": "assistant", "tool_calls": [piece(0, "read_file", "", id="365")]}),
            chunk({"tool_calls": [piece(0, "", ARGUMENTS, type="function")]}),
            CALLED,
            event({"choices": [], "usage": {"prompt_tokens": 9}, "stats": {}}),
        )
    ],
    "MLX: comments while it reads": [
        streamed(b": keepalive 10/100\n\n", b": keepalive 90/100\n\n", BEGIN, HI, STOP)
    ],
    "DashScope: empty ids and null arguments in later pieces": [
        streamed(
            chunk({"role": "assistant", "content": None, "reasoning_content": "Hm"}, usage=None),
            chunk({"content": None, "tool_calls": [piece(0, "read_file", "", id="call_1")]}),
            chunk({"content": None, "tool_calls": [piece(0, "", ARGUMENTS, id="")]}),
            chunk({"content": None, "tool_calls": [piece(0, "", None, id="")]}),
            chunk({"content": "", "reasoning_content": None}, "tool_calls"),
            usage(9, 9, prompt_tokens_details={"cached_tokens": 0}),
        )
    ],
    "Moonshot: counts within the choice": [
        streamed(BEGIN, HI, chunk({}, "stop", {"usage": {"prompt_tokens": 9, "cached_tokens": 4}}))
    ],
    "Moonshot: ids of Kimi's that count on": [
        step(TASK, first := assistant("", call("search:0", "read_file", path="a"))),
        step(
            (*TASK, first, tool("search:0", "12 rows")),
            second := assistant("", call("search:1", "read_file", path="b")),
        ),
        step((*TASK, first, tool("search:0", "12 rows"), second, tool("search:1", "3")), DONE),
    ],
    "Moonshot: a function of the server's own": [
        step(
            TASK,
            searched := assistant("", call("c1", "$web_search", '{"search_result":{}}')),
            tools=(own := [{"type": "builtin_function", "function": {"name": "$web_search"}}]),
        ),
        step((*TASK, searched, tool("c1", '{"search_result":{}}')), DONE, tools=own),
    ],
    "Mistral: content as a list of parts, with thoughts": [
        streamed(
            BEGIN,
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "H"}]}]}),
            HI,
            chunk({"content": "", "tool_calls": None}, "stop", usage={"prompt_tokens": 9}),
        )
    ],
    "Mistral: a call without a type, with the reason": [
        streamed(
            BEGIN,
            chunk(
                {"content": "", "tool_calls": [piece(0, "read_file", ARGUMENTS, id="D681")]},
                "tool_calls",
            ),
        )
    ],
    "Groq: counts under a name of its own": [
        streamed(
            chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
            chunk({"reasoning": "Hm", "channel": "analysis"}),
            chunk({"tool_calls": [WHOLE]}),
            chunk({}, "tool_calls", x_groq={"usage": {"prompt_tokens": 9}}),
        )
    ],
    "Azure: filters before and after, without a delta": [
        streamed(
            event({"choices": [], "id": "", "model": "", "prompt_filter_results": []}),
            chunk({"role": "assistant", "content": "Hi"}, None, {"content_filter_results": {}}),
            STOP,
            event({"choices": [{"content_filter_offsets": {}, "finish_reason": None, "index": 0}]}),
        )
    ],
    "Perplexity: the message so far beside the delta": [
        streamed(
            chunk({"content": "Hi"}, None, {"message": {"role": "assistant", "content": "Hi"}}),
            chunk({"content": " A"}, "stop", {"message": {"role": "assistant", "content": "Hi A"}}),
        )
    ],
    "carriage returns, no space after the colon, ids and names of events": [
        streamed(
            HI.replace(b"data: ", b"id: 1\r\nevent: message\r\ndata:").replace(
                b"\n\n", b"\r\n\r\n"
            ),
            STOP.replace(b"data: ", b"data:").replace(b"\n\n", b"\r\n\r\n"),
            end=b"data:[DONE]\r\n\r\n",
        )
    ],
    "a null error in every chunk": [
        streamed(chunk({"role": "assistant", "content": "Hi"}, error=None), STOP)
    ],
    "line feeds keep a connection alive before the JSON": [whole(b"\n\n\n   \n", content="Hi")],
    "a byte order mark before the JSON": [whole(b"\xef\xbb\xbf", content="Hi")],
    "vLLM is told to go on with the last message": [
        step(
            (*TASK, assistant("The notes name")),
            assistant(" Ada."),
            continue_final_message=True,
            add_generation_prompt=False,
        )
    ],
    "images and sound of an assistant's in the history": [
        step(
            (
                *TASK,
                {
                    "role": "assistant",
                    "content": None,
                    "images": [{"type": "image_url", "image_url": {"url": "https://a/b"}}],
                },
                {"role": "user", "content": "Say it."},
                {"role": "assistant", "audio": {"id": "audio_1"}},
                {"role": "user", "content": "Again."},
            ),
            DONE,
        )
    ],
    "the counts come a minute after the last word": [
        replace(streamed(BEGIN, *[HI] * 30, STOP, usage(9, 30)), pauses={32: 70.0})
    ],
}


@pytest.mark.parametrize("title", CLEAN)
def test_a_servers_own_way_is_no_defect(title: str) -> None:
    assert [f for f in findings_of(CLEAN[title]) if f.rule not in NOTED.get(title, ())] == []


NOTED = {"images and sound of an assistant's in the history": {"unbacked-assistant-turn"}}
"""What is told all the same: a history of which no reply is recorded."""
