"""What a redaction took out, told without telling it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Masked:
    """What was masked in one place of an exchange.

    `where` is a place in words (`request header X-Foo`, `URL`, `request $.messages[3].content`,
    `response events 17 … 40: $.choices[0].delta.content`), `kind` what it was (`e-mail address`),
    `count` how often. The secret itself is never in it, nor a digest of it.
    """

    exchange: int
    where: str
    kind: str
    count: int
