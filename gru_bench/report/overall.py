"""The tables over all settings of a report."""

from collections.abc import Sequence

from gru_bench.report.detail_table import DetailTable
from gru_bench.report.groups import Group
from gru_bench.report.over_tasks import over_tasks
from gru_bench.report.robustness_table import robustness_table


def overall_tables(groups: Sequence[Group]) -> list[DetailTable]:
    """Returns the tables over all settings; those without anything to show are left out."""
    tables = (over_tasks(groups), robustness_table(groups))
    return [table for table in tables if table is not None]
