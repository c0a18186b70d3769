#!/usr/bin/env python3
"""make_kimi_model.py SOURCE.gguf TARGET.gguf TEMPLATE.jinja: dress SmolLM2 in Kimi K2's markers.

Kimi K2 weighs a terabyte; what matters on the wire is that its markers are single tokens, so that
llama-server's own Kimi K2 parser is at work. SmolLM2 has spare special tokens (`<repo_name>`,
`<jupyter_code>`, …) that were never trained: they are renamed to Kimi's markers, and the rows of
the embedding that open and close a message are copied from SmolLM2's own, so that the small model
reads `<|im_user|>user<|im_middle|>…` as the ChatML it knows.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, TokenType

OPENERS = ("<|im_system|>", "<|im_user|>", "<|im_assistant|>")
"""Stand where ChatML has `<|im_start|>`, and borrow its row of the embedding."""

MIDDLE = "<|im_middle|>"
"""Stands where ChatML has a line feed after the role, and borrows that row, a little weakened."""

SHOWN = (
    "<|tool_calls_section_begin|>",
    "<|tool_calls_section_end|>",
    "<|tool_call_begin|>",
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
    "<think>",
    "</think>",
)
"""Part of the text that the parser reads, so they must not be hidden as control tokens are."""

SPARE = (
    "<repo_name>",
    "<reponame>",
    "<file_sep>",
    "<filename>",
    "<gh_stars>",
    "<issue_start>",
    "<issue_comment>",
    "<issue_closed>",
    "<jupyter_start>",
    "<jupyter_text>",
    "<jupyter_code>",
)

LINE_FEED = "\u010a"  # as the byte-level vocabulary spells it
Q8_0_BLOCK_BYTES = 34  # a float16 scale, then 32 signed bytes
MIDDLE_STRENGTH = np.float16(0.7)

RENAMED = dict(zip(SPARE, (*OPENERS, MIDDLE, *SHOWN), strict=True))


def weakened(row: np.ndarray, factor: np.float16) -> np.ndarray:
    """A Q8_0 row multiplied by `factor`, through the scale of each of its blocks."""
    blocks = row.copy().reshape(-1, Q8_0_BLOCK_BYTES)
    scales = blocks[:, :2].copy().view(np.float16) * factor
    blocks[:, :2] = scales.astype(np.float16).view(np.uint8).reshape(-1, 2)
    return blocks.reshape(-1)


def dressed(embedding: np.ndarray, tokens: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """The embedding with the rows of Kimi's message markers taken from ChatML's."""
    rows = np.array(embedding)
    for opener in OPENERS:
        rows[names.index(opener)] = rows[tokens.index("<|im_start|>")]
    rows[names.index(MIDDLE)] = weakened(rows[tokens.index(LINE_FEED)], MIDDLE_STRENGTH)
    return rows


def copy_metadata(reader: GGUFReader, writer: GGUFWriter, names: list[str], template: str) -> None:
    """Write every field of the source, with Kimi's names for the tokens and our template."""
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue  # the writer makes its own
        if key == "tokenizer.chat_template":
            writer.add_chat_template(template)
            continue
        value = field.contents()
        if key == "tokenizer.ggml.tokens":
            value = names
        elif key == "tokenizer.ggml.token_type":
            value = [
                int(TokenType.USER_DEFINED) if name in SHOWN else kind
                for name, kind in zip(names, value, strict=True)
            ]
        elif key == "general.name":
            value = "SmolLM2 135M in Kimi K2's clothes"
        kind = field.types[0]
        sub_kind = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(key, value, kind, sub_type=sub_kind)


def dress(source: Path, target: Path, template: Path) -> None:
    """Write `target`: the weights of `source`, Kimi's markers as tokens, `template` built in."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
    tokens: list[str] = reader.fields["tokenizer.ggml.tokens"].contents()
    names = [RENAMED.get(token, token) for token in tokens]
    if missing := set(RENAMED) - set(tokens):
        sys.exit(f"{source} lacks the spare tokens {sorted(missing)}")
    copy_metadata(reader, writer, names, template.read_text())
    tensors = []
    for tensor in reader.tensors:
        data = tensor.data
        if tensor.name == "token_embd.weight":
            if tensor.tensor_type != GGMLQuantizationType.Q8_0:
                sys.exit(f"{source}: the embedding is {tensor.tensor_type.name}, not Q8_0")
            data = dressed(data, tokens, names)
        writer.add_tensor_info(tensor.name, data.shape, data.dtype, data.nbytes, tensor.tensor_type)
        tensors.append(data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for data in tensors:
        writer.write_tensor_data(data)
    writer.close()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    dress(*(Path(word) for word in sys.argv[1:]))
