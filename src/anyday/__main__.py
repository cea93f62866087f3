"""``python -m anyday`` is the command line too."""

from anyday.cli import main

if __name__ == "__main__":
    main(prog_name="anyday")
