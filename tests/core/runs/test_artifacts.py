"""Artifacts are whole, theirs, or refused."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import UserError
from core.runs.artifacts import STARTED, Artifact, fingerprint_of, hash_file, read_json

ROOT = Path(__file__).parents[3]
CONFIG = {"train": {"num_steps": 4, "rate": 0.1}, "seed": 0}
OTHER = {"train": {"num_steps": 5, "rate": 0.1}, "seed": 0}


def make(folder: Path, config: object = CONFIG, *, overwrite: bool = False) -> Artifact:
    artifact = Artifact(folder, config, {"corpus": "abc"})
    assert not artifact.is_done(overwrite)
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


def test_overwrite_keeps_what_is_there_until_the_new_one_is_whole(tmp_path: Path) -> None:
    made, data = make(tmp_path / "x"), tmp_path / "x" / "inner" / "data.txt"
    other = Artifact(tmp_path / "x", OTHER, {"corpus": "abc"})
    assert not other.is_done(overwrite=True)
    assert made.is_done() and data.read_text() == "data", "the work may still be refused"
    with other.writing() as partial:
        (partial / "new.txt").write_text("new")
        assert made.is_done() and data.read_text() == "data", "or fail"
    assert other.is_done() and not data.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_killed_overwrite_goes_on_and_what_it_was_to_replace_counts_meanwhile(
    tmp_path: Path,
) -> None:
    made = make(tmp_path / "x")
    interrupt(tmp_path / "x", OTHER, overwrite=True)
    assert made.is_done()
    other = Artifact(tmp_path / "x", OTHER)
    with pytest.raises(UserError, match="made from another configuration"):
        other.is_done()
    assert not other.is_done(overwrite=True)
    with other.writing() as partial:
        assert (partial / "half.txt").read_text() == "half"
    assert other.is_done() and [path.name for path in tmp_path.iterdir()] == ["x"]


def test_an_overwrite_that_could_not_take_the_place_does_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(path: Path) -> None:
        raise UserError(f"{path} can't be deleted: another process uses it; end it first")

    made = make(tmp_path / "x")
    monkeypatch.setattr("core.runs.artifacts.remove", busy)
    with pytest.raises(UserError, match="another process uses it"):
        make(tmp_path / "x", OTHER, overwrite=True)
    monkeypatch.undo()
    assert made.is_done()
    assert Artifact(tmp_path / "x", OTHER, {"corpus": "abc"}).is_done(overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_an_overwrite_does_not_replace_what_another_has_just_written(tmp_path: Path) -> None:
    make(tmp_path / "x")
    late = Artifact(tmp_path / "x", CONFIG, {"corpus": "def"})
    assert not late.is_done(overwrite=True)
    made = make(tmp_path / "x", OTHER, overwrite=True)
    with pytest.raises(UserError, match="another winnow has just written"), late.writing():
        pass
    assert made.is_done()


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
        assert make(tmp_path / "x", overwrite=True).is_done()
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


def interrupt(folder: Path, config: object, *, overwrite: bool = False) -> None:
    artifact = Artifact(folder, config)
    assert not artifact.is_done(overwrite)
    with pytest.raises(KeyboardInterrupt), artifact.writing() as partial:
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


HOLD = """
import sys, time
from pathlib import Path
from core.runs.artifacts import Artifact

with Artifact(Path(sys.argv[1]), {"who": "the first"}).writing() as partial:
    (partial / "half.txt").write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


@contextmanager
def writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the midst of writing that artifact."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "writing\n"
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("who", ["the first", "the second"])
def test_one_process_writes_and_a_killed_ones_lock_is_taken_over(tmp_path: Path, who: str) -> None:
    folder = tmp_path / "x"
    artifact = Artifact(folder, {"who": who})
    with writer(folder) as other:
        said = rf"another winnow \(process {other.pid} on .*\) is writing {folder}: wait until it"
        with pytest.raises(UserError, match=said), artifact.writing():
            pass
        assert (tmp_path / "x.partial" / "half.txt").read_text() == "half", "untouched"
    with artifact.writing() as partial:
        assert (partial / "half.txt").exists() == (who == "the first")
    assert artifact.is_done() and [path.name for path in tmp_path.iterdir()] == ["x"]
    assert {path.name for path in folder.iterdir()} <= {"artifact.json", "half.txt"}


