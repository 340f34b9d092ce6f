# A policy: what it sees of an ask, what it has learnt, and a draw whose probabilities are exact. Knows no HTTP
# and no files.

import math
from dataclasses import asdict, dataclass
from datetime import datetime

NAME = "remote-example"

# Grows when a feature changes its meaning: a model of other features is refused.
FEATURES_VERSION = 1

# Within ±1 each, so that one penalty suits all. Add your own here and in `row`.
FEATURES = (
    "prepare", "habit", "advice", "due", "overdue", "priority", "short", "waiting", "gap", "after_event",
    "hour_sin", "hour_cos", "weekend", "present", "mood", "shown", "burden",
)  # fmt: skip

# A thing done is worth 1, a tip that came to nothing costs a fifth, and every tip a twentieth: the worths that oO's own
# learner starts from (DONE, IGNORED and BURDEN of actors/domain/src/reward.rs).
DONE, USELESS, BURDEN = 1.0, -0.2, 0.05
# The odds at which a tip is worth as much as silence.
EVEN = (BURDEN - USELESS) / (DONE - USELESS)

# Speaking stays within this, so that its effect can be estimated afterwards.
LEAST, MOST = 0.05, 0.95
# The policy's own odds weigh at most so much against the day's plan.
WEIGHS_AT_MOST = 8.0
# How much likelier a candidate must be to be chosen e times as often.
CHOOSING_SCALE = 0.1
# The part of the choice that is uniform, so that nothing is impossible.
UNIFORM = 0.05
# What is told is read at a glance.
MAX_REASONS = 3

# Probabilities are whole shares of this: they sum to one, and each comes back from JSON bit for bit.
ONE = 10**15


@dataclass(frozen=True)
class Model:
    """The odds that a thing gets done when it is said: a logistic regression."""

    version: int
    intercept: float
    coefficients: tuple[float, ...]
    features: int = FEATURES_VERSION

    def __post_init__(self):
        if self.features != FEATURES_VERSION or len(self.coefficients) != len(FEATURES):
            raise ValueError("the model is of other features: train it again")

    def parts(self, values):
        return [coefficient * value for coefficient, value in zip(self.coefficients, values, strict=True)]

    def odds(self, values):
        return sigmoid(self.intercept + sum(self.parts(values)))

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, document):
        return cls(**{**document, "coefficients": tuple(document["coefficients"])})


# Knows nothing yet: all candidates are alike, and the day's plan alone says when. Its log is the best to learn from.
UNTAUGHT = Model(version=0, intercept=math.log(0.3 / 0.7), coefficients=(0.0,) * len(FEATURES))


def row(context, candidate):
    """The features of a candidate in its circumstances. The same function serves and trains."""
    kind = candidate["subject"]["kind"]
    due = candidate.get("due_days")
    mood = context.get("mood")
    lately = 0.5 ** (candidate["since_shown"] / 1440) if candidate.get("since_shown") is not None else 0.0
    hour = 2 * math.pi * context["minute_of_day"] / 1440
    values = {
        "prepare": kind == "prepare",
        "habit": kind == "habit",
        "advice": kind == "advice",
        "due": 0.0 if due is None else 1.0 if due <= 0 else 0.5 * (1 - due / 8),
        "overdue": 0.0 if due is None else -due / 12,
        "priority": (candidate["priority"] - 1) / 3,
        "short": 1 - candidate["minutes"] / 60,
        "waiting": candidate["age_days"] / 30,
        "gap": 1 - context["free_minutes"] / 120 if context.get("next_busy") else 0.0,
        "after_event": 1 - context["since_busy"] / 30,
        "hour_sin": math.sin(hour),
        "hour_cos": math.cos(hour),
        "weekend": context["weekday"] >= 6,
        "present": context["present"],
        "mood": 0.0 if mood is None else (mood - 3) / 2,
        "shown": (2 * lately + min(candidate["shown"], 5) / 5) / 3,
        "burden": context["dosage"] / 5,
    }
    signed = ("hour_sin", "hour_cos", "mood")
    return [min(max(float(values[name]), -1.0 if name in signed else 0.0), 1.0) for name in FEATURES]


@dataclass(frozen=True)
class Lottery:
    """The probability of each action in whole shares of ONE: silence, then the candidates in the order of the ask."""

    shares: tuple[int, ...]
    # Silence would be for the plan's sake, not for want of something worth it.
    worth_it: bool
    # The probability of speaking before it was kept within LEAST and MOST.
    sure: float

    def draw(self, bits):
        """The action that these bits draw: 0 is silence."""
        ticket = splitmix(bits) * ONE >> 64
        for action, share in enumerate(self.shares):
            if ticket < share:
                return action
            ticket -= share
        raise AssertionError("the shares sum to one")

    def probability(self, action):
        return self.shares[action] / ONE


