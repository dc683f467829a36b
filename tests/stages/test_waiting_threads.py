"""Threads that wait give way to others, and training the predictor does not depend on their number."""

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch comes with another OpenMP")
@pytest.mark.parametrize("given, wanted", [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_openmp_hears_of_it_before_it_is_loaded(given, wanted):
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE", **given}
    command = [sys.executable, "-c", "import stages.train_predictor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"GOMP_SPINCOUNT = '{wanted}'" in done.stderr
