"""`python -m lk_migrate` and the `lk-migrate` script."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the imports are here so that nothing is paid twice."""
    from lk_migrate.late_methods import methods_when_called

    with methods_when_called():
        from lk_migrate.cli.app import run

        run()


if __name__ == "__main__":
    import sys
    from pathlib import Path

    # `-m` puts the current folder first: that is the person's project, and nothing of it is to be imported.
    if Path(sys.path[0]).resolve() == Path.cwd():
        del sys.path[0]
    main()
