# Holds the example against the contract's own examples and against what it claims. Run: python -m unittest -v

import functools
import json
import math
import random
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import train
from contract import CONTRACTS, MAX_BODY, Broken, Contract
from made_up_log import person
from policy import EVEN, FEATURES, LEAST, MOST, UNTAUGHT, Model, lottery, recommend, splitmix

HERE = Path(__file__).parent
STARTS_WITHIN = 60
# oO waits half a second for a remote policy (OO_RECOMMENDER__REMOTE_WITHIN_MS).
ANSWERS_WITHIN = 0.5


def example(verdict, kind):
    """The contract's own examples of a kind, by their file's name."""
    files = sorted((CONTRACTS / "examples" / verdict).glob(f"{kind}.*.json"))
    assert files, f"no {verdict} {kind}"
    return {file.name: file.read_text() for file in files}


@functools.cache
def people(count, days, seed, model=UNTAUGHT):
    """The exports of made-up people. To be read only: they are made once."""
    chance = random.Random(seed)
    return [person(number, days, chance, model) for number in range(count)]


class Server:
    """The example as it is served, on a port of its own."""

    def __init__(self, *arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, HERE / "serve.py", "--port", str(port), *arguments])
        ends = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health").close()
                return
            except OSError:
                if time.monotonic() > ends or self.process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)

    def post(self, text):
        """The status and the body of an answer."""
        data = text if isinstance(text, bytes) else text.encode()
        request = urllib.request.Request(f"{self.url}/recommend", data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        exports = []
        for number, export in enumerate(people(6, 40, seed=7)):
            exports.append(Path(cls.folder.name) / f"{number}.json")
            exports[-1].write_text(json.dumps(export))
        model = Path(cls.folder.name) / "model.json"
        trained = [sys.executable, HERE / "train.py", "--out", model, "--version", "3", *exports]
        subprocess.run(trained, check=True, stdout=subprocess.DEVNULL)
        cls.server = Server("--model", model)
        cls.addClassCleanup(cls.server.stop)
        cls.contract = Contract()

    def test_every_accepted_ask_gets_an_answer_that_keeps_the_contract(self):
        for name, text in example("accepted", "Ask").items():
            ask, spoke = json.loads(text), False
            for bits in range(64):
                ask["bits"] = f"{bits:016x}"
                status, answer = self.server.post(json.dumps(ask))
                self.assertEqual(status, 200, name)
                self.contract.check_answer(ask, answer)
                self.assertEqual((answer["policy"], answer["version"]), ("remote-example", 3001))
                spoke |= answer["tip"] is not None
            self.assertEqual(spoke, bool(ask["candidates"]), name)

    def test_every_rejected_ask_is_refused_with_a_problem(self):
        bodies = example("rejected", "Ask")
        bodies |= {"a brace": "{", "nothing": "", "no number": '{"id": NaN}', "bytes": b"\xff"}
        for name, text in bodies.items():
            status, problem = self.server.post(text)
            self.assertEqual(status, 422, name)
            self.contract.check("Problem", problem)
        status, _ = self.server.post(" " * (MAX_BODY + 1))
        self.assertEqual(status, 413)

    def test_the_same_ask_has_the_same_answer(self):
        text = example("accepted", "Ask")["Ask.four-candidates.json"]
        self.assertEqual(self.server.post(text), self.server.post(text))

    def test_thirty_two_candidates_are_answered_in_time(self):
        ask = json.loads(example("accepted", "Ask")["Ask.paced.json"])
        ask["candidates"] = (ask["candidates"] * 32)[:32]
        times = []
        for _ in range(20):
            began = time.monotonic()
            self.assertEqual(self.server.post(json.dumps(ask))[0], 200)
            times.append(time.monotonic() - began)
        self.assertLess(sorted(times)[len(times) // 2], ANSWERS_WITHIN)


class Probabilities(unittest.TestCase):
    def setUp(self):
        early, _ = train.split([train.rounds(export) for export in people(6, 40, seed=7)])
        self.model = train.fit(early, 1)
        self.asks = [json.loads(text) for text in example("accepted", "Ask").values()]

    def test_they_sum_to_one_exactly_and_leave_nothing_out(self):
        for ask in self.asks:
            shares = lottery(ask, self.model).shares
            self.assertEqual(sum(shares), 10**15)
            self.assertTrue(all(share > 0 for share in shares))

    def test_actions_come_as_often_as_is_said(self):
        draws = 5_000
        for ask in self.asks:
            counts, told = {}, {}
            for bits in range(draws):
                answer = recommend({**ask, "bits": f"{bits:016x}"}, self.model)
                action = answer["tip"]["candidate"] if answer["tip"] else None
                counts[action] = counts.get(action, 0) + 1
                told[action] = answer["propensity"]
            self.assertAlmostEqual(sum(told.values()), 1.0)
            chi_square = sum((counts[one] - draws * told[one]) ** 2 / (draws * told[one]) for one in told)
            # Five standard deviations above what is expected of a right one.
            freedom = len(told) - 1
            self.assertLessEqual(chi_square, freedom + 5 * math.sqrt(2 * freedom), ask["id"])

    def test_splitmix_is_the_published_one(self):
        # The first output for the seed 1234567, from the reference implementation.
        self.assertEqual(splitmix(1_234_567), 6_457_827_717_110_365_317)

    def test_where_the_odds_are_low_it_is_silent_but_for_the_least(self):
        ask = next(ask for ask in self.asks if ask["candidates"])
        for odds, speaks in [(EVEN - 0.01, LEAST), (0.95, MOST)]:
            ask["context"]["pace"] = 0.9
            model = Model(1, math.log(odds / (1 - odds)), (0.0,) * len(FEATURES))
            drawn = lottery(ask, model)
            self.assertAlmostEqual(1 - drawn.probability(0), speaks)
            answers = [recommend({**ask, "bits": f"{bits:016x}"}, model) for bits in range(400)]
            hushes = {answer["silence"] for answer in answers if not answer["tip"]}
            self.assertEqual(hushes, {"not_worth_it" if odds < EVEN else "enough_for_now"})

    def test_the_weights_of_the_reasons_sum_to_the_odds(self):
        for ask in self.asks:
            for bits in range(64):
                tip = recommend({**ask, "bits": f"{bits:016x}"}, self.model)["tip"]
                if tip:
                    weights = [reason["weight"] for reason in tip["reasons"]]
                    candidate = ask["candidates"][tip["candidate"]]
                    self.assertAlmostEqual(sum(weights), self.model.odds(train.row(ask["context"], candidate)))
                    self.assertLessEqual(len(weights), 3)

    def test_a_model_of_other_features_is_refused(self):
        with self.assertRaises(ValueError):
            Model.from_json({**self.model.to_json(), "features": 0})
        self.assertEqual(Model.from_json(json.loads(json.dumps(self.model.to_json()))), self.model)


class Training(unittest.TestCase):
    def test_made_up_exports_keep_the_contract(self):
        contract = Contract()
        for export in people(2, 3, seed=3):
            contract.check("Export", export)

    def test_it_tells_who_will_do_what_better_than_the_base_rate(self):
        early, late = train.split([train.rounds(export) for export in people(20, 60, seed=1)])
        measures = train.measure(train.fit(early, 1), late, train.examples(early)[1].mean())
        self.assertLess(measures["log_loss"], 0.9 * measures["log_loss_of_the_base_rate"])
        self.assertLess(measures["calibration_error"], 0.08)
        self.assertGreater(measures["value_lower"], measures["logged_value"])

    def test_what_it_is_said_to_be_worth_off_policy_it_is_worth_when_it_decides(self):
        early, late = train.split([train.rounds(export) for export in people(20, 60, seed=1)])
        model = train.fit(early, 1)
        measures = train.measure(model, late, 0.5)
        lived = [one.reward for export in people(20, 30, seed=2, model=model) for one in train.rounds(export)]
        mean = sum(lived) / len(lived)
        self.assertGreater(mean, measures["value_lower"])
        self.assertLess(mean, measures["value_upper"])

    def test_nothing_is_learnt_of_whoever_did_not_allow_it(self):
        forbids, allows = people(2, 5, seed=3)
        self.assertEqual(train.rounds(forbids), [])
        self.assertEqual(len(train.rounds(allows)), len(allows["decisions"]))
        tips = [one for one in train.rounds(allows) if one.action]
        self.assertTrue(any(one.done for one in tips) and not all(one.done for one in tips))

    def test_an_answer_taken_back_teaches_nothing_and_a_task_done_elsewhere_counts(self):
        tip = {
            "id": "t1", "subject": {"kind": "todo", "task": {"account": "a", "item": "i"}},
            "decided_at": "2026-03-02T09:00:00Z", "not_after": "2026-03-02T09:45:00Z",
        }  # fmt: skip

        def became(*told):
            signals = [{"at": f"2026-03-02T09:{minute:02}:00Z", "fact": fact} for minute, fact in told]
            return train.became_done(tip, signals)

        def said(answer):
            return {"kind": "feedback", "tip": "t1", "answer": {"kind": answer}}

        completed = {"kind": "task_completed", "task": {"account": "a", "item": "i"}}
        self.assertIs(became(), False)
        self.assertIs(became((5, said("done"))), True)
        self.assertIs(became((5, said("not_for_me"))), False)
        self.assertIsNone(became((5, said("done")), (6, said("undo"))))
        self.assertIs(became((5, said("done")), (40, said("undo"))), True)
        self.assertIs(became((7, said("not_now")), (5, said("done"))), False)
        self.assertIs(became((44, completed)), True)
        self.assertIs(became((46, completed)), False)
        self.assertIs(became((5, completed | {"task": {"account": "a", "item": "other"}})), False)

    def test_too_few_tips_are_refused(self):
        with self.assertRaises(SystemExit):
            train.fit(train.rounds(people(2, 2, seed=3)[1]), 1)


class TheContract(unittest.TestCase):
    def test_the_answers_in_the_examples_are_judged_as_oo_does(self):
        contract = Contract()
        for text in example("accepted", "Recommendation").values():
            contract.check("Recommendation", json.loads(text))
        for name, text in example("rejected", "Recommendation").items():
            with self.assertRaises(Broken, msg=name):
                contract.check("Recommendation", json.loads(text))

    def test_the_example_in_the_documentation_keeps_it(self):
        blocks = (HERE.parents[1] / "recommender.md").read_text().split("```json\n")[1:]
        ask, answer = (json.loads(block.split("```")[0]) for block in blocks)
        contract = Contract()
        contract.check("Ask", ask)
        contract.check_answer(ask, answer)


if __name__ == "__main__":
    unittest.main()
