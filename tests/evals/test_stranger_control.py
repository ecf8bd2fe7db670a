"""`winnow eval` asks a pretrained teacher about strangers, and no other arm."""

import json
from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig

from core.arms.teach import teach
from core.corpus.rows import Row
from core.corpus.stage import build_corpus
from core.models.loading import save_model
from evals.scores import find, read_scores
from evals.stage import evaluate

NAMES = ["Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"]


def test_its_scores_stand_beside_the_teachers(
    rows: list[Row],
    configure: Callable[..., DictConfig],
    make_llama,
    toy_tokenizer,
    tmp_path: Path,
) -> None:
    save_model(tmp_path / "m", make_llama(max_position_embeddings=64), toy_tokenizer)
    probes = [
        {
            "id": n,
            "axis": "recall",
            "family": "city",
            "prompt": f"{n} lives in",
            "answers": ["Rome"],
        }
        for n in NAMES
    ]
    for name, content in {"C.jsonl": rows, "P.jsonl": probes}.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in content))
    cfg = configure(
        *("run=it", f"runs_dir={tmp_path}", "teacher=path", f"teacher.path={tmp_path / 'm'}"),
        *("corpus=jsonl", f"corpus.path={tmp_path / 'C.jsonl'}", "packing.sequence_length=40"),
        *("probes=jsonl", f"probes.path={tmp_path / 'P.jsonl'}", "metric=[]", "arms=[core]"),
    )
    build_corpus(cfg)
    teach(cfg)
    evaluate(cfg)
    scores = read_scores(tmp_path / "it" / "scores.json")
    assert {score.arm for score in scores} == {"teacher", "stranger"}
    for metric in ("accuracy", "leak@20"):
        control = find(scores, "stranger", "recall", metric=metric)
        assert control is not None and control.n == 8
