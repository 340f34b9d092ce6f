"""Plays Vowpal Wabbit against a file of rounds: python vowpal_wabbit.py FILE [FILE...]

A line of a file is a label from 1 on, then the features, all separated by tabs; its lines are the rounds, in their order. For
each file and configuration a line of JSON is printed: how many rounds were answered wrongly, the first one included. A
bandit is told only whether the action that it took was right; "oaa" is told the label.
"""

import json
import random
import sys

import vowpalwabbit

# Frozen before the run: five of VW's ways to explore, each with a rate below, at and above VW's own 0.5.
EXPLORE = {
    "epsilon 0.02": "--cb_explore {k} --epsilon 0.02 --cb_type dr",
    "bag 5": "--cb_explore {k} --bag 5 --cb_type dr",
    "cover 5": "--cb_explore {k} --cover 5 --nounif --cb_type dr",
    "squarecb": "--cb_explore_adf --squarecb --cb_type mtr -q sa",
    "regcb": "--cb_explore_adf --regcbopt --cb_type mtr -q sa",
}
RATES = (0.1, 0.5, 2.0)
CONFIGURATIONS = {f"{name}, rate {rate}": f"{options} -l {rate}" for name, options in EXPLORE.items() for rate in RATES}
FULL_INFORMATION = "--oaa {k}"


def rounds(path):
    with open(path, encoding="ascii") as file:
        for line in file:
            label, *features = line.split()
            words = " ".join(f"f{place}:{value}" for place, value in enumerate(features) if float(value) != 0.0)
            yield int(label), "| " + words


def lines(features, k, label=None):
    """The example of an algorithm that sees each action with features of its own: here only which one it is."""
    actions = [f"|a {action}" for action in range(1, k + 1)]
    if label is not None:
        action = int(label.split(":")[0])
        actions[action - 1] = f"{label.replace(f'{action}:', '0:', 1)} {actions[action - 1]}"
    return ["shared |s" + features[1:], *actions]


def bandit(data, k, options, seed):
    vw = vowpalwabbit.Workspace(f"--quiet --random_seed {seed} {options.format(k=k)}")
    shaped = "adf" in options
    dice, wrong = random.Random(seed), 0
    for right, features in data:
        chances = vw.predict(lines(features, k) if shaped else features)
        action = dice.choices(range(1, k + 1), chances)[0]
        cost = int(action != right)
        wrong += cost
        label = f"{action}:{cost}:{chances[action - 1]}"
        vw.learn(lines(features, k, label) if shaped else f"{label} {features}")
    vw.finish()
    return wrong


def full_information(data, options):
    vw = vowpalwabbit.Workspace(f"--quiet {options}")
    wrong = 0
    for label, features in data:
        wrong += int(vw.predict(features) != label)
        vw.learn(f"{label} {features}")
    vw.finish()
    return wrong


def main(paths):
    for seed, path in enumerate(paths):
        data = list(rounds(path))
        labels = max(label for label, _ in data)
        results = {
            name: bandit(data, labels, options, seed) for name, options in CONFIGURATIONS.items()
        }
        results["oaa"] = full_information(data, FULL_INFORMATION.format(k=labels))
        for name, wrong in results.items():
            print(json.dumps({"file": path, "configuration": name, "wrong": wrong, "rounds": len(data)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
