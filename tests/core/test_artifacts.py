"""Artifacts are whole, theirs, or refused."""

import shutil
from pathlib import Path

import pytest

from core.artifacts import Artifact, fingerprint_of, hash_file, read_json
from core.errors import UserError

CONFIG = {"train": {"num_steps": 4, "rate": 0.1}, "seed": 0}
OTHER = {"train": {"num_steps": 5, "rate": 0.1}, "seed": 0}


def make(folder: Path, config: object = CONFIG) -> Artifact:
    artifact = Artifact(folder, config, {"corpus": "abc"})
    with artifact.writing() as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "data.txt").write_text("data")
    return artifact


def test_what_is_done_is_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    assert not Artifact(folder, CONFIG).is_done()
    artifact = make(folder)
    assert artifact.is_done() and Artifact(folder, CONFIG, {"corpus": "abc"}).is_done()
    assert fingerprint_of(folder, "corpus") == artifact.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("config", "inputs", "said"),
    [
        (OTHER, {"corpus": "abc"}, "train.num_steps: 4 → 5"),
        ({**CONFIG, "more": True}, {"corpus": "abc"}, "more: None → True"),
        (CONFIG, {"corpus": "def"}, "inputs.corpus: abc → def"),
    ],
)
def test_another_is_refused_and_the_difference_named(
    tmp_path: Path, config: object, inputs: dict[str, str], said: str
) -> None:
    make(tmp_path / "x")
    other = Artifact(tmp_path / "x", config, inputs)
    with pytest.raises(UserError, match="made from another configuration") as caught:
        other.is_done()
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert (tmp_path / "x" / "inner" / "data.txt").exists()


def test_overwrite_makes_room(tmp_path: Path) -> None:
    make(tmp_path / "x")
    other = Artifact(tmp_path / "x", OTHER, {"corpus": "abc"})
    assert not other.is_done(overwrite=True)
    assert make(tmp_path / "x", OTHER).is_done()


def test_damage_is_refused(tmp_path: Path) -> None:
    artifact = make(tmp_path / "x")
    file = tmp_path / "x" / "inner" / "data.txt"
    for text, said in (("dat", "altered or truncated"), (None, "missing")):
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        with pytest.raises(UserError, match=said):
            artifact.is_done()
        with pytest.raises(UserError, match=said):
            fingerprint_of(tmp_path / "x", "corpus")
    (tmp_path / "x" / "artifact.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        artifact.is_done()


def test_overwrite_makes_what_is_damaged_again(tmp_path: Path) -> None:
    for name, text in (("inner/data.txt", "dat"), ("artifact.json", "{")):
        make(tmp_path / "x")
        (tmp_path / "x" / name).write_text(text)
        artifact = Artifact(tmp_path / "x", CONFIG, {"corpus": "abc"})
        assert not artifact.is_done(overwrite=True)
        assert make(tmp_path / "x").is_done(overwrite=True)
        assert (tmp_path / "x" / "inner" / "data.txt").read_text() == "data"
        shutil.rmtree(tmp_path / "x")


def test_what_is_not_there_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run `winnow teach` first"):
        fingerprint_of(tmp_path / "teacher", "teach")
    with pytest.raises(UserError, match="missing"):
        read_json(tmp_path / "no.json")
    with pytest.raises(UserError, match="can't be read"):
        hash_file(tmp_path / "no.json")


def test_what_was_made_for_another_input_is_refused_with_both_named(tmp_path: Path) -> None:
    artifact = make(tmp_path / "x")
    for fits in (None, {"corpus": "abc"}, {"corpus": "abc", "teacher": "not made from one"}):
        assert fingerprint_of(tmp_path / "x", "map", fits) == artifact.fingerprint
    said = r"x was made for another corpus \(abc; the one there now is def\): run `winnow map overwrite"
    with pytest.raises(UserError, match=said):
        fingerprint_of(tmp_path / "x", "map", {"corpus": "def"})


def interrupt(folder: Path, config: object) -> None:
    with pytest.raises(KeyboardInterrupt), Artifact(folder, config).writing() as partial:
        (partial / "half.txt").write_text("half")
        raise KeyboardInterrupt


def test_an_interrupted_writer_goes_on_from_its_own_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    interrupt(folder, CONFIG)
    assert not folder.exists() and not Artifact(folder, CONFIG).is_done()
    with Artifact(folder, CONFIG).writing() as partial:
        assert (partial / "half.txt").read_text() == "half"
    assert Artifact(folder, CONFIG).is_done()
    interrupt(tmp_path / "y", CONFIG)
    with Artifact(tmp_path / "y", OTHER).writing() as partial:
        assert not (partial / "half.txt").exists()
