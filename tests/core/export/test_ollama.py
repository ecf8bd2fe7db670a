"""The folder that `ollama create` takes."""

from pathlib import Path

import pytest

from core.export.ollama import Ollama, modelfile, quoted
from tests.core.export.conftest import prompts_for


def test_the_modelfile_names_the_file_and_ends_where_the_model_does(make_source) -> None:
    source = make_source()
    lines = modelfile(source, "toy-Q8_0.gguf").splitlines()
    assert lines[0] == "FROM ./toy-Q8_0.gguf"
    assert "PARAMETER num_ctx 64" in lines and 'PARAMETER stop "<|endoftext|>"' in lines
    assert 'TEMPLATE """{{ .Prompt }}"""' in lines
    source.tokenizer.chat_template = "{{ messages }}"
    assert "TEMPLATE" not in modelfile(source, "x"), "the GGUF file has it"


def test_all_that_ends_a_text_stops_it(make_source) -> None:
    source = make_source()
    source.model.generation_config.eos_token_id = [0, 1]
    stops = [line for line in modelfile(source, "x").splitlines() if "stop" in line]
    tokens = source.tokenizer.convert_ids_to_tokens([0, 1])
    assert stops == [f'PARAMETER stop "{token}"' for token in tokens]


def test_the_file_that_it_names_is_there(make_source, tmp_path: Path) -> None:
    pytest.importorskip(
        "gguf", reason="needs the extra: pip install -c constraints.txt -e '.[export]'"
    )
    source = make_source()
    Ollama().write(source, prompts_for(source), tmp_path)
    first = (tmp_path / "Modelfile").read_text().splitlines()[0]
    assert (tmp_path / first.removeprefix("FROM ")).is_file()
    [line] = Ollama(type="Q8").problems(source, [])
    assert "no type 'Q8'; did you mean 'Q8_0'?" in line


@pytest.mark.parametrize("end", ['<"end">', '"end"', "<end>\n", "<end>"])
def test_an_end_with_a_quote_or_a_line_break_is_read_as_it_is(make_source, end: str) -> None:
    source = make_source()
    source.tokenizer.add_special_tokens({"eos_token": end})
    marks = '"' if end == "<end>" else '"""'
    assert f"PARAMETER stop {marks}{end}{marks}" in modelfile(source, "x")
    assert quoted(end) == f"{marks}{end}{marks}"
