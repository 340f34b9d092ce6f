# The contract, as the generated JSON Schema says it, and the little that a schema cannot say.

import json
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"
SCHEMA = CONTRACTS / "generated/contracts.schema.json"
# The largest body of a request, in bytes (contracts/src/http.rs).
MAX_BODY = 64 * 1024


class Broken(ValueError):
    """It does not keep the contract."""


class Contract:
    def __init__(self, schema=SCHEMA):
        self.schema = json.loads(Path(schema).read_text())
        self.validators = {}

    def check(self, kind, value):
        """Raises Broken where `value` is no `kind`."""
        if kind not in self.validators:
            schema = {**self.schema, "$ref": f"#/$defs/{kind}"}
            self.validators[kind] = Draft202012Validator(schema, format_checker=FormatChecker())
        error = next(self.validators[kind].iter_errors(value), None)
        if error:
            raise Broken(f"{error.json_path}: {error.message[:200]}")

    def read(self, kind, text):
        """JSON as a `kind`."""
        try:
            value = json.loads(text, parse_constant=lambda name: no_number(name))
        except ValueError as error:
            raise Broken(str(error)) from error
        self.check(kind, value)
        return value

    def check_answer(self, ask, answer):
        """What oO holds an answer against (`checked` in actors/recommender/src/engine.rs), schema included."""
        self.check("Recommendation", answer)
        if not 0 < answer["propensity"] <= 1:
            raise Broken("the propensity is not in (0, 1]")
        tip = answer.get("tip")
        if tip is None and answer.get("silence") is None:
            raise Broken("neither a tip nor a silence")
        if tip is not None:
            place = tip["candidate"]
            if place >= len(ask["candidates"]) or ask["candidates"][place]["subject"] != tip["subject"]:
                raise Broken("it chose something that it was not offered")


def no_number(name):
    raise ValueError(f"{name} is no JSON")
