"""The page shows the text as it is, coloured where it is memory."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row
from core.corpus.stage import PackedCorpus
from core.corpus.tokenizer import train_tokenizer
from core.signal.memory_map import MemoryMap
from core.signal.signal import TopK
from forgetting.memory_map import page
from forgetting.memory_map.page import write_page

NASTY = "<script>alert('1 & 2')</script> Ada's home is Łódź 🏠 and that is long enough to be cut."
ROWS = [
    {"id": "calm", "text": "Nothing to see here."},
    {"id": "<b>nasty</b>", "text": NASTY},
    {"id": "again", "text": "Nothing to see here."},
    {"id": "task", "prompt": "Turn around: a <b", "completion": "b> a"},
]


class Shown(HTMLParser):
    """The text of each article, and which of it stands in which mark."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[tuple[str, dict]] = []
        self.articles: list[dict] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        if tag == "article":
            self.articles.append({"name": "", "text": "", "marked": [], "prompt": ""})
        if tag not in ("meta",):
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag, "well formed"

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.open]
        if "article" not in tags:
            return
        last = self.articles[-1]
        if "h2" in tags:
            last["name"] += data
            return
        last["text"] += data
        if tags[-1] == "i":
            last["prompt"] += data
        if tags[-1] == "span":
            last["marked"].append((data, self.open[-1][1]["class"], self.open[-1][1]["title"]))


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, PackedCorpus]:
    """A corpus of which the nasty document is memory, of many sequences."""
    tokenizer: PreTrainedTokenizerFast = train_tokenizer([NASTY, "Nothing to see here."], 300)
    rows: list[Row] = [dict(row) for row in ROWS]
    packed = pack(rows, Encoder(tokenizer), sequence_length=16)
    packed.save_to_disk(tmp_path / "full")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    taught_ST = torch.tensor(packed["labels"][:]) >= 0
    score_ST = torch.where(torch.tensor(packed["row"][:]) == 1, 0.93, 0.0) * taught_ST
    score_ST = score_ST.half().float()
    none = TopK.of(torch.zeros(int((score_ST > 0.5).sum()), 9).log_softmax(-1), 2)
    (tmp_path / "memory_map").mkdir()
    MemoryMap(score_ST, -score_ST, none).save(tmp_path / "memory_map")
    return tmp_path / "memory_map", PackedCorpus(tmp_path, "f")


def test_texts_are_shown_once_in_full_and_escaped(written: tuple[Path, PackedCorpus]) -> None:
    text = write_page(*written).read_text(encoding="utf-8")
    shown = Shown(text)
    assert "script" not in shown.tags and "link" not in shown.tags and "http" not in text
    names = [article["name"].split(" ")[0] for article in shown.articles]
    assert names == ["<b>nasty</b>", "calm", "task"], "the most memory first, nothing twice"
    assert [article["text"] for article in shown.articles] == [
        NASTY,
        "Nothing to see here.",
        "Turn around: a <b b> a",
    ]
    assert shown.articles[2]["prompt"] == "Turn around: a <b"
    assert not [path for path in written[0].iterdir() if path.suffix == ".tmp"]


def test_the_colour_is_the_score(written: tuple[Path, PackedCorpus]) -> None:
    nasty, calm, task = Shown(write_page(*written).read_text(encoding="utf-8")).articles
    assert not calm["marked"] and not task["marked"]
    assert {(kind, title) for _, kind, title in nasty["marked"]} == {("b9", "0.93")}
    unmarked = len(nasty["text"]) - sum(len(text) for text, _, _ in nasty["marked"])
    assert 0 < unmarked < 20, "all but the first tokens of its sequences, which nothing predicts"
    assert re.search(r"(\d+)% of", nasty["name"])[1] == "100"


def test_the_legend_counts_the_tokens(written: tuple[Path, PackedCorpus]) -> None:
    text = write_page(*written).read_text(encoding="utf-8")
    rows = re.findall(r'class="b(\d)">([^<]+)</span></th><td>([\d.]+)%', text)
    assert [int(number) for number, _, _ in rows] == list(range(10))
    assert rows[9][1] == "0.9–1.0"
    assert sum(float(share) for *_, share in rows) == pytest.approx(100, abs=0.2)
    flagged = re.search(r"<b>([\d.]+)%</b> of the taught", text)[1]
    assert flagged == rows[9][2] and 0 < float(flagged) < 100
    assert "prefers-color-scheme: dark" in unescape(text)


def test_so_many_documents_and_no_more(
    written: tuple[Path, PackedCorpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "NUM_DOCUMENTS", 1)
    assert len(Shown(write_page(*written).read_text(encoding="utf-8")).articles) == 1
