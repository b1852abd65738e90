"""Script -> search space + parameterised trial.

`source` knows positions, `structure` what the syntax tree says, `marks` finds and parses marks, `targets`
says what each means, `naming` what it is called, `rewrite` how the trial reads, and `project` does it all
for a script and its modules. Marks are parsed, never evaluated.
"""
