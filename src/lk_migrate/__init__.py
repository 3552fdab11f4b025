"""lk-migrate: turns older voice agents into current LiveKit Agents projects, and proves that they run."""

__version__ = "0.1.0"

#: The livekit-agents release line that the output is written for.
TARGET = "1.8"
