"""Steps the original StepCountJITAI and writes down what it drew and what it showed, for the Rust one to be held against.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python record.py > original.json
"""

import contextlib
import io
import json
import warnings

import numpy as np
from StepCountJITAI.envs import StepCountJITAI

warnings.filterwarnings("ignore")

# Actions: 0 silence, 1 a send that fits anything, 2 and 3 sends made for the first and the second context.
ROTATE = [2, 0, 1, 3, 0, 0, 2, 1, 0, 3]
ALWAYS = [1, 2]
WRONG = [3, 3, 2]
CASES = [
    # sigma, version, habituation's and disengagement's width, steps' noise, seed, actions
    (0, 0, 0.01, None, 1, ROTATE),
    (0, 0, 0.01, None, 2, [0, 2]),
    (0, 0, 0.01, None, 3, ALWAYS),
    (0.4, 0, 0.01, None, 4, ROTATE),
    (0.4, 0, 0.01, None, 5, WRONG),
    (2, 0, 0.01, None, 6, [0, 1]),
    (0.4, 1, 0.2, 20.0, 7, ROTATE),
    (0.8, 1, 0.5, 10.0, 8, [0, 0, 1, 2]),
]


class Recorder:
    """A numpy generator that tells what it drew."""

    def __init__(self, generator, draws):
        self.generator, self.draws = generator, draws

    def choice(self, n, p):
        return self.keep("choice", [], self.generator.choice(n, p=p))

    def standard_normal(self):
        return self.keep("normal", [], self.generator.standard_normal())

    def uniform(self, low, high, size):
        return np.float64(self.keep("uniform", [low, high], self.generator.uniform(low, high)))

    def gamma(self, shape, scale, size):
        return np.float64(self.keep("gamma", [shape, scale], self.generator.gamma(shape, scale)))

    def keep(self, kind, given, drawn):
        self.draws.append({"kind": kind, "given": [float(g) for g in given], "drawn": float(drawn)})
        return drawn


def record(sigma, version, width, noise, seed, pattern):
    with contextlib.redirect_stdout(io.StringIO()):
        world = StepCountJITAI(sigma, ["C", "P", "L", "H", "D"], n_version=version, chosen_a=width, σs=noise, seed=seed)
    draws, steps, done, place = [], [], False, 0
    world.rng0, world.rng1 = Recorder(world.rng0, draws), Recorder(world.rng1, draws)
    while not done:
        action = pattern[place % len(pattern)]
        (context, second, inferred, habituation, disengagement), reward, done, _, _ = world.step(action)
        steps.append({
            "action": action, "reward": float(reward), "done": bool(done), "context": int(context),
            "second": float(second), "inferred": int(inferred), "habituation": float(habituation),
            "disengagement": float(disengagement),
        })
        place += 1
    return {"sigma": sigma, "version": version, "width": width, "noise": noise, "draws": draws, "steps": steps}


print("[")
print(",\n".join(json.dumps(record(*case)) for case in CASES))
print("]")
