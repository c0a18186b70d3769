"""The environment by which a command finds the recorder."""

import pytest

from kimitap.errors import UsageError
from kimitap.running import VARIABLES, filled_in, surroundings

URL = "http://127.0.0.1:4711"
LOCAL = "http://127.0.0.1:8080"
REMOTE = "https://models.example"


def test_every_variable_names_the_recorder_and_says_who_reads_it() -> None:
    found = surroundings(URL, LOCAL, {})
    for variable in VARIABLES:
        assert found[variable.name] == URL + variable.path
        assert variable.readers
    assert found["OPENAI_BASE_URL"] == f"{URL}/v1"
    assert found["ANTHROPIC_BASE_URL"] == URL


def test_an_address_of_the_upstream_keeps_its_path() -> None:
    current = {"OPENAI_BASE_URL": "https://models.example/llama/v1/", "OPENAI_API_BASE": LOCAL}
    found = surroundings(URL, REMOTE, current)
    assert found["OPENAI_BASE_URL"] == f"{URL}/llama/v1"
    assert found["OPENAI_API_BASE"] == f"{URL}/v1"


def test_an_address_of_another_server_is_replaced_whole() -> None:
    found = surroundings(URL, LOCAL, {"OPENAI_BASE_URL": "http://127.0.0.1:9999/api/v3"})
    assert found["OPENAI_BASE_URL"] == f"{URL}/v1"


def test_a_value_that_is_no_address_is_replaced() -> None:
    assert surroundings(URL, LOCAL, {"OLLAMA_HOST": "http://[::"})["OLLAMA_HOST"] == URL


def test_a_key_is_made_up_only_where_none_is_and_the_server_is_here() -> None:
    assert surroundings(URL, LOCAL, {})["OPENAI_API_KEY"] == "no-key"
    assert "OPENAI_API_KEY" not in surroundings(URL, LOCAL, {"OPENAI_API_KEY": "mine"})
    assert "OPENAI_API_KEY" not in surroundings(URL, REMOTE, {})
    assert "ANTHROPIC_API_KEY" not in surroundings(URL, LOCAL, {"ANTHROPIC_AUTH_TOKEN": "mine"})


@pytest.mark.parametrize("here", ["localhost:8080", "http://[::1]:8080", "http://127.8.0.1"])
def test_this_machine_has_many_names(here: str) -> None:
    assert "OPENAI_API_KEY" in surroundings(URL, here, {})


def test_proxies_are_told_to_leave_loopback_alone() -> None:
    found = surroundings(URL, LOCAL, {"NO_PROXY": "intern.example, localhost", "no_proxy": "*"})
    assert found["NO_PROXY"] == "intern.example,localhost,127.0.0.1,::1"
    assert found["no_proxy"] == "*"


def test_other_variables_are_set_and_known_ones_left_alone_on_request() -> None:
    extra = ["MY_BASE=/v1", "PLAIN=", "OPTIONS=--api {url}/v1 --x=y"]
    found = surroundings(URL, LOCAL, {}, extra, leave=["OLLAMA_HOST"])
    assert (found["MY_BASE"], found["PLAIN"]) == (f"{URL}/v1", URL)
    assert found["OPTIONS"] == f"--api {URL}/v1 --x=y"
    assert "OLLAMA_HOST" not in found


@pytest.mark.parametrize("word", ["NAME", "=/v1", "NAME=v1", ""])
def test_an_extra_that_names_no_variable_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="names no variable"):
        surroundings(URL, LOCAL, {}, [word])


def test_the_address_stands_in_for_its_placeholder_in_words() -> None:
    assert filled_in(["--api={url}/v1", '{"a": {}}'], URL) == [f"--api={URL}/v1", '{"a": {}}']
