"""The promises of `dvc repro` and `dvc exp run`, kept by the real stages."""

import json
import subprocess
import sys
from pathlib import Path

from tests.pipeline.conftest import Workspace, content, stages_run
from tests.pipeline.dvc_stages import STAGE_NAMES, dvc_stages


def test_every_declared_output_exists(workspace):
    for stage in dvc_stages():
        for out in stage.outs:
            assert content(workspace.root / out), f"{stage.name} wrote no {out}"


def test_nothing_else_is_left_behind(workspace):
    assert workspace.run("git", "status", "--porcelain") == ""
    assert not list((workspace.root / "data").rglob("*.partial"))
    assert not list((workspace.root / ".resume").rglob("*.pt"))


def test_a_second_repro_runs_nothing(workspace):
    assert stages_run(workspace.dvc("repro")) == []


def test_a_forced_rerun_gives_the_same_bytes(workspace):
    """All but the cost, whose hash stands in dvc.lock."""
    outs = [out for stage in dvc_stages() for out in stage.outs if not out.startswith("data/cost/")]
    before = {out: content(workspace.root / out) for out in outs}
    assert len(stages_run(workspace.dvc("repro", "--force"))) == len(dvc_stages())
    for out in outs:
        assert content(workspace.root / out) == before[out], out
    changed = {line.split()[-1] for line in workspace.run("git", "status", "--porcelain").splitlines()}
    assert changed == {"dvc.lock", *(f"data/cost/{name}.json" for name in STAGE_NAMES)}
    workspace.commit()


def test_a_stage_run_by_hand_is_not_run_again(workspace):
    """Its cost is another one, its other outputs are not: DVC takes the whole from its cache."""
    workspace.run(sys.executable, "-m", "stages.preprocess")
    assert workspace.run("git", "status", "--porcelain").split() == ["M", "data/cost/preprocess.json"]
    assert stages_run(workspace.dvc("repro")) == []
    assert workspace.run("git", "status", "--porcelain") == ""


def test_an_experiment_reruns_what_changed_with_its_own_code(workspace):
    """A `--temp` experiment copies the code when it starts; from then on the workspace's own is out of its sight."""
    before = metrics(workspace.root)
    command = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", "longer",
               "--set-param", "train_predictor.training.num_steps=6"]
    output = ""
    with subprocess.Popen(command, cwd=workspace.root, env=workspace.environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            output += line
            if "Running stage 'train_predictor'" in line:
                (workspace.root / "stages").rename(workspace.root / "hidden")
    (workspace.root / "hidden").rename(workspace.root / "stages")
    assert process.returncode == 0, output[-5000:]
    assert stages_run(output) == ["train_predictor", "generate", "evaluate", "report"]
    assert metrics(workspace.root) == before
    difference = json.loads(workspace.dvc("metrics", "diff", "--json", "HEAD", "longer").splitlines()[-1])
    changed = {name.split(".")[0] for name in difference["data/evaluation/metrics.json"]}
    assert "prediction" in changed and "reconstruction" not in changed


def metrics(root: Path) -> dict:
    return json.loads((root / "data/evaluation/metrics.json").read_text())


def without_lists(figures: dict) -> dict:
    """As DVC shows metrics: numbers at any depth, lists left out, and what holds nothing else."""
    shown = {name: without_lists(value) if isinstance(value, dict) else value for name, value in figures.items()}
    return {name: value for name, value in shown.items() if not isinstance(value, list) and value != {}}


def test_metrics_and_plots_are_known_to_dvc(workspace: Workspace):
    shown = json.loads(workspace.dvc("metrics", "show", "--json").splitlines()[-1])[""]["data"]
    costs = {name: shown[f"data/cost/{name}.json"]["data"] for name in STAGE_NAMES}
    assert all(cost["seconds"] > 0 and cost["peak_resident_gib"] > 0.05 for cost in costs.values())
    shown = shown["data/evaluation/metrics.json"]["data"]
    for section in ("prediction", "reconstruction", "compression"):
        assert shown[section] == without_lists(metrics(workspace.root)[section])
    workspace.dvc("plots", "show", "--out", str(workspace.root.parent / "plots"))
    assert (workspace.root.parent / "plots" / "index.html").stat().st_size > 1000


def test_the_figures_are_shown_and_the_page_is_completed(workspace):
    output = workspace.run(sys.executable, "-m", "stages.show")
    figures = metrics(workspace.root)
    for shown in (figures["prediction"], figures["reconstruction"], figures["baselines"]["copy_last"]):
        assert f"{shown['psnr']:.2f}" in output
    lines = [line.split() for line in output.splitlines()]
    assert all([line for line in lines if line[:1] == [name] and line[-1].endswith("s/s")] for name in STAGE_NAMES)
    assert "params.yaml, as it is now" in (workspace.root / "data/report.html").read_text()


def test_another_style_of_the_page_reruns_no_metric(workspace):
    style = workspace.root / "pipeline/report/page.css"
    before = style.read_text()
    style.write_text(before + "/* as before */\n")
    assert stages_run(workspace.dvc("repro")) == ["report"]
    style.write_text(before)
    assert stages_run(workspace.dvc("repro")) == []
    assert workspace.run("git", "status", "--porcelain") == ""
