import pytest

from pipeline.errors import UserError, one_line_errors


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught, one_line_errors():
        raise UserError("clip.mp4: no frames")
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", "error: clip.mp4: no frames\n")


def test_our_own_mistakes_keep_their_traceback():
    with pytest.raises(ValueError, match="ours"), one_line_errors():
        raise ValueError("ours")
