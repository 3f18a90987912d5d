"""Scenario files: strict keys and ranges, errors that name file and key, what ships is valid."""

from pathlib import Path

import pytest

from protocol.limits import is_simulated_uid
from simulator.misbehaviour import EFFECTS, FaultName, Moment
from simulator.scenario import Scenario, ScenarioError, load, parse, pen_uid, stream

SHIPPED = sorted(Path(__file__).parents[2].glob("config/simulator/*.toml"))


def test_scenarios_ship() -> None:
    assert {path.stem for path in SHIPPED} >= {"ideal", "default", "hostile_wire"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenario_is_valid_and_says_what_it_is(path: Path) -> None:
    scenario = load(path)
    assert scenario.about
    assert is_simulated_uid(scenario.spec(scenario.seed).uid)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("colour = 1", "colour"),
        ("[hand]\nspeed = 1", "hand"),
        ("[body.fluid]\nviscosity = 1", "body.fluid"),
        ("[line.to_pen]\nlose_frame = 1.5", "line.to_pen.lose_frame"),
        ("[line.to_pen]\nlose_frame = 'x'", "line.to_pen.lose_frame"),
        ("[body.needle]\ninsertion_us = 0", "body.needle.insertion_us"),
        ("[[fault]]\nname = 'P99'", "fault[0].name"),
        ("[[fault]]\nat_s = 1.0", "fault[0]"),
        ("[pen]\nuid = 5", "pen.uid"),
        ("[pen]\nmodel = 'ä'", "pen.model"),
        ("[pen]\nring_depth = 10", "pen.ring_depth"),
        ("a = 1\nb == 2", "line 2"),
    ],
)
def test_error_names_file_and_key(text: str, key: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text, "room.toml")
    assert str(caught.value).startswith("room.toml: ")
    assert key in str(caught.value)


def test_missing_file_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.toml: No such file"):
        load(Path("nowhere.toml"))


def test_spec_takes_stroke_times_from_the_needle_and_names_from_the_pen() -> None:
    text = "[pen]\nmodel = 'BENCH-1'\n[body.needle]\ninsertion_us = 3000"
    spec = parse(text, "x").spec(1)
    assert (spec.model, spec.insertion_us, spec.retraction_us) == (b"BENCH-1", 3_000, 2_500)


def test_each_seed_is_another_simulated_pen() -> None:
    uids = {pen_uid(seed) for seed in range(100)}
    assert len(uids) == 100
    assert all(is_simulated_uid(uid) for uid in uids)
    assert Scenario().spec(4).uid == pen_uid(4)


def test_streams_depend_on_seed_and_name_only() -> None:
    assert stream(1, "body").random() == stream(1, "body").random() == 0.8914340956356102
    assert stream(1, "body").random() != stream(1, "hand").random()


def test_cartridge_may_be_absent() -> None:
    assert parse("[cartridge]\nfitted = false", "x").chip(1) is None
    chip = Scenario().chip(1)
    assert chip is not None
    assert chip.needles == 12


def test_every_fault_name_has_an_effect_and_covers_the_catalogue() -> None:
    assert set(EFFECTS) == set(FaultName)
    classes = {name.partition("_")[0] for name in FaultName}
    assert {f"P{number}" for number in range(1, 18) if number != 12} <= classes


def test_fault_row_has_the_moment_of_its_name_unless_told() -> None:
    text = "[[fault]]\nname = 'P2_reboot_mid_puncture'\n[[fault]]\nname = 'leak'\nwhen = 'pumping'"
    rows = parse(text, "x").fault
    assert [row.moment() for row in rows] == [Moment.MID_STROKE, Moment.PUMPING]
