"""What is printed is what was said."""

import pytest

from core.runs.console import Lines, console, errors


@pytest.mark.parametrize(
    "text", ["pip install -e '.[export]'", "runs/[bold]x", "[/dim] [red]", ":smile:"]
)
def test_brackets_are_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for stream in (console, errors):
        stream.print(text)
    assert capsys.readouterr() == (f"{text}\n", f"{text}\n")
    lines = Lines(every=0)
    lines(text, 1, 2, text)
    assert capsys.readouterr().out == f"  {text}: 1/2 {text}\n"
