"""`python -m smartrest`: the same as the command `smartrest`."""

from .cli import main

raise SystemExit(main())
