"""Template collections: `collection.py` is the class, `definitions.py` its contents, `messages.py` its rows.

`rows.py` reads definitions from rows 10 and 11; `stored.py` reads and writes the stored JSON.
"""