def test_who_comes_when_another_has_just_written_it_is_told(tmp_path: Path) -> None:
    artifact = Artifact(tmp_path / "x", CONFIG, {"corpus": "abc"})
    assert not artifact.is_done()
    make(tmp_path / "x")
    with pytest.raises(UserError, match="another winnow has just written"), artifact.writing():
        pass
    assert artifact.is_done() and [path.name for path in tmp_path.iterdir()] == ["x"]


def test_without_locks_it_is_told_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    assert make(tmp_path / "x").is_done()
    assert "this file system has no locks" in capsys.readouterr().out


def test_what_could_not_be_renamed_is_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(source: Path, target: Path) -> None:
        if Path(target).name == "x":
            raise OSError(errno.EBUSY, "Device or resource busy")
        os.rename(source, target)

    monkeypatch.setattr("os.replace", replace)
    with pytest.raises(UserError, match=r"x.partial is whole and can't be renamed to x \(Device"):
        make(tmp_path / "x")
    monkeypatch.undo()
    artifact = Artifact(tmp_path / "x", CONFIG, {"corpus": "abc"})
    assert not Artifact(tmp_path / "x", OTHER).is_done(), "another's"
    assert artifact.is_done() and [path.name for path in tmp_path.iterdir()] == ["x"]


def test_overwriting_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    make(tmp_path / "kept")
    for name, target in (("x", "kept"), ("y", "nowhere")):
        (tmp_path / name).symlink_to(tmp_path / target)
        other = Artifact(tmp_path / name, OTHER, {"corpus": "abc"})
        with pytest.raises(UserError):
            other.is_done()
        make(tmp_path / name, OTHER, overwrite=True)
        assert other.is_done() and not (tmp_path / name).is_symlink()
    assert (tmp_path / "kept" / "inner" / "data.txt").read_text() == "data"


@pytest.mark.parametrize("mark", ["[]", "null", "{}", '{"fingerprint": "x", "made_from": []}'])
def test_a_mark_that_marks_nothing_is_damage(tmp_path: Path, mark: str) -> None:
    artifact = make(tmp_path / "x")
    (tmp_path / "x" / "artifact.json").write_text(mark)
    for look in (artifact.is_done, lambda: fingerprint_of(tmp_path / "x", "corpus")):
        with pytest.raises(UserError, match="damaged"):
            look()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_where_no_folder_can_be_made_is_told() -> None:
    with pytest.raises(UserError, match=r"/proc/x\.partial: no folder can be made there"):
        make(Path("/proc/x"))


def test_the_mark_tells_how_long_it_took_with_what_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    artifact = Artifact(tmp_path / "x", CONFIG)
    with pytest.raises(KeyboardInterrupt), artifact.writing():
        now = 130.0
        raise KeyboardInterrupt
    now = 1000.0
    with Artifact(tmp_path / "x", CONFIG).writing():
        now = 1012.5
    assert read_json(tmp_path / "x" / "artifact.json")["seconds"] == 42.5


def test_of_a_killed_writer_the_time_to_its_last_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    with Artifact(tmp_path / "x", CONFIG).writing() as folder:
        (folder / "weights").write_text("…")
        left = shutil.copytree(folder, tmp_path / "left")
    shutil.rmtree(tmp_path / "x")
    left.rename(folder)  # as it was when the process ended, without a word
    began = (folder / STARTED).stat().st_mtime
    os.utime(folder / "weights", (began + 60, began + 60))
    with Artifact(tmp_path / "x", CONFIG).writing():
        pass
    assert read_json(tmp_path / "x" / "artifact.json")["seconds"] == 60.0


def test_a_refusal_before_anything_is_written_leaves_nothing(tmp_path: Path) -> None:
    artifact = Artifact(tmp_path / "run" / "evals" / "x", CONFIG)
    with pytest.raises(UserError, match="no probe"), artifact.writing():
        raise UserError("no probe is left")
    assert not list(tmp_path.iterdir())


def test_what_was_written_before_a_failure_stays(tmp_path: Path) -> None:
    artifact = Artifact(tmp_path / "run" / "x", CONFIG)
    with pytest.raises(UserError), artifact.writing() as partial:
        (partial / "data.txt").write_text("half")
        raise UserError("diverged")
    assert (tmp_path / "run" / "x.partial" / "data.txt").exists()
