"""Findings for machines that annotate files: each at the line where its code stands while they look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lk_migrate.model import Finding, Plan

#: Which of a plan's findings concern the files on the disk, at their places there.
Present = Callable[[Plan], tuple[Finding, ...]]


def before_conversion(plan: Plan) -> tuple[Finding, ...]:
    """Nothing is written: everything that convert would do or leave, at its legacy place."""
    return plan.findings


def after_conversion(plan: Plan) -> tuple[Finding, ...]:
    """It is written: what is left for a person, at its marker."""
    return tuple(replace(f, place=f.to or f.place, column=0) for f in plan.todo)
