"""A journal keeps whole lines, and only these."""

from pathlib import Path

from core.writing.journal import Journal, Said

BATCH = [[Said("one\u2028line", True), Said("", False)], []]


def test_what_a_killed_process_left_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    Journal(path).add(BATCH)
    whole = path.read_bytes()
    for rest in (b'[[["ha', b"[[[", b"\xff\n", b"3"):
        path.write_bytes(whole + rest)
        found = Journal(path)
        assert found.batches == [BATCH] and path.read_bytes() == whole
    found.add([[Said("more", False)]])
    assert Journal(path).batches == [BATCH, [[Said("more", False)]]]
