"""Balanced assignments; simulated raters with a known preference are recovered."""

from collections import Counter

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import write_table
from sceneshift.study.design import Plan, assignments, comparisons
from sceneshift.study.power import raters_needed, votes_needed
from sceneshift.study.preferences import krippendorff_alpha, preferences
from sceneshift.study.votes import COLUMNS, Vote, read_study

TRIALS = comparisons([f"p{k}" for k in range(6)], ["night"], [0, 0.5, 1], ["safer?", "nicer?"])


def test_every_pair_is_shown_equally_often_and_either_way_round():
    lists = assignments(TRIALS, Plan(lists=20, pairs=9, checks=0), seed=1)
    shown = Counter((t.question, t.left.photo, *sorted((t.left.dose, t.right.dose))) for own in lists for t in own)
    assert len(shown) == len(TRIALS) == 36
    assert set(shown.values()) == {5}, "20 lists of 9 are 36 times 5"
    lower_left = Counter(t.left.dose < t.right.dose for own in lists for t in own)
    assert abs(lower_left[True] - lower_left[False]) <= len(TRIALS)
    for own in lists:
        assert len({(t.question, t.left.photo, *sorted((t.left.dose, t.right.dose))) for t in own}) == 9
        assert all(t.left.photo == t.right.photo for t in own)


def test_assignments_follow_from_the_seed_and_hold_checks():
    plan = Plan(lists=4, pairs=10, checks=2)
    assert assignments(TRIALS, plan, 3) == assignments(TRIALS, plan, 3) != assignments(TRIALS, plan, 4)
    for own in assignments(TRIALS, plan, 3):
        assert len(own) == 12
        assert Counter(trial.expected in ("left", "right") for trial in own)[True] == 2
        assert not own[0].expected
        assert not own[-1].expected


def simulated(theta, raters, votes, spread, seed, photos=12):
    """Votes of raters whose liking of the edit, θ per unit of dose, differs by `spread`."""
    rng = np.random.default_rng(seed)
    doses = np.array(list(theta))
    cast = []
    for rater in range(raters):
        own = np.array(list(theta.values())) + spread * rng.normal() * doses
        for _ in range(votes):
            left, right = rng.permutation(len(doses))[:2]
            winner = 1 if rng.random() < expit(own[left] - own[right]) else -1
            photo = f"p{rng.integers(photos)}"
            cast.append(Vote(f"r{rater}", "safer?", "night", photo, "a", "b", doses[left], doses[right], winner))
    return cast


def test_known_preferences_are_recovered_within_their_intervals(monkeypatch):
    """Raters differ, so that votes taken as independent would give intervals far too narrow."""
    theta = {0.0: 0.0, 0.5: 0.4, 1.0: 0.8}
    monkeypatch.setattr("sceneshift.study.preferences.RESAMPLES", 200)
    held, errors = [], []
    for seed in range(12):
        rows = preferences(simulated(theta, raters=30, votes=24, spread=0.6, seed=seed))
        assert [row.dose for row in rows] == list(theta)
        assert (rows[0].score, rows[0].low, rows[0].high, rows[0].preferred) == (0, 0, 0, 0.5)
        held += [row.low <= theta[row.dose] <= row.high for row in rows[1:]]
        errors += [row.score - theta[row.dose] for row in rows[1:]]
    assert np.mean(held) > 0.8
    assert abs(np.mean(errors)) < 0.1


def test_intervals_are_clustered_by_rater(monkeypatch):
    monkeypatch.setattr("sceneshift.study.preferences.RESAMPLES", 200)
    cast = simulated({0.0: 0.0, 1.0: 0.5}, raters=15, votes=30, spread=1.5, seed=0)
    alone = [
        Vote(f"v{k}", *[getattr(vote, name) for name in list(Vote.__dataclass_fields__)[1:]])
        for k, vote in enumerate(cast)
    ]
    clustered, independent = (preferences(votes)[1] for votes in (cast, alone))
    assert clustered.score == pytest.approx(independent.score)
    assert clustered.high - clustered.low > 1.5 * (independent.high - independent.low)
    assert np.isnan(preferences([vote for vote in cast if vote.rater == "r0"])[1].low), "one rater tells of no other"


def test_agreement_is_krippendorffs_alpha():
    table = (
        "a a",
        "b b",
        "c c",
        "c c",
        "b b",
        "c c",
        "d d",
        "a a",
        "b b",
        "b d",
    )  # his example A of nominal data, 2011
    assert krippendorff_alpha([(k, r) for k, row in enumerate(table) for r in row.split()]) == pytest.approx(
        1 - 19 * 2 / (400 - 4**2 - 7**2 - 6**2 - 3**2)
    )
    assert krippendorff_alpha([(0, "a"), (0, "a"), (1, "b"), (1, "b")]) == 1
    assert np.isnan(krippendorff_alpha([(0, "a"), (1, "b")]))


def test_the_plan_finds_what_it_is_made_for():
    needed = round(votes_needed(0.65))
    wins = np.random.default_rng(0).binomial(needed, 0.65, 2000)
    values, counts = np.unique(wins, return_counts=True)
    found = sum(c for v, c in zip(values, counts, strict=True) if binomtest(int(v), needed).pvalue < 0.05)
    assert found / 2000 == pytest.approx(0.8, abs=0.07)
    assert raters_needed(0.65, 1) == pytest.approx(needed, abs=1)
    assert raters_needed(0.65, 20) > needed / 20


def row(rater="r", winner="left", expected="", question="safer?"):
    return dict(zip(COLUMNS, (rater, question, "a.jpg", "b.jpg", winner, "night", "p", 0, 1, expected), strict=True))


def test_checks_are_no_votes_and_raters_who_fail_them_are_left_out(tmp_path, capsys):
    rows = [row(), row("inattentive"), row("inattentive", "right", "left"), row("r", "left", "left")]
    write_table(tmp_path / "votes/a.csv", list(COLUMNS), rows)
    write_table(tmp_path / "votes/again.csv", list(COLUMNS), rows)
    votes = read_study([tmp_path / "votes"])
    assert [vote.rater for vote in votes] == ["r"]
    assert "rater inattentive: left out: failed 1 attention checks" in capsys.readouterr().err
    assert len(read_study([tmp_path / "votes"], most_failed=1)) == 2


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row(winner="both")], "line 2: winner is 'both'"),
        ([row(expected="up")], "line 2: expected is 'up'"),
        ([row(expected="right")], "no votes are left"),
    ],
)
def test_damaged_votes_are_named(rows, says, tmp_path):
    write_table(tmp_path / "v.csv", list(COLUMNS), rows)
    with pytest.raises(SceneshiftError, match=says):
        read_study([tmp_path / "v.csv"])
