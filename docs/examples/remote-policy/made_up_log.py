# Exports of made-up people, to try the training on before there are real ones. What they do is known, and is written
# without the policy's features. Usage: python made_up_log.py <folder> [--people 20] [--days 60] [--seed 1]

import argparse
import copy
import json
import math
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

from contract import CONTRACTS
from policy import UNTAUGHT, recommend

BEGINS = datetime(2026, 3, 2, tzinfo=timezone.utc)
# Asked at these hours: a tip of one is over by the next.
HOURS = (9, 11, 14, 17, 20)
TIP_LIVES = timedelta(minutes=45)
# One in so many people does not allow that others' model learns from them.
FORBIDS = 5


def chance_of_done(chance, context, candidate):
    """What a made-up person does with what they are told; `chance` makes them differ."""
    wants = -1.6 + chance.gauss(0, 0.3)
    kind = candidate["subject"]["kind"]
    if kind == "todo" and candidate["due_days"] is not None and candidate["due_days"] <= 0:
        wants += 2.2
    if candidate["minutes"] <= 10:
        wants += 0.9
    # Good advice is for the evening.
    if kind == "advice":
        wants += 1.2 if context["minute_of_day"] >= 17 * 60 else -1.5
    if candidate["since_shown"] is not None and candidate["since_shown"] < 1440:
        wants -= 1.0
    return 1 / (1 + math.exp(-wants))


def person(number, days, chance, model=UNTAUGHT):
    """The export of one person who was asked about by that model."""
    export = json.loads((CONTRACTS / "examples/accepted/Export.person.json").read_text())
    export |= {"entries": [], "decisions": [], "made": stamp(BEGINS + timedelta(days=days))}
    training = number % FORBIDS != 0
    shown = {}
    for day in range(days):
        sent = 0
        for hour in HOURS:
            now = BEGINS + timedelta(days=day, hours=hour)
            ask = ask_at(f"made-up-{number}-{day}-{hour}", now, sent, shown, chance)
            answer = recommend(ask, model)
            keep(export, "decisions", "decision", {
                "v": 1, "id": ask["id"], "at": stamp(now), "seq": len(export["entries"]), "training": training,
                "outcome": {"kind": "asked", "ask": ask, "recommendation": answer},
            })  # fmt: skip
            if answer["tip"] is not None:
                sent += 1
                candidate = ask["candidates"][answer["tip"]["candidate"]]
                shown[name_of(candidate["subject"])] = now
                give(export, ask, answer, now)
                if chance.random() < chance_of_done(chance, ask["context"], candidate):
                    say(export, ask["id"], now + timedelta(minutes=chance.randrange(1, 40)))
    return export


def ask_at(name, now, sent, shown, chance):
    minutes = now.hour * 60
    busy = now + timedelta(minutes=chance.choice((20, 45, 90, 240)))
    context = {
        "at": stamp(now), "minute_of_day": minutes, "weekday": now.isoweekday(),
        "free_minutes": int((busy - now).total_seconds() // 60), "next_busy": stamp(busy),
        "since_busy": chance.choice((5, 20, 90)), "busy_today": chance.choice((0, 120, 300)),
        "present": chance.random() < 0.5, "mood": chance.choice((None, 2, 3, 4)),
        "since_tip": 600, "sent_today": sent, "budget": 5, "dosage": float(sent), "pace": 0.5,
    }  # fmt: skip
    subjects = [todo(chance.randrange(8)) for _ in range(3)] + [{"kind": "advice", "advice": "drink-water"}]
    candidates = []
    for subject in {name_of(subject): subject for subject in subjects}.values():
        last = shown.get(name_of(subject))
        is_todo = subject["kind"] == "todo"
        candidates.append({
            "subject": subject,
            "minutes": chance.choice((5, 10, 25, 50)) if is_todo else 2,
            "priority": chance.choice((1, 1, 2, 4)) if is_todo else 1,
            "due_days": chance.choice((None, -2, 0, 1, 5)) if is_todo else None,
            "age_days": chance.randrange(30) if is_todo else 0,
            "shown": 0 if last is None else 1,
            "since_shown": None if last is None else int((now - last).total_seconds() // 60),
        })  # fmt: skip
    return {"id": name, "context": context, "candidates": candidates, "bits": f"{chance.getrandbits(64):016x}"}


def todo(number):
    return {"kind": "todo", "task": {"account": "acc_made_up", "item": f"task{number}"}}


def name_of(subject):
    return json.dumps(subject, sort_keys=True)


def give(export, ask, answer, now):
    """The tip's entry. It has the decision's id."""
    tip = {
        "id": ask["id"], "decision": ask["id"],
        "subject": answer["tip"]["subject"], "reasons": answer["tip"]["reasons"],
        "decided_at": stamp(now), "decided_seq": len(export["entries"]), "not_after": stamp(now + TIP_LIVES),
        "zone": "Europe/Zurich", "language": "en",
    }  # fmt: skip
    keep(export, "entries", "entry", {"v": 1, "at": stamp(now), "body": {"kind": "tip", "tip": tip}})


def say(export, tip, now):
    fact = {"kind": "feedback", "tip": tip, "answer": {"kind": "done"}}
    signal = {"id": f"said-{tip}", "user": export["person"]["user"], "at": stamp(now), "fact": fact}
    keep(export, "entries", "entry", {"v": 1, "at": stamp(now), "body": {"kind": "signal", "signal": signal}})


def keep(export, part, kind, value):
    export[part].append({"seq": len(export[part]) + 1, kind: copy.deepcopy(value)})


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    asked = argparse.ArgumentParser(description="Writes exports of made-up people.")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--people", type=int, default=20)
    asked.add_argument("--days", type=int, default=60)
    asked.add_argument("--seed", type=int, default=1)
    asked = asked.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(asked.seed)
    for number in range(asked.people):
        export = person(number, asked.days, chance)
        (asked.folder / f"person-{number:03}.json").write_text(json.dumps(export))


if __name__ == "__main__":
    main()
