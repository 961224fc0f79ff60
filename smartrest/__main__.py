"""`python -m smartrest`, the same as the `smartrest` command."""

from .cli import main

raise SystemExit(main())
