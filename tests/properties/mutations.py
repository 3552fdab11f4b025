"""Ways in which a statement, or a whole file, comes to stand as nobody meant it to."""

from __future__ import annotations

import ast
import random
import re
import textwrap
import warnings

_WRAPS = (
    "if ready:\n{}",
    "if TYPE_CHECKING:\n{}",
    "if __name__ == '__main__':\n{}",
    "try:\n{}\nexcept Exception:  # so be it\n    pass",
    "try:\n    pass\nfinally:\n{}",
    "def outer(self, x=1):\n{}",
    "async def outer():\n{}",
    "class Outer:\n{}",
    "for _ in range(3):\n{}\nelse:\n    pass",
    "while True:\n{}",
    "with open('x') as f:\n{}",
    "match value:\n    case 1:\n{}",
)
#: What people call such things: a variable that takes one of these names meets others of that name.
_NAMES = ("session", "agent", "ctx", "llm", "model", "self", "ev", "s", "tools", "assistant", "options", "x")


def mutated(part: str, dice: random.Random) -> str:
    """The statement, or in two cases of five one that was tampered with; seldom one that Python cannot read."""
    if dice.random() < 0.6:
        return part
    changed = _once(part, dice)
    return changed if dice.random() < 0.1 or _parses(changed) else part


def surely_mutated(part: str, dice: random.Random) -> str:
    """The statement tampered with in a way that Python can read, unless five attempts find none."""
    attempts = (_once(part, dice) for _ in range(5))
    return next((changed for changed in attempts if changed != part and _parses(changed)), part)


def _once(part: str, dice: random.Random) -> str:
    return dice.choices(_OF_STATEMENTS, _WEIGHTS)[0](part, dice)


def mutated_whole(text: str, dice: random.Random) -> str:
    """The file, or in one case of three one that says the same in other words, or nearly the same."""
    if dice.random() < 0.67:
        return text
    changed = dice.choice((_through_the_package, _renamed, _all_in_a_function, _aliased))(text, dice)
    return changed if _parses(changed) else text


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _wrapped(part: str, dice: random.Random) -> str:
    return dice.choice(_WRAPS).format(textwrap.indent(part, "        " if dice.random() < 0.3 else "    "))


def _doubled(part: str, dice: random.Random) -> str:
    return f"{part}\n{part}"


def _without_a_line(part: str, dice: random.Random) -> str:
    lines = part.split("\n")
    del lines[dice.randrange(len(lines))]
    return "\n".join(lines)


def _line_twice(part: str, dice: random.Random) -> str:
    lines = part.split("\n")
    at = dice.randrange(len(lines))
    return "\n".join([*lines[:at], lines[at], *lines[at:]])


def _lines_swapped(part: str, dice: random.Random) -> str:
    lines = part.split("\n")
    at = dice.randrange(len(lines))
    return "\n".join([*lines[:at], *lines[at : at + 2][::-1], *lines[at + 2 :]])


def _commented(part: str, dice: random.Random) -> str:
    lines = part.split("\n")
    for number in dice.sample(range(len(lines)), min(len(lines), 3)):
        if dice.random() < 0.5:
            lines[number] += f"  # remark {number}"
        else:
            indent = re.match(r"\s*", lines[number])
            lines[number] = f"{indent.group() if indent else ''}# above {number}\n{lines[number]}"
    return "\n".join(lines)


def _keyword_in_a_dict(part: str, dice: random.Random) -> str:
    return re.sub(r"(\w+)=([\w.]+)", r"**{'\1': \2}", part, count=1)


def _one_name_for_another(part: str, dice: random.Random) -> str:
    names = re.findall(r"[A-Za-z_]\w+", part)
    return re.sub(rf"\b{dice.choice(names)}\b", dice.choice([*names, "self", "x"]), part) if names else part


def _comment_in_brackets(part: str, dice: random.Random) -> str:
    return part.replace("(", "(\n    # here\n", 1)


def _odd_commas(part: str, dice: random.Random) -> str:
    return part.replace(", ", " ,", 2)


def _bracketed(part: str, dice: random.Random) -> str:
    """`x = f()` as `x = (f())`, `return f()` as `return (f())`."""
    lines = part.split("\n")
    at = dice.randrange(len(lines))
    lines[at] = re.sub(r"(= |return )(.+[\w)\]\"'])$", r"\1(\2)", lines[at])
    return "\n".join(lines)


def _on_one_line(part: str, dice: random.Random) -> str:
    """`if x:` and its one statement, or two plain statements."""
    found = list(re.finditer(r":\n +(?=[^\n:]*$)|(?<=[\w)\]])\n {4,}(?=\w[^\n:]*$)", part, re.M))
    if not found:
        return part
    joint = dice.choice(found)
    return f"{part[: joint.start()]}{': ' if ':' in joint.group() else '; '}{part[joint.end() :]}"


