"""Where the instructions of a 0.x agent come from, and what is left of its chat context once they are moved.

0.x put the prompt into the chat context as its first `system` message (or into the realtime model); today it is
`Agent(instructions=…)`. The text is moved, never copied: with both, the model would hear it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.comments import own_lines
from lk_migrate.facts.context_messages import Message, context_messages, message_of, prompt_of
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import Construction, pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.same_later import is_same_later
from lk_migrate.facts.text_answers import text_answers
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import Binding, assigned, binding_of, is_free, uses
from lk_migrate.facts.walk import find

_NO_PROMPT = "the 0.x agent had no prompt; `instructions=` is empty"


@dataclass(frozen=True)
class Prompt:
    """The arguments of the new Agent. `instructions` None: nothing was found, `problem` says why."""

    instructions: cst.BaseExpression | None = None
    column: int = 0
    chat_ctx: cst.BaseExpression | None = None
    comments: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether 0.x had no prompt either."""
        return self.problem == _NO_PROMPT


@dataclass
class Prompts:
    """What the rules must know about each other's edits of prompts."""

    of: dict[cst.Call, Prompt] = field(default_factory=dict)
    #: Small statements whose whole content is now in an Agent.
    moved: dict[cst.CSTNode, str] = field(default_factory=dict)
    #: A context expression that is replaced by the text of its only message.
    text: dict[cst.BaseExpression, cst.BaseExpression] = field(default_factory=dict)
    #: Messages (their calls) that leave their context.
    taken: set[cst.Call] = field(default_factory=set)
    #: A text that is given a name before this statement, because its context is used elsewhere, too.
    named: dict[cst.CSTNode, tuple[str, cst.Arg, int]] = field(default_factory=dict)
    #: Context variables that now hold a text.
    renamed: dict[Binding, str] = field(default_factory=dict)
    #: `instructions=` arguments of realtime models.
    model_arguments: set[cst.Arg] = field(default_factory=set)

    def is_moved(self, module: Module, node: cst.CSTNode) -> bool:
        """Whether the statement that it stands in goes."""
        small = module.index.enclosing(node, cst.BaseSmallStatement)  # type: ignore[type-abstract]
        return small is not None and small in self.moved


def prompts(project: Project) -> Prompts:
    """Use as `project.fact(prompts)`."""
    known = project.fact(pipelines)
    result = Prompts()
    for construction in known.constructions.values():
        reader = _Reader(known.holdings, result, construction)
        result.of[construction.call] = reader.prompt()
    return result


#: A line that only appends a message to a context.
_Appended = tuple[cst.SimpleStatementLine, Message]


