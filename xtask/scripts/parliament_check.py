#!/usr/bin/env python3
"""Runs parliament, an independent linter of IAM policies, on policy files.

Usage: parliament_check.py FILE...

Every finding of every severity is printed, and one is enough to fail: exit code 1. Nothing is suppressed or configured
away. Exit code 2 means that nothing could be checked.
"""

import importlib.metadata
import sys
import warnings

# parliament imports pkg_resources, which warns about itself on standard error.
warnings.filterwarnings("ignore")

from parliament import analyze_policy_string  # noqa: E402


def main(paths):
    if not paths:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    count = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            policy = analyze_policy_string(file.read(), filepath=path)
        for finding in policy.findings:
            count += 1
            print(f"{path}: {finding.issue}: {finding.detail} {finding.location}")
    version = importlib.metadata.version("parliament")
    print(f"parliament {version}: {len(paths)} policies, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
