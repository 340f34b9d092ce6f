# Learns from what people did, as their exports tell it. Usage: python train.py --out model.json <export.json>...
#
# An export is what GET /api/v1/me/export gives a person: their log and every decision, with the ask, the answer and the
# probability that it was made with.

import argparse
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from policy import BURDEN, DONE, USELESS, Model, lottery, row
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

# Fewer tips teach nothing that the next ones would not overthrow.
TIPS_AT_LEAST = 50
# The latest part of each person's decisions: held out, to measure on.
HELD_OUT = 0.25
# Bins of the calibration error.
BINS = 10
# What is undone within this was not meant (UNDO_FOR of actors/domain/src/tip_life.rs).
UNDO_FOR = timedelta(minutes=10)


@dataclass(frozen=True)
class Round:
    """One decision that may be learnt from."""

    ask: dict
    # 0 is silence.
    action: int
    propensity: float
    # Of a tip: whether it got done while it stood.
    done: bool

    @property
    def reward(self):
        return (DONE if self.done else USELESS) - BURDEN if self.action else 0.0


def rounds(export):
    """What of an export may be learnt from, in its order."""
    entries = [held["entry"]["body"] for held in export["entries"] if held.get("entry")]
    tips = {body["tip"]["decision"]: body["tip"] for body in entries if body["kind"] == "tip"}
    signals = [body["signal"] for body in entries if body["kind"] == "signal"]
    made = time(export["made"])
    found = []
    for held in export["decisions"]:
        decision = held.get("decision")
        # Whoever did not allow it is not even looked at.
        if not decision or not decision.get("training") or decision["outcome"]["kind"] != "asked":
            continue
        ask, answer = decision["outcome"]["ask"], decision["outcome"]["recommendation"]
        if answer.get("tip") is None:
            found.append(Round(ask, 0, answer["propensity"], False))
            continue
        tip = tips.get(decision["id"])
        # Chosen, but no longer the moment when it came; or still to be answered.
        if tip is None or time(tip["not_after"]) >= made:
            continue
        done = became_done(tip, signals)
        if done is not None:
            found.append(Round(ask, answer["tip"]["candidate"] + 1, answer["propensity"], done))
    return found


def became_done(tip, signals):
    """Whether it got done while the tip stood; None where an answer was taken back, which says nothing."""
    until = time(tip["not_after"])
    said, undone, done = None, None, False
    for signal in signals:
        fact, at = signal["fact"], time(signal["at"])
        if fact["kind"] == "feedback" and fact["tip"] == tip["id"]:
            if fact["answer"]["kind"] == "undo":
                undone = max(undone or at, at)
            elif said is None or said[1] <= at:
                said = (fact["answer"]["kind"], at)
        elif time(tip["decided_at"]) <= at <= until and is_about(fact, tip["subject"]):
            done = True
    if said is not None:
        if undone is not None and said[1] <= undone <= said[1] + UNDO_FOR:
            return None
        return said[0] == "done"
    return done


def is_about(fact, subject):
    """Whether a fact says that what the tip was about is done, at its provider or by the person's own word."""
    if fact["kind"] == "task_completed":
        return subject["kind"] == "todo" and fact["task"] == subject["task"]
    return fact["kind"] == "habit_done" and subject["kind"] == "habit" and fact["habit"] == subject["habit"]


def examples(of_rounds):
    """Rows and labels. Who was told what depends on the row and on chance alone, so that the tips that were given tell
    the odds of any: no weights are needed."""
    tips = [one for one in of_rounds if one.action]
    rows = [row(one.ask["context"], one.ask["candidates"][one.action - 1]) for one in tips]
    return np.array(rows), np.array([one.done for one in tips])


def fit(of_rounds, version):
    rows, done = examples(of_rounds)
    if len(done) < TIPS_AT_LEAST or len(set(done)) < 2:
        raise SystemExit(f"{len(done)} tips that may be learnt from, of {TIPS_AT_LEAST} at least, done and not: wait")
    fitted = LogisticRegression(C=1.0).fit(rows, done)
    return Model(version, float(fitted.intercept_[0]), tuple(float(one) for one in fitted.coef_[0]))


def measure(model, held_out, base):
    """How good the odds are, and what the policy would have been worth, on decisions that it was not fitted to."""
    rows, done = examples(held_out)
    odds = np.array([model.odds(values) for values in rows])
    weights, rewards = [], np.array([one.reward for one in held_out])
    for one in held_out:
        weights.append(lottery(one.ask, model).probability(one.action) / one.propensity)
    weights = np.array(weights)
    value = weights @ rewards / weights.sum()
    error = np.sqrt(np.sum((weights * (rewards - value)) ** 2)) / weights.sum()
    return {
        "tips": len(done),
        "log_loss": log_loss(done, odds),
        "log_loss_of_the_base_rate": log_loss(done, np.full(len(done), base)),
        "calibration_error": calibration_error(odds, done),
        "logged_value": rewards.mean(),
        # Self-normalised inverse propensity (Swaminathan and Joachims, 2015), with its interval of 95 %.
        "value": value,
        "value_lower": value - 1.96 * error,
        "value_upper": value + 1.96 * error,
        "effective_decisions": weights.sum() ** 2 / (weights**2).sum(),
    }


def calibration_error(odds, done):
    """The expected one, over bins of equal width (Guo et al., 2017)."""
    bins = np.minimum((odds * BINS).astype(int), BINS - 1)
    gaps = [abs(odds[bins == one].sum() - done[bins == one].sum()) for one in range(BINS)]
    return sum(gaps) / len(odds)


def split(people):
    """The earlier decisions of each person, and the later ones."""
    early, late = [], []
    for one in people:
        cut = round(len(one) * (1 - HELD_OUT))
        early += one[:cut]
        late += one[cut:]
    return early, late


def time(text):
    return datetime.fromisoformat(text)


def main():
    asked = argparse.ArgumentParser(description="Learns from exports.")
    asked.add_argument("exports", type=Path, nargs="+")
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--version", type=int, default=1, help="which training this is: it stands in every decision")
    asked = asked.parse_args()
    early, late = split([rounds(json.loads(path.read_text())) for path in asked.exports])
    model = fit(early, asked.version)
    measures = measure(model, late, examples(early)[1].mean())
    asked.out.write_text(json.dumps(model.to_json(), indent=2) + "\n")
    print(json.dumps({name: round(float(value), 4) for name, value in measures.items()}, indent=2))


if __name__ == "__main__":
    main()
