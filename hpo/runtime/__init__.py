"""Parameters -> process -> metrics -> rows: where trials run, and where their results are kept.

`launcher` starts trials through the `forkserver`, whose children become the user's script (`execfile`),
running the code as it was frozen (`snapshot`); `spool` reads what they report; `store` keeps it.
"""
