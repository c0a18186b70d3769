"""The demo agent's tools: real ones, confined to one temporary folder."""

import json
from pathlib import Path

from kimitap.demo.speech import Call


def declared(name: str, description: str, **parameters: int) -> dict[str, object]:
    """A tool's declaration; every parameter is a required string of at most so many characters."""
    properties = {key: {"type": "string", "maxLength": limit} for key, limit in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


TOOLS = (
    declared("list_files", "List the files of a folder.", path=64),
    declared("read_file", "Read a text file.", path=64),
    declared("write_to_file", "Write a text file, replacing it.", path=64, content=512),
)


def run_tool(call: Call, folder: Path) -> str:
    """The answer of a tool, run in `folder`; what goes wrong is an answer too."""
    try:
        arguments = json.loads(call.arguments)
        path = inside(folder, arguments["path"])
        match call.name:
            case "list_files":
                return "\n".join(sorted(entry.name for entry in path.iterdir())) or "(empty)"
            case "read_file":
                return path.read_text()
            case "write_to_file":
                path.write_text(arguments["content"])
                return f"Wrote {len(arguments['content'])} characters to {arguments['path']}."
            case _:
                return f"Error: there is no tool {call.name}."
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"Error: {type(error).__name__}"


def inside(folder: Path, name: str) -> Path:
    """The path of `name` in `folder`; ValueError if it would leave it."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(name)
    return path
