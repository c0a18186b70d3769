"""`python -m kimitap.cli`: the same as `kimitap`."""

from kimitap.cli import main

main()
