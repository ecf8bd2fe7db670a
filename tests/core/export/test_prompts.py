"""The texts that an export is compared on are the configured probes' prompts."""

import json
from pathlib import Path

import pytest

from core.errors import UserError
from core.export.prompts import prompts_of

CAPITALS = [
    {"relation": "capital", "subject": name, "object": city, "templates": ["{} has the capital"]}
    for name, city in (("Peru", "Lima"), ("Latvia", "Riga"))
]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def asked(configure, source, *settings: str) -> list[str]:
    cfg = configure("run=toy", "export.num_tokens=3", *settings)
    return [prompt.text for prompt in prompts_of(cfg, source)]


def test_facts_as_triples_are_asked_as_probes(make_source, configure, tmp_path: Path) -> None:
    path = write(tmp_path / "F.jsonl", *CAPITALS)
    settings = ("probes=relations", f"probes.path={path}")
    expected = ["Peru has the capital", "Latvia has the capital"]
    assert asked(configure, make_source(), *settings) == expected
    with pytest.raises(UserError, match="has no row of relation 'capitals'"):
        asked(configure, make_source(), *settings, "probes.relations=[capitals]")


def test_a_file_may_have_nothing_but_prompts(make_source, configure, tmp_path: Path) -> None:
    path = write(tmp_path / "P.jsonl", {"prompt": "Ada lives in"})
    assert asked(configure, make_source(), f"probes.path={path}") == ["Ada lives in"]
    settings = ("probes=jsonl", f"probes.path={path}")
    assert asked(configure, make_source(), *settings) == ["Ada lives in"]
    write(path, {"prompt": "Ada lives in"}, {"prompts": "Bo lives in"})
    with pytest.raises(UserError, match="a line isn't a probe \\('prompt'\\)"):
        asked(configure, make_source(), *settings)
    write(path, "Ada lives in")
    with pytest.raises(UserError, match=r"P\.jsonl:1: a probe is a JSON object"):
        asked(configure, make_source(), *settings)
    with pytest.raises(UserError, match="a line isn't a probe"):
        asked(configure, make_source(), f"probes.path={path}")
