"""The judge of a trial: journal against oracle, read without any code of the controller."""

from collections import Counter
from fractions import Fraction

from tests.soak.tally import Verdict
from tests.support.referee import Referee
from tests.support.theatre import Theatre
from tests.support.truth import Moved

PICOLITRES_A_NANOLITRE = 1_000


def judge(theatre: Theatre, verdict: Verdict) -> None:
    """Fill in what the journal and the pens' oracles say, problems included."""
    theatre.ceilings.look(theatre.stage.truth)
    referee = theatre.referee()
    truths = {stage.uid: stage.truth for stage in theatre.stages}
    verdict.problems += referee.against(truths)
    verdict.problems += [f"over the ceiling: {each}" for each in theatre.ceilings.overruns]
    verdict.problems += [f"defect of the controller: {each!r}" for each in theatre.own_defects]
    verdict.problems += [f"{arm.name} is still open" for arm in referee.open_arms]
    verdict.ceiling_looks = theatre.ceilings.looks
    verdict.arms, verdict.residuals = len(referee.arms), len(referee.residuals)
    pens = {id(stage): stage for stage in theatre.stages}.values()
    verdict.punctures = sum(pen.world.mechanism.oracle.totals.punctures for pen in pens)
    verdict.outcomes = dict(Counter(body["outcome"] for body in referee.all("session_closed")))
    _judge_repeats(referee, verdict)
    for truth in truths.values():
        for name, moved in truth.segments().items():
            _judge_volume(referee, name, moved, verdict)


def _judge_repeats(referee: Referee, verdict: Verdict) -> None:
    seen: Counter[tuple[str, int, int]] = Counter()
    for body in referee.all("strokes"):
        boot = body["pen_uid"], body["pen_boot_id"]
        seen.update((*boot, stroke["index"]) for stroke in body["strokes"])
    verdict.strokes_booked = len(seen)
    verdict.repeats = sum(seen.values()) - len(seen)
    verdict.problems += [f"{each} is booked twice" for each, count in seen.items() if count > 1]


def _judge_volume(referee: Referee, name: str, moved: Moved, verdict: Verdict) -> None:
    """Steps that really were made outside of what the journal holds for possible."""
    arm = referee.arms.get(name)
    certain, possible = (0, 0) if arm is None else (arm.certain[1], arm.possible[1])
    steps = max(0, certain - moved.forward_steps) + max(0, moved.forward_steps - possible)
    if steps:
        picolitres = 0 if arm is None else arm.opened["picolitres_a_step"]
        verdict.unaccounted_steps += steps
        verdict.unaccounted_nl += float(Fraction(steps * picolitres, PICOLITRES_A_NANOLITRE))
        verdict.problems.append(f"{name}: {steps} steps are not accounted for")