def lottery(ask, model):
    candidates = ask["candidates"]
    if not candidates:
        return Lottery((ONE,), False, 0.0)
    odds = [model.odds(row(ask["context"], candidate)) for candidate in candidates]
    best = max(odds)
    pace = ask["context"].get("pace")
    sure = speaking(best, 0.5 if pace is None else pace)
    speaks = min(max(sure, LEAST), MOST)
    soft = [math.exp((one - best) / CHOOSING_SCALE) for one in odds]
    weights = [(1 - UNIFORM) * one / sum(soft) + UNIFORM / len(soft) for one in soft]
    silence = round((1 - speaks) * ONE)
    shares = [int(weight * (ONE - silence)) for weight in weights]
    # What rounding left, or took too much of, is the likeliest one's.
    shares[odds.index(best)] += ONE - silence - sum(shares)
    return Lottery((silence, *shares), best >= EVEN, sure)


def speaking(best, pace):
    """The plan's odds times the policy's own, by which a better moment is taken earlier; no worthless one."""
    if best < EVEN:
        return 0.0
    gain = min(max(best / (1 - best) / (EVEN / (1 - EVEN)), 1 / WEIGHS_AT_MOST), WEIGHS_AT_MOST)
    return pace * gain / (pace * gain + 1 - pace)


def recommend(ask, model):
    """The answer to an ask: a function of the ask and the model alone. All chance is in `ask["bits"]`."""
    drawn = lottery(ask, model)
    action = drawn.draw(int(ask["bits"], 16))
    answer = {
        "tip": None,
        "silence": None,
        "propensity": drawn.probability(action),
        "confidence": round(drawn.sure if action else 1 - drawn.sure, 6),
        "policy": NAME,
        "version": model.version * 1000 + FEATURES_VERSION,
    }
    if action:
        candidate = ask["candidates"][action - 1]
        reasons = reasons_of(ask["context"], candidate, model)
        answer["tip"] = {"candidate": action - 1, "subject": candidate["subject"], "reasons": reasons}
    elif not ask["candidates"]:
        answer["silence"] = "no_candidates"
    else:
        answer["silence"] = "enough_for_now" if drawn.worth_it else "not_worth_it"
    return answer


def reasons_of(context, candidate, model):
    """What spoke for it: true facts of the ask, by what their features add. Their weights sum to the odds."""
    values = row(context, candidate)
    parts = dict(zip(FEATURES, model.parts(values), strict=True))
    told = [(parts[name], fact) for name, fact in facts(context, candidate).items() if parts[name] > 0]
    told = sorted(told, key=lambda one: -one[0])[:MAX_REASONS] or [(1.0, {"kind": "chance"})]
    whole = sum(part for part, _ in told)
    return [{"because": fact, "weight": model.odds(values) * part / whole} for part, fact in told]


def facts(context, candidate):
    """The facts that the page has words for, by the feature that each of them is."""
    subject, due, found = candidate["subject"], candidate.get("due_days"), {}
    if due is not None and due < 0:
        found["overdue"] = {"kind": "due_before", "days": min(-due, 65535)}
    elif due is not None and due <= 7:
        found["due"] = {"kind": "due_in", "days": due} if due else {"kind": "due_today"}
    if candidate["priority"] >= 3:
        found["priority"] = {"kind": "important"}
    if candidate["minutes"] < 60:
        found["short"] = {"kind": "fits", "minutes": candidate["minutes"]}
    if candidate["age_days"] >= 3:
        found["waiting"] = {"kind": "waiting", "days": candidate["age_days"]}
    if context.get("next_busy"):
        found["gap"] = {"kind": "free_minutes", "minutes": context["free_minutes"], "until": context["next_busy"]}
    if context["since_busy"] <= 30:
        found["after_event"] = {"kind": "just_ended", "minutes": context["since_busy"]}
    if subject["kind"] == "habit":
        found["habit"] = {"kind": "habit_window"}
    if subject["kind"] == "prepare":
        left = datetime.fromisoformat(subject["starts"]) - datetime.fromisoformat(context["at"])
        minutes = int(min(max(left.total_seconds() // 60, 0), 1440))
        found["prepare"] = {"kind": "starts_in", "minutes": minutes}
    return found


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def splitmix(bits):
    """SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): spreads bits that may differ in little."""
    mask = 2**64 - 1
    z = (bits + 0x9E3779B97F4A7C15) & mask
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)
