import pytest
from pydantic import Field

from pipeline.errors import UserError
from pipeline.params import Params, read_section


class Inner(Params):
    height: int = Field(ge=1)
    width: int = Field(8, ge=1, le=512)


class Outer(Params):
    learning_rate: float = Field(gt=0)
    inner: Inner


GOOD = "stage:\n  learning_rate: 0.1\n  inner: {height: 4}\nother: {height: 0}\n"


def read(tmp_path, text: str | bytes) -> Outer:
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_section(path, "stage", Outer)


def test_reads_its_own_section_only(tmp_path):
    assert read(tmp_path, GOOD) == Outer(learning_rate=0.1, inner=Inner(height=4))


def test_numbers_as_dvc_writes_them(tmp_path):
    """YAML 1.1 takes 1e-05 for a string, `on` for a truth value and 010 for eight."""
    assert read(tmp_path, GOOD.replace("0.1", "1e-05")).learning_rate == 1e-5
    assert read(tmp_path, GOOD.replace("height: 4", "height: 010")).inner.height == 10


def test_values_do_not_change_after_reading(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        read(tmp_path, GOOD).learning_rate = 2.0


@pytest.mark.parametrize(("text", "message"), [
    (GOOD.replace("learning_rate", "learning_rat"), "stage.learning_rat is not a parameter"),
    (GOOD.replace("learning_rate", "learning_rat"), r"\(did you mean stage.learning_rate\?\)"),
    (GOOD.replace("height: 4", "height: 4, zzz: 1"), r"stage.inner.zzz is not a parameter \(misspelt\?\)"),
    (GOOD.replace("height: 4", "height: 4, width: 0"), r"stage.inner.width: .*\(allowed: >= 1, <= 512\), got 0"),
    (GOOD.replace("  learning_rate: 0.1\n", ""), "stage.learning_rate is missing"),
    (GOOD.replace("height: 4", "height: 0"), "stage.inner.height: Input should be greater than or equal to 1, got 0"),
    (GOOD.replace("0.1", "fast"), "stage.learning_rate: Input should be a valid number.*'fast'"),
    (GOOD.replace("0.1", "-1"), "stage.learning_rate: Input should be greater than 0, got -1"),
    (GOOD.replace("stage:", "stages:"), "section 'stage' is missing"),
    ("stage:\n", "stage: .*got None"),
    ("- 1\n", "section 'stage' is missing"),
    ("", "section 'stage' is missing"),
    (GOOD + "stage: {}\n", "not valid YAML.*duplicate key"),
    ("stage: [\n", "not valid YAML"),
    (b"stage: \xff\n", "not valid YAML"),
])
def test_a_mistake_is_one_line_that_names_file_and_key(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'params.yaml'}: ")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_huge_values_are_abridged(tmp_path):
    """References double the value at each level: printed in full it would fill the memory."""
    levels = "".join(f"  a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(UserError) as caught:
        read(tmp_path, f"x:\n  a0: &a0 [1]\n{levels}stage: {{learning_rate: *a39, inner: {{height: 1}}}}\n")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "folder"])
def test_an_unreadable_file_is_named(tmp_path, make):
    make(tmp_path / "params.yaml")
    with pytest.raises(UserError, match="params.yaml: cannot be read"):
        read_section(tmp_path / "params.yaml", "stage", Outer)
