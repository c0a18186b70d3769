"""How much is taken out of what is handed on."""

from enum import StrEnum


class Level(StrEnum):
    """What redaction takes out; each level takes out what those before it do."""

    NONE = "none"
    """Credentials only, as the recorder masked them."""
    SECRETS = "secrets"
    """Keys, tokens, passwords, users' names in home paths, e-mail addresses."""
    TEXT = "text"
    """Every free text: its words and figures give way to placeholders of the same length."""
