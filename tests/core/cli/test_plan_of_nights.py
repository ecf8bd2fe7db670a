"""The lives of a run are jobs behind its core."""

from core.cli.run import needed, plan


def test_each_life_needs_the_core(configure, tmp_path):
    cfg = configure("experiment=tiny/night", f"runs_dir={tmp_path}", "seeds=[]")
    jobs = {job.name: job for job in plan(cfg)}
    lives = [f"night {life}" for life in cfg.night.lives]
    assert set(lives) <= set(jobs)
    assert all(jobs[name].needs == ("core",) and jobs[name].verb == "nights" for name in lives)
    assert jobs["night sleep"].cfg.arm == "sleep"
    assert "core" in {job.name for job in needed(list(jobs.values()), ["night sleep"])}


def test_other_runs_have_no_lives(configure):
    assert not any(job.verb == "nights" for job in plan(configure("experiment=tiny")))
