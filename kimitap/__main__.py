"""`python -m kimitap`: the command, where its script is not on PATH."""

from kimitap.cli import main

main()
