import pytest

from core.arms.settings import check_arms, check_named_arms, forgetting_of
from core.config.compose import CONF
from core.errors import UserError


def test_a_regularizer_that_is_not_chosen_now_may_be_named(configure) -> None:
    cfg = configure("experiment=smoke", "arms.plain.regularizers=[weight_noise,span_dropout]")
    check_arms(cfg)
    assert "span_dropout" not in cfg.forgetting


def test_an_arm_may_change_the_settings_of_its_regularizers(configure) -> None:
    cfg = configure("experiment=smoke")
    cfg.arms.plain.regularizers = {"fresh_embeddings": {"strength": 0.3}}
    [(name, found)] = forgetting_of(cfg, cfg.arms.plain).items()
    assert name == "fresh_embeddings"
    assert found == {**cfg.forgetting.fresh_embeddings, "strength": 0.3}
    assert forgetting_of(cfg, cfg.arms.core) == cfg.forgetting
    assert forgetting_of(cfg, cfg.arms.rebound) == {}


def test_plain_starts_as_the_core_does_and_forgets_nothing(configure) -> None:
    for start in ("fresh_embeddings", "weight_noise"):
        cfg = configure("experiment=smoke", f"forgetting=[{start},counterfactual_target]")
        assert list(forgetting_of(cfg, cfg.arms.plain)) == [start]
        assert list(forgetting_of(cfg, cfg.arms.core)) == [start, "counterfactual_target"]
    cfg = configure("experiment=smoke")
    [start] = forgetting_of(cfg, cfg.arms.plain)
    assert start == next(iter(cfg.forgetting))


MINE = "+arms.mine={corpus: full, teacher: true, regularizers: "


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("+arms.core.train.num_stepz=1", "num_stepz'; did you mean 'arms.core.train.num_steps'?"),
        (
            "+arms.core.train={stop: {recal: .1}}",
            "recal'; did you mean 'arms.core.train.stop.recal",
        ),
        (
            "+arms.core.train.adam_beta2=high",
            "arms.core.train.adam_beta2 takes a number, not 'high",
        ),
        ("+arms.core.train=5", "arms.core.train takes a mapping such as {a:1}, not '5'"),
        ("+arms.core.trian={num_steps: 1}", "no option 'arms.core.trian'; did you mean 'train'?"),
        ("+arms.core.distill={label_wait: 0}", "did you mean 'arms.core.distill.label_weight'?"),
        ("+arms.core.distill={signal: cachd}", "core.distill.signal=cachd: no such signal; did y"),
        ("+arms.core.student={num_hidden_layer: 1}", "layer'; did you mean 'num_hidden_layers'?"),
        ("+arms.core.outcome={groop: 2}", "did you mean 'arms.core.outcome.group'?"),
        ("+arms.mine={corpus: full, teacher: true}", "arms.mine.regularizers is needed"),
        ("+arms.mine=core", "arms.mine takes a mapping such as {corpus: full, teacher: true,"),
        (f"{MINE}dream}}", "arms.mine.regularizers takes a list such as [a,b], not 'dream'"),
        ("distill.signal=cachd", "distill.signal=cachd: no such signal; did you mean 'cached'?"),
        ("distill.divergence=forward_lk", "no such divergence; did you mean 'forward_kl'?"),
    ],
)
def test_what_nothing_reads_is_refused(configure, line: str, said: str) -> None:
    cfg = configure("experiment=smoke", line)
    with pytest.raises(UserError) as caught:
        check_arms(cfg)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_an_arm_of_the_users_own_is_taken(configure) -> None:
    for rest in (
        "{fresh_embeddings: {strength: .3}}, train: {num_steps: 3, embedding_learning_rate: null}}",
        "null, start: core, student: {start: fresh, head_dim: 16}, distill: {train: {warmup: 0}}}",
        "[], train: null, sources: [skills], distill: {on_policy: 0.5, confidence_floor: null}}",
    ):
        cfg = configure("experiment=smoke", MINE + rest)
        check_arms(cfg)
        slip = configure("experiment=smoke", MINE + rest, "+arms.mine.sourcez=[skills]")
        with pytest.raises(UserError, match=r"no option 'arms\.mine\.sourcez'"):
            check_arms(slip)


def test_shipped_arms_and_experiments_say_only_what_is_read(configure) -> None:
    experiments = sorted((CONF / "experiment").rglob("*.yaml"))
    teacher = ["teacher.name=ORG/MODEL"]
    for path in experiments:
        name = path.relative_to(CONF / "experiment").with_suffix("").as_posix()
        own = teacher if name in ("pretrained", "pretrained_night", "starts") else []
        cfg = configure(f"experiment={name}", *own)
        check_arms(cfg)
        assert cfg.arms, f"{name} has arms to check"


def test_an_arm_to_be_asked_has_to_be_one(configure) -> None:
    for section in ("ask", "value"):
        cfg = configure("experiment=smoke", "arms=[plain]", f"{section}.arms=[core]")
        check_named_arms(cfg)  # shipped, and not among those chosen now
        cfg[section].arms = ["core", "cor"]
        with pytest.raises(UserError, match=rf"{section}.arms: no arm 'cor'; did you mean 'core'"):
            check_named_arms(cfg)
        check_named_arms(cfg, there=["cor"])
