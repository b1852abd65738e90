"""The commands and their options, a module for each group; what they do is imported when they are called."""

# ruff: noqa: F401 - each adds its commands, in the order in which help lists the groups
from hpo.cli.commands import script, tuning, looking, steering, nni, inside, trials  # isort: skip
