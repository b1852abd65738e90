"""Make ``python -m hpo`` the command."""

from hpo.cli import main

main()
