from core.arms.settings import check_arms, forgetting_of


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
