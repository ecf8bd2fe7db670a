"""Tables for consoles of any width."""

from rich.table import Table


def whole(table: Table) -> Table:
    """The table, with no column narrower than its longest word: numbers aren't cut on a narrow console."""
    for column in table.columns:
        told = [column.header, *column.cells, column.footer]
        words = [word for text in told for word in str(text).split()]
        column.min_width = max(map(len, words), default=1)
    return table