def _continued(part: str, dice: random.Random) -> str:
    """Continued on the next line, where a space was."""
    spaces = [m.start() for m in re.finditer(r"(?<=[\w,=]) (?=\w)", part)]
    at = dice.choice(spaces) if spaces else None
    return part if at is None else f"{part[:at]} \\\n        {part[at + 1 :]}"


def _without_a_word(part: str, dice: random.Random) -> str:
    """`async`, `await`, a decorator or an annotation less."""
    found = list(re.finditer(r"\b(async|await) |^ *@.*\n|: [\w.]+(?=[,)])|(?<=\)) -> [\w.\[\]]+", part, re.M))
    if not found:
        return part
    gone = dice.choice(found)
    return part[: gone.start()] + part[gone.end() :]


def _quoted_annotation(part: str, dice: random.Random) -> str:
    return re.sub(r"(\w: )([A-Z][\w.]+)(?=[,)\n])", r"\1'\2'", part, count=1)


def _written_anew(part: str, dice: random.Random) -> str:
    """As Python would write it: without comments, each statement on a line."""
    return ast.unparse(ast.parse(part)) if _parses(part) else part


def _under_an_if(part: str, dice: random.Random) -> str:
    """The last lines of a block as deep as each other, under an `if`."""
    lines = part.split("\n")
    indent = re.match(r" *", lines[-1])
    depth = len(indent.group()) if indent else 0
    at = len(lines)
    while at > 1 and depth and len(lines[at - 1]) - len(lines[at - 1].lstrip()) >= depth:
        at -= 1
    first = next((n for n in range(at, len(lines)) if len(lines[n]) - len(lines[n].lstrip()) == depth), len(lines))
    body = [f"    {line}" for line in lines[first:]]
    return "\n".join([*lines[:first], f"{' ' * depth}if ready:", *body]) if body else part


_OF_STATEMENTS = (
    _wrapped, _doubled, _without_a_line, _line_twice, _lines_swapped, _commented, _keyword_in_a_dict,
    _one_name_for_another, _comment_in_brackets, _odd_commas, _bracketed, _on_one_line, _continued, _without_a_word,
    _quoted_annotation, _written_anew, _under_an_if,
)  # fmt: skip
_WEIGHTS = (8, 3, 9, 3, 3, 8, 5, 6, 3, 2, 3, 3, 2, 4, 2, 3, 3)


def _through_the_package(text: str, dice: random.Random) -> str:
    """`from livekit.agents import X` as `from livekit import agents` and `agents.X`."""
    found = re.search(r"^from livekit\.(agents|plugins|rtc) import ([\w, ]+)$", text, re.M)
    if found is None:
        return text
    package, names = found.group(1), [n.strip() for n in found.group(2).split(",") if " as " not in n]
    use = re.compile(rf"(?<![.\w'\"])({'|'.join(names)})\b(?! *=[^=])")
    before, after = (use.sub(rf"{package}.\1", t) for t in (text[: found.start()], text[found.end() :]))
    return f"{before}from livekit import {package}{after}"


def _aliased(text: str, dice: random.Random) -> str:
    """One of the names that are imported is called something else."""
    found = re.findall(r"^from livekit[\w.]* import ([A-Z]\w+)", text, re.M)
    if not found:
        return text
    name = dice.choice(found)
    new = dice.choice((f"Lk{name}", f"_{name}", "Base", "base"))
    after = re.sub(rf"(?<![.\w]){name}\b(?! *=[^=])", new, text)
    return re.sub(rf"(^from livekit[\w.]* import [^\n]*?)\b{new}\b", rf"\1{name} as {new}", after, flags=re.M)


def _renamed(text: str, dice: random.Random) -> str:
    """A variable or parameter is called something else, wherever its name stands."""
    found = re.findall(r"^ *(\w+) = |[(,] *(\w+)(?:: [\w.]+)?(?=[,)])", text, re.M)
    names = sorted({name for pair in found for name in pair if name and not name[0].isupper() and not name.isdigit()})
    if not names:
        return text
    return re.sub(rf"(?<![.\w]){dice.choice(names)}\b(?!=\w)", dice.choice(_NAMES), text)


def _all_in_a_function(text: str, dice: random.Random) -> str:
    if "from __future__" in text or '"""' in text:
        return text
    return dice.choice(("async def main():\n{}", "def build(config):\n{}", "if True:\n{}", "class All:\n{}")).format(
        textwrap.indent(text, "    ")
    )
