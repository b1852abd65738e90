"""Script -> search space + parameterised trial.

The way goes down this list; a folder imports from those above it, and from `result`.

- `reading`: `files` says which belong to a project, `collection` reads each once; `source` knows bytes and
  positions, `scopes` and `structure` what a syntax tree says, `concrete` what it forgets (LibCST).
- `marks`: found in the `text` and in the `code`, read by `grammar`, each of them a `mark`.
- `space`: `targets` says which place each means, `naming` what it is called, `defaults` what stands there
  today, `conditions` when it is active; `description` makes the space, `constraints` rule parts of it out.
- `trial`: `rewrite` makes what a trial runs, on the same lines; `stretches` says where its columns differ.
- `writing`: `apply` writes values into the source, `suggest` marks.

`project` goes all the way, and `result` is what comes out. Marks are parsed, never evaluated.
"""
