"""Plunger drive: whole steps in time, ends of travel, backlash, stiction, encoder faults."""

import pytest

from simulator.plunger import Plunger, PlungerSettings


def test_default_drive_makes_2_711_nl_a_step() -> None:
    assert PlungerSettings().nl_per_step == pytest.approx(2.711, abs=0.0005)


def test_steps_are_made_when_their_time_is_full() -> None:
    plunger = Plunger(PlungerSettings())
    assert plunger.command(0, 10, 1_000) == 10_000
    assert plunger.run_to(999) == 0
    assert plunger.run_to(1_000) == 1
    assert plunger.run_to(5_500) == 4
    assert plunger.run_to(99_000) == 5
    assert plunger.encoder_steps() == plunger.carriage_steps == 10


def test_stop_keeps_the_steps_made() -> None:
    plunger = Plunger(PlungerSettings())
    plunger.command(0, 100, 1_000)
    plunger.run_to(7_999)
    plunger.stop()
    assert plunger.run_to(1_000_000) == 0
    assert plunger.encoder_steps() == 7
    assert plunger.end_us() is None


def test_backwards_counts_down() -> None:
    plunger = Plunger(PlungerSettings())
    plunger.command(0, 50, 1_000)
    plunger.run_to(50_000)
    plunger.command(50_000, -20, 1_000)
    assert plunger.run_to(70_000) == -20
    assert plunger.encoder_steps() == 30


def test_end_of_the_syringe_stalls_the_drive() -> None:
    plunger = Plunger(PlungerSettings())
    plunger.travel_left_steps = 5
    assert plunger.command(0, 10, 1_000) == 10_000
    assert plunger.run_to(10_000) == 5
    assert plunger.at_end()


def test_full_syringe_goes_no_further_back() -> None:
    plunger = Plunger(PlungerSettings())
    plunger.command(0, -10, 1_000)
    assert plunger.run_to(10_000) == 0


def test_blocked_pump_makes_no_step() -> None:
    plunger = Plunger(PlungerSettings())
    plunger.blocked = True
    plunger.command(0, 10, 1_000)
    assert plunger.run_to(20_000) == 0


def test_encoder_dropout_parts_encoder_from_truth() -> None:
    plunger = Plunger(PlungerSettings())
    plunger.encoder_misses = 0.1
    plunger.command(0, 1_000, 1_000)
    plunger.run_to(1_000_000)
    assert plunger.carriage_steps == 1_000
    assert plunger.encoder_steps() == 900


def test_backlash_is_taken_up_before_the_plunger_moves() -> None:
    plunger = Plunger(PlungerSettings(backlash_um=30))
    share, moved_nl = plunger.take_up(1_041.0)
    assert moved_nl == pytest.approx(520.5)
    assert share == pytest.approx(0.5)
    assert plunger.take_up(100.0) == (0.0, 100.0)
    assert plunger.take_up(-520.5) == (1.0, 0.0)
    assert plunger.take_up(-10.0) == (0.0, -10.0)


def test_stiction_after_idle_holds_back_then_breaks_away() -> None:
    plunger = Plunger(PlungerSettings(backlash_um=0, stiction_um=20, stiction_after_us=1_000_000))
    plunger.command(999_999, 1, 1_000)
    assert plunger.take_up(300.0)[1] == 300.0
    plunger.command(1_000_000, 1, 1_000)
    assert plunger.take_up(300.0)[1] == 0.0
    assert plunger.take_up(47.0)[1] == 347.0
    assert plunger.take_up(5.0)[1] == 5.0
