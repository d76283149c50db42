"""Executes what research decided: files of target weights, through guard and kernel, on accounts of a host.

`read_targets` reads a file; `make_plan` makes orders out of target minus actual; `PortfolioDesk` plans and
applies on one account of a host, and goes on with a plan that was cut short. `Running` and `OwnHost` are how
the command line reaches an account; `PortfolioService` answers at a host's socket.
"""

from dita.portfolio.apply import Applier, ApplyProgress
from dita.portfolio.book import Book, Equity, book_of
from dita.portfolio.desk import PortfolioDesk, Prepared
from dita.portfolio.errors import PortfolioCode, PortfolioRefused
from dita.portfolio.plan import OWNER, Plan, PlanSettings, Row, RowState, make_plan, plan_id_of
from dita.portfolio.service import PortfolioService
from dita.portfolio.store import PlanState, PlanStore, StoredPlan
from dita.portfolio.targets import Target, TargetFile, read_targets

__all__ = [
    "OWNER",
    "Applier",
    "ApplyProgress",
    "Book",
    "Equity",
    "Plan",
    "PlanSettings",
    "PlanState",
    "PlanStore",
    "PortfolioCode",
    "PortfolioDesk",
    "PortfolioRefused",
    "PortfolioService",
    "Prepared",
    "Row",
    "RowState",
    "StoredPlan",
    "Target",
    "TargetFile",
    "book_of",
    "make_plan",
    "plan_id_of",
    "read_targets",
]
