"""What the desk says."""

PROMPT = "You are at the desk."
