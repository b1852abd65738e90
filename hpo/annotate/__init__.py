"""Script -> search space + parameterised trial.

Each step is a module, in the order of the flow. `files` says which files belong to a project, `source` knows
their bytes and positions, `scopes` and `structure` what their syntax trees say, `concrete` what those forget
(LibCST). `marks` and `code_marks` find marks; `parsing`, `grammar`, `constants` and `layers` read them;
`targets` and `signatures` say what each means, `naming` what it is called, `conditions` when it is active.
`constraints` says what they rule out, `defaults` what stands there today. `rewrite` makes the trial,
`stretches` says where its columns differ, `sites` how values are written back. `project` does it all,
`result` is what comes out. `apply` writes to the source; `suggest` proposes marks, by `wellknown` names.

Marks are parsed, never evaluated.
"""
