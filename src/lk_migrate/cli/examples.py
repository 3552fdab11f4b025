"""What stands at the end of `--help`: examples, and what the exit code says. Run by a test, so that they stay true."""

from __future__ import annotations

#: command → (command line, what it is for).
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("lk-migrate", "look at the project and offer the next step"),
        ("lk-migrate scan", "what is here; writes nothing"),
        ("lk-migrate backup", "a snapshot"),
        ("lk-migrate convert services/", "convert the agents there, and main.py"),
        ("lk-migrate verify", "prove that it runs"),
        ("lk-migrate restore", "take it all back"),
    ),
    "scan": (
        ("lk-migrate scan", "the project around the current folder"),
        ("lk-migrate scan --json", "the same for a program"),
    ),
    "backup": (
        ("lk-migrate backup", "what convert may touch"),
        ("lk-migrate backup --all", "every file that git would not ignore"),
        ("lk-migrate backup --list", "the snapshots that there are"),
        ("lk-migrate backup --check latest", "read its bytes again"),
    ),
    "convert": (
        ("lk-migrate convert --diff", "the changes; writes nothing"),
        ("lk-migrate convert", "convert what is found"),
        ("lk-migrate convert services/", "only these agents"),
        ("lk-migrate convert --interactive", "be asked, place by place"),
        ("lk-migrate convert --ignore LK101", "without one rule"),
        ("lk-migrate convert --check --sarif out.sarif", "in CI"),
        ("lk-migrate convert --diff | git apply", "as a patch"),
    ),
    "verify": (
        ("lk-migrate verify", "all stages: minutes"),
        ("lk-migrate verify --stage static --stage console", "it starts, runs its tools"),
        ("lk-migrate verify --skip voice --skip worker", "without the slow ones"),
        ("lk-migrate verify --python .venv", "with this venv's packages"),
    ),
    "report": (
        ("lk-migrate report", "lk-migrate-report.html"),
        ("lk-migrate report page.html", "somewhere else"),
    ),
    "tests": (("lk-migrate tests", "tests/test_<agent>.py for each agent"),),
    "restore": (
        ("lk-migrate restore --dry-run", "what would be done"),
        ("lk-migrate restore", "the newest snapshot, all of it"),
        ("lk-migrate restore main.py", "one file of it"),
    ),
    "ledger": (
        ("lk-migrate ledger", "all old files, in percents"),
        ("lk-migrate ledger main.py", "the stretches of one"),
        ("lk-migrate ledger main.py:40", "one line, both ways"),
    ),
    "todo": (
        ("lk-migrate todo", "what is left"),
        ("lk-migrate todo --format prompt", "as a task for a coding assistant"),
        ("lk-migrate todo --format markdown", "as a checklist for an issue"),
        ("lk-migrate todo --check", "exit 1 while something is open"),
    ),
    "rules": (
        ("lk-migrate rules", "all of them, a line each"),
        ("lk-migrate rules LK101", "why, an example, the switch"),
        ("lk-migrate rules LK2", "those for 0.x"),
    ),
    "completion": (
        ('eval "$(lk-migrate completion bash)"', "in ~/.bashrc"),
        ('eval "$(lk-migrate completion zsh)"', "in ~/.zshrc, after compinit"),
        ("lk-migrate completion fish | source", "in ~/.config/fish/config.fish"),
    ),
}

_FAILED = {
    "convert": "1 --check found something to do",
    "verify": "1 something failed",
    "todo": "1 --check found an open one",
    "backup": "1 --check found damage",
}
_LEFT = {"convert": "3 done, and markers are left for you", "tests": "3 an agent has no tests"}


def epilog(command: str) -> str:
    """The end of a command's help ("" for `lk-migrate` itself); a paragraph that begins with \\b is not filled."""
    rows = EXAMPLES[command]
    wide = max(len(line) for line, _ in rows)
    shown = [f"  {line.ljust(wide)}   {what}" for line, what in rows]
    parts = ["\b\nExamples:\n" + "\n".join(shown)]
    if command == "verify":
        parts.insert(0, "\b\nStages, in this order:\n" + "\n".join(f"  {n:12} {what}" for n, what in stages()))
    codes = [
        "0 done",
        *([_FAILED[command]] if command in _FAILED else []),
        "2 wrong usage or input",
        *([_LEFT[command]] if command in _LEFT else []),
        "130 interrupted",
    ]
    if command:
        parts.append(f"Exit codes: {'; '.join(codes)}.")
    else:
        parts.append(
            "Every command takes --root PATH, --json, --quiet, --verbose and --debug, before or after its name. "
            "`lk-migrate COMMAND --help` has its options and examples."
        )
    return "\n\n".join(parts)


def stages() -> list[tuple[str, str]]:
    """verify's stages and what each shows."""
    from lk_migrate.verify import STAGES

    return [(stage.name, stage.summary) for stage in STAGES]