@dataclass
class _Reader:
    known: Holdings
    result: Prompts
    construction: Construction

    @property
    def module(self) -> Module:
        return self.construction.module

    def prompt(self) -> Prompt:
        """Read the constructor's arguments."""
        argument = self.construction.argument("chat_ctx")
        if argument is not None and dotted(argument.value) == "None":
            argument = None
        if self.construction.kind is Kind.MULTIMODAL:
            context = argument.value if argument is not None else None
            return self._of_model(context)
        if argument is None:
            return Prompt(problem=_NO_PROMPT)
        return self._of_context(argument.value)

    def _of_model(self, context: cst.BaseExpression | None) -> Prompt:
        argument = self.construction.argument("model")
        model = argument.value if argument is not None else None
        if isinstance(model, cst.Name):
            values = list(assigned(self.module, binding_of(self.module, model)))
            model = values[0] if len(values) == 1 else None
        if not isinstance(model, cst.Call):
            return Prompt(
                chat_ctx=context,
                problem="the realtime model is built elsewhere: move its `instructions=` to the Agent, "
                "the model ignores them now",
            )
        text = next((a for a in model.args if a.keyword is not None and a.keyword.value == "instructions"), None)
        if any(a.star for a in model.args):
            return Prompt(chat_ctx=context, problem="look for `instructions` in the options of the realtime model")
        if text is None:
            return Prompt(chat_ctx=context, problem="the realtime model had no instructions")
        self.result.model_arguments.add(text)
        return Prompt(text.value, _column(model, text), context, _comments(model, text))

    def _of_context(self, context: cst.BaseExpression) -> Prompt:
        inline = context_messages(self.known, self.module, context)
        if inline is not None:
            first = prompt_of(inline)
            if first is None:
                return Prompt(chat_ctx=context, problem=f"no text of role system in `{self._code(context)}`")
            self.result.taken.add(first.call)
            rest = context if len(inline) > 1 else None
            return Prompt(first.text.value, _column(first.call, first.text), rest)  # type: ignore[union-attr, arg-type]
        if not isinstance(context, cst.Name):
            return self._of_attribute(context) or self._elsewhere(context)
        binding = binding_of(self.module, context)
        values = list(assigned(self.module, binding))
        found = [context_messages(self.known, self.module, v) for v in values]
        if not values or any(m is None for m in found) or self._is_parameter(binding):
            return self._elsewhere(context)
        appended, others = self._uses(binding, context)
        lists = [m for m in found if m is not None]
        if len(values) == 1:
            return self._single(context, binding, values[0], [*lists[0]], appended, others)
        if not appended and not others and all(len(m) == 1 and prompt_of(m) for m in lists):
            return self._as_text(binding, values, lists)
        return self._elsewhere(context)

    def _of_attribute(self, context: cst.BaseExpression) -> Prompt | None:
        """`self.context = ChatContext().append(…)` in the lines above, which nothing but the constructor reads."""
        if not isinstance(context, cst.Attribute) or dotted(context.value) != "self":
            return None
        name = context.attr.value
        project = self.known.project
        read = [
            a
            for m in project.modules(iter(project.paths_naming([name])))
            for a in m.index.of(cst.Attribute)
            if a.attr.value == name and a is not context
        ]
        target = self.module.index.parents.get(read[0]) if len(read) == 1 else None
        statement = self.module.index.parents.get(target) if isinstance(target, cst.AssignTarget) else None
        if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
            return None
        line = self.module.index.parents.get(statement)
        if line is None or self._is_conditional(line) or name in self.module.strings:
            return None
        messages = context_messages(self.known, self.module, statement.value) or []
        first = prompt_of(messages)
        if (
            first is None
            or first.text is None
            or len(messages) != 1
            or not is_same_later(self.module, first.text.value)
        ):
            return None
        self.result.taken.add(first.call)
        comments = self._move(statement)
        return Prompt(first.text.value, _column(first.call, first.text), None, comments)

    def _single(
        self,
        context: cst.Name,
        binding: Binding,
        value: cst.BaseExpression,
        messages: list[Message],
        appended: list[_Appended],
        others: list[cst.Name],
    ) -> Prompt:
        first = prompt_of([*messages, *(m for _, m in appended)])
        if first is None or first.text is None:
            known = [*messages, *(m for _, m in appended)]
            if others or any(m.role in ("", "system") for m in known):
                return self._elsewhere(context)
            return Prompt(chat_ctx=context, problem=_NO_PROMPT)
        count = len(messages) + len(appended)
        if others:
            return self._shared(context, value, first, count, others)
        statement = self.module.index.parents.get(value)
        stays = count > 1
        if not is_same_later(self.module, first.text.value) and not stays and not appended:
            return self._as_text(binding, [value], [messages])
        if not is_same_later(self.module, first.text.value):
            return self._shared(context, value, first, count)
        self.result.taken.add(first.call)
        comments: tuple[str, ...] = ()
        if not stays and statement is not None:
            comments = self._move(statement)
        for line, message in appended:
            if message is first:
                comments = (*comments, *self._move(line.body[0]))
        return Prompt(first.text.value, _column(first.call, first.text), context if stays else None, comments)

    def _move(self, statement: cst.CSTNode) -> tuple[str, ...]:
        """Its content is now in the Agent; the comments above it, when it is alone on its line."""
        self.result.moved[statement] = "the prompt is now the Agent's `instructions=`"
        line = self.module.index.parents.get(statement)
        alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
        return tuple(e.comment.value for e in own_lines(line) if e.comment is not None) if alone else ()  # type: ignore[arg-type]

    def _as_text(self, binding: Binding, values: list[cst.BaseExpression], lists: list[list[Message]]) -> Prompt:
        """The variable holds the text from now on."""
        name = "instructions" if is_free(self.module, binding.owner, "instructions") else binding.name
        for value, messages in zip(values, lists, strict=True):
            first = messages[0]
            assert first.text is not None
            self.result.taken.add(first.call)
            self.result.text[value] = first.text.value
        if name != binding.name:
            self.result.renamed[binding] = name
        return Prompt(cst.Name(name))

    def _shared(
        self,
        context: cst.Name,
        value: cst.BaseExpression,
        first: Message,
        count: int,
        others: Sequence[cst.Name] = (),
    ) -> Prompt:
        """The context is used elsewhere with its prompt in it: the text gets a name that both use."""
        line = self.module.index.enclosing(first.call, cst.SimpleStatementLine)
        function = self.module.index.enclosing(value, cst.FunctionDef) or self.module.tree
        if line is None or first.text is None:
            return self._elsewhere(context)
        text = first.text.value
        if isinstance(text, cst.Name) and is_same_later(self.module, text):
            said: cst.BaseExpression = cst.Name(text.value)  # it has a name already
        else:
            name = "instructions" if is_free(self.module, function, "instructions") else f"{context.value}_instructions"
            self.result.named[line] = (name, first.text, _column(first.call, first.text))
            said = cst.Name(name)
        if count == 1:
            return Prompt(said, problem=self._stands_still(context, others))
        return Prompt(
            said,
            chat_ctx=context,
            problem=f"`{context.value}` still begins with the same system message: the model hears it twice; "
            "pass the Agent a context without it",
        )

    def _stands_still(self, context: cst.Name, others: Sequence[cst.Name]) -> str:
        """What 0.x wrote into the context is not written there any more: said where it is used afterwards."""
        made = self.construction.call
        mine = self.module.index.enclosing(made, cst.FunctionDef)
        if all(
            self.module.index.enclosing(n, cst.FunctionDef) is mine
            and self.module.span(n).line <= self.module.span(made).line
            and not self._is_kept(n)
            for n in others
        ):
            return ""
        return (
            f"0.x wrote the conversation into `{context.value}`, today it is the session's `history`: use that where "
            f"`{context.value}` is read or changed later on (a changed copy goes back with "
            "`await agent.update_chat_ctx(…)`)"
        )

    def _is_kept(self, name: cst.Name) -> bool:
        """Whether an object of the project keeps the context: `Tools(chat_ctx=context)`, `desk.context = context`."""
        parent = self.module.index.parents.get(name)
        above = self.module.index.parents.get(parent) if parent is not None else None
        if isinstance(parent, cst.Arg) and isinstance(above, cst.Call):
            made = self.known.project.resolve(self.module, above.func)
            return made is not None and isinstance(made.node, cst.ClassDef)
        return isinstance(parent, cst.Assign) and any(
            isinstance(t.target, (cst.Attribute, cst.Subscript)) for t in parent.targets
        )

    def _elsewhere(self, context: cst.BaseExpression) -> Prompt:
        return Prompt(
            chat_ctx=context,
            problem=f"the prompt is somewhere in `{self._code(context)}`: move its system message to `instructions=`",
        )

    def _code(self, node: cst.CSTNode) -> str:
        return " ".join(self.module.tree.code_for_node(node).split())[:60]

    def _is_parameter(self, binding: Binding) -> bool:
        owner = binding.owner
        if not isinstance(owner, cst.FunctionDef):
            return False
        return any(p.name.value == binding.name for p in find(owner.params, cst.Param))

    def _uses(self, binding: Binding, context: cst.Name) -> tuple[list[_Appended], list[cst.Name]]:
        """The statements that only append a message to the context, and the names of all other uses."""
        appended: list[_Appended] = []
        others: list[cst.Name] = []
        arguments = {c.argument("chat_ctx") for c in self._pipelines()}
        answered = self._answered()
        for name in uses(self.module, binding):
            if name in answered:
                continue
            parent = self.module.index.parents.get(name)
            if isinstance(parent, (cst.AssignTarget, cst.AnnAssign)) or parent in arguments:
                continue
            found = self._appending(name)
            if found is None or self.module.span(name).line > self.module.span(self.construction.call).line:
                others.append(name)
            else:
                appended.append(found)
        return appended, others

    def _answered(self) -> set[cst.Name]:
        """Names in statements that become a `generate_reply` (LK226)."""
        answers = (a for found in self.known.project.fact(text_answers).values() for a in found)
        return {n for a in answers if a.module is self.module for line in a.lines for n in find(line, cst.Name)}

    def _pipelines(self) -> Iterator[Construction]:
        yield from self.known.project.fact(pipelines).constructions.values()

    def _appending(self, name: cst.Name) -> _Appended | None:
        """`context.append(…)` or `context.messages.append(ChatMessage(…))` as a statement of its own."""
        line = self.module.index.enclosing(name, cst.SimpleStatementLine)
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
            return None
        small = line.body[0]
        call = small.value if isinstance(small, cst.Expr) else None
        if not isinstance(call, cst.Call) or self._is_conditional(line):
            return None
        target = dotted(call.func)
        if target == f"{name.value}.append":
            return line, message_of(call)
        if target == f"{name.value}.messages.append" and len(call.args) == 1:
            inner = call.args[0].value
            if isinstance(inner, cst.Call) and self.known.has(self.module, inner, Kind.CHAT_MESSAGE):
                return line, message_of(inner)
        return None

    def _is_conditional(self, line: cst.CSTNode) -> bool:
        """Whether the statement stands deeper than the construction's own block or in another function."""
        mine = self.module.index.enclosing(self.construction.call, cst.SimpleStatementLine)
        blocks = set(self.module.index.ancestors(mine)) if mine is not None else set()
        return self.module.index.parents.get(line) not in blocks


def _column(call: cst.Call, arg: cst.Arg) -> int:
    """Where the lines of an argument begin, relative to its statement."""
    position = call.args.index(arg)
    if position == 0:
        gap: cst.CSTNode = call.whitespace_before_args
    else:
        comma = call.args[position - 1].comma
        gap = comma.whitespace_after if isinstance(comma, cst.Comma) else call.whitespace_before_args
    return len(gap.last_line.value) if isinstance(gap, cst.ParenthesizedWhitespace) else 0


def _comments(call: cst.Call, arg: cst.Arg) -> tuple[str, ...]:
    """The comment lines above an argument, and the remark behind it."""
    from lk_migrate.rewrite.arguments import of_call

    found = of_call(call).comments(list(call.args).index(arg))
    return (*found.above, *([found.behind] if found.behind else []))
