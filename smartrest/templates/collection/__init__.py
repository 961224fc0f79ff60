"""Template collections: `collection.py` is the class, `definitions.py` what stands in one, `messages.py` its rows.

Definitions come from and go to rows 10 and 11 (`rows.py`) and the stored JSON (`stored.py`).
"""
