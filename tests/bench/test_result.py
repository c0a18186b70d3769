from bench import table
from bench.result import CONTROL, Row, compared, paired, percentile


def test_drift_that_both_of_a_pair_share_falls_out_of_their_ratio() -> None:
    ratio = paired([100, 50, 200], [200, 100, 400])

    assert ratio.median == 0.5
    assert ratio.spread == (0.5, 0.5)


def test_a_row_says_whether_its_aim_was_met() -> None:
    assert Row("a", 0.96, least=0.95).verdict == "ok"
    assert Row("a", 0.94, least=0.95).verdict == "over"
    assert Row("a", 1.05, most=1.05).verdict == "ok"
    assert Row("a", 1.06, most=1.05).verdict == "over"
    assert Row("a", 7).verdict == ""


def test_what_lies_within_the_noise_is_unclear() -> None:
    assert Row("a", 0.96, least=0.95, noise=0.03).verdict == "unclear"
    assert Row("a", 0.70, least=0.95, noise=0.03).verdict == "over"
    assert Row("a", 1.00, most=1.05, noise=0.03).verdict == "ok"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3, 1, 2], 50) == 2
    assert percentile(list(range(1000)), 99) == 990


def test_the_table_shows_aim_value_and_verdict() -> None:
    text = "\n".join(table.as_text([Row("size", 2.345, most=3, note="7 ÷ 3")]))

    assert "size" in text
    assert "≤ 3" in text
    assert "2.35" in text or "2.34" in text
    assert "ok" in text


def test_the_baseline_is_the_mean_of_its_two_processes() -> None:
    seen = compared(
        {"plain": [100.0, 100.0], "plain again": [120.0, 120.0], "addon": [99.0, 110.0]}
    )

    assert seen.base == [110.0, 110.0]
    assert set(seen.ratios) == {CONTROL, "addon"}
    assert seen.ratios["addon"].median == 0.95
    assert abs(seen.noise - 0.2) < 1e-9
