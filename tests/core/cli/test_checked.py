"""What a run refuses before any of its work."""

import pytest

from core.cli.run import make, runs_of
from core.errors import UserError


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ask.arms=[cor]", "ask.arms: no arm 'cor'; did you mean 'core'?"),
        ("value.arms=[cor]", "value.arms: no arm 'cor'; did you mean 'core'?"),
        ("value.families=[additon]", "'additon' has no checker"),
        ("night.lives=[sleeep]", "no life 'sleeep'; did you mean 'sleep'?"),
        ("distill.signal=cachd", "distill.signal=cachd: no such signal; did you mean 'cached'?"),
        ("+arms.core.train.num_stepz=1", "did you mean 'arms.core.train.num_steps'?"),
        ("seeds=[1,1]", "seeds has 1 twice: name each once"),
        ("seeds=[a]", "seeds takes whole numbers from 0, as in seeds=[0,1,2], not 'a'"),
        ("seeds=['1','2']", "seeds takes whole numbers from 0"),
        ("seeds=[0,-1]", "seeds takes whole numbers from 0, as in seeds=[0,1,2], not '-1'"),
        ("seeds=[true]", "seeds takes whole numbers from 0"),
        ("styles=[plain,plain]", "styles has plain twice: name each once"),
        ("styles=[plian]", "there is no such style; did you mean 'plain'?"),
    ],
)
def test_slips_are_refused_before_any_work(configure, tmp_path, line: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        make(configure("experiment=smoke", f"runs_dir={tmp_path}", line))
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_different_seeds_and_styles_are_taken(configure) -> None:
    cfg = configure("experiment=smoke", "seeds=[0,2]", "styles=[plain,tables]")
    runs = [one.run.partition("/")[2] for one in runs_of(cfg)]
    assert runs == [f"style_{style}/seed_{n}" for style in ("plain", "tables") for n in (0, 2)]
