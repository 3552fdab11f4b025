"""`lk-migrate rules`: list the rules, or explain one."""

from __future__ import annotations

from typing import Annotated

import typer

from lk_migrate.cli.completion import rule_ids
from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[RULE]...", help="Rule ids or prefixes (LK1).", autocompletion=rule_ids)
]


def rules(common: Common, ids: Ids = None) -> int:
    """List the rules, or explain one.

    Without RULE: every rule in a line. With an id: what it changes, why, since which release, an example, and how
    to switch it off. With a prefix: the rules whose id begins with it.
    """
    from lk_migrate.report.catalog import catalog
    from lk_migrate.report.rule_terminal import as_data, explain, show_list

    streams = Streams(common)
    known = catalog()
    wanted = [rule for rule in known.values() if not ids or rule.id.startswith(tuple(i.upper() for i in ids))]
    for identity in ids or ():
        if not any(rule.id.startswith(identity.upper()) for rule in wanted):
            raise UserError(f"there is no rule {identity!r}; `lk-migrate rules` lists them.")
    if common.json:
        streams.result_json([as_data(rule) for rule in wanted])
    elif ids and len(wanted) <= len(ids):
        for rule in wanted:
            explain(rule, streams.out)
    else:
        show_list(wanted, streams.out)
        streams.say("\nlk-migrate rules RULE explains one.")
    return ExitCode.DONE
