"""``python -m featurekit`` is the command line."""

from featurekit.cli import main

if __name__ == "__main__":
    main(prog_name="featurekit")
