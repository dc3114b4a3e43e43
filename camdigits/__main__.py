"""The command, also as `python -m camdigits`: imports nothing before it can be interrupted without a traceback."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C, also while packages load, is exit code 130."""
    try:
        from camdigits.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
