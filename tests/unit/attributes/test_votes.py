"""Tables of votes: every row is counted, and what is wrong with one is known by its line."""

import numpy as np
import pytest

from sceneshift.attributes.votes import FAULTS, lines_of, questions_in, read_votes
from sceneshift.runtime.errors import SceneshiftError

TABLE = (
    "id,study_question,Left,right,place,choice\n"
    "1,safer, a ,b,Here,left\n"
    "\n"
    '2,"more\nbeautiful",b,NA,Here,Equal\n'
    "   \n"
    "3,safer,a,a,Here,left\n"
    "4,,a,b,Here,right\n"
    "5,safer,,b,Here,right\n"
    "6,safer,nan,b\n"
    "7,safer,a,b,Here,both\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_with_its_faults(tmp_path, encoding):
    path = tmp_path / "votes.csv"
    path.write_bytes(TABLE.encode(encoding))
    votes = read_votes(path)
    assert [votes.questions[i] for i in votes.question] == ["safer", "more\nbeautiful", "safer", "", *["safer"] * 3]
    assert [votes.photos[i] for i in votes.left] == ["a", "b", "a", "a", "", "nan", "a"]
    assert [votes.photos[i] for i in votes.right] == ["b", "NA", "a", "b", "b", "b", "b"]
    assert votes.winner[:4].tolist() == [1, 0, 1, -1]
    said = [FAULTS[fault].split()[-1] for fault in votes.fault if fault]
    assert said == ["itself", "question", "photo", "equal", "equal"]
    assert lines_of(path, np.flatnonzero(votes.fault).tolist()) == [7, 8, 9, 10, 11]
    assert questions_in(path) == {"safer", "more\nbeautiful"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"question,left,right,winner\n", "no rows below the header"),
        (b"question,left,winner\n1,2,left\n", "0 columns called right or right_id"),
        (b"question,left,right,winner\na,Gr\xf6\xdfe,b,left\n", r"UTF-8 or UTF-16.*Save them as a CSV in UTF-8"),
        (b'question,left,right,winner\na,b,c,"left\n', r"votes\.csv"),
    ],
)
def test_what_is_no_table_of_votes_is_named(tmp_path, content, says):
    (tmp_path / "votes.csv").write_bytes(content)
    with pytest.raises(SceneshiftError, match=says):
        read_votes(tmp_path / "votes.csv")
