import pytest
from ruamel.yaml import YAML

from benchmarks.stage_runs import INPUTS, OUTPUTS, ROOT, file_name, run, write_params
from pipeline.errors import UserError
from tests.pipeline.dvc_stages import dvc_stages


def test_changes_reach_the_copied_parameters_at_any_depth(tmp_path):
    write_params(tmp_path / "deep" / "p.yaml", {"train_predictor": {"training": {"seed": 7}, "kind": "deterministic"}})
    before, after = (YAML(typ="safe").load(path) for path in (ROOT / "params.yaml", tmp_path / "deep" / "p.yaml"))
    assert after["train_predictor"]["training"]["seed"] == 7 and after["train_predictor"]["kind"] == "deterministic"
    before["train_predictor"]["training"]["seed"], before["train_predictor"]["kind"] = 7, "deterministic"
    assert after == before
    with pytest.raises(UserError, match="no key 'sed'"):
        write_params(tmp_path / "p.yaml", {"train_predictor": {"training": {"sed": 7}}})


def test_the_stages_are_run_on_the_files_that_dvc_names():
    for stage in dvc_stages():
        if stage.name in INPUTS:
            def named(paths):
                return {path for path in paths if path.startswith("data/") and path.count("/") == 1}
            def files(options):
                return {f"data/{file_name(option)}" for option in options if option != "output"}
            assert named(stage.deps) == files(INPUTS[stage.name])
            assert files(OUTPUTS[stage.name]) <= named(stage.outs)


def test_a_command_that_fails_says_so():
    with pytest.raises(UserError, match="-m stages.foretell .*failed"):
        run("stages.foretell", "--soon")
