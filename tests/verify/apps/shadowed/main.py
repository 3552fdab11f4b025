"""A folder of the project has the package's name."""

from livekit.agents import cli

if __name__ == "__main__":
    cli.run_app(None)
