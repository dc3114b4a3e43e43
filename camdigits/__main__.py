"""Lets `python -m camdigits` stand in for the command."""

from camdigits.cli import main

main()
