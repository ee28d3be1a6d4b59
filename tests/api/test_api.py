"""Requests that schemathesis makes up from the OpenAPI document, against a running Souk with the
demo marketplace in it: no 5xx, and no answer that the document does not tell of.

Left out of its checks: `positive_data_acceptance`, for what fits the schema may still be refused by
the rules of a deal, and `object_level_authorization`, which the authorisation matrix of the Rust
tests is about.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from world import FIELDS, LISTS, Person, Souk, deals, kind_of

SEED = 7
# Of one operation and phase.
EXAMPLES = 14
SERVICE_KEY = "a key of other processes, for tests"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
]
PEOPLE = {"admin": "admin", "buyer": "amina.haddad", "seller": "gallery.zahra"}
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def souk(tmp_path_factory):
    settings = {"PAYMENT_SANDBOX": "true", "SERVICE_KEY": SERVICE_KEY}
    souk = Souk(tmp_path_factory.mktemp("souk"), settings)
    souk.run("seed", "--seed", str(SEED))
    with souk:
        people = [Person(souk, PEOPLE[role]) for role in ("buyer", "seller")]
        souk.deals = deals(*people)
        yield souk


@pytest.fixture(scope="module")
def document(souk):
    return Person(souk, PEOPLE["admin"]).call("/openapi.json", signed=False)


def settings(document, person, known):
    """What schemathesis reads: how it signs in, and what it may name."""
    quoted = json.dumps
    lines = [
        f"seed = {SEED}",
        "[generation]",
        f"max-examples = {EXAMPLES}",
        'database = "none"',
        "[headers]",
        f"Authorization = {quoted('Bearer ' + person.token)}",
    ]
    for kind, things in known.items():
        if things:
            lines += [f"[dictionaries.{quoted(kind)}]", f"values = {quoted(things)}"]
    for path, item in document["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        bindings = {f"path.{name}": kind_of(path, name) for name in names}
        if any("requestBody" in operation for operation in item.values()):
            for name in FIELDS:
                field = f"{name}[*]" if name in LISTS else name
                bindings[f"body.{field}"] = kind_of(path, name)
            bindings["body.items[*].templateId"] = "templates"
        bindings |= {"query.ids": "users"} if path == "/api/users/presence" else {}
        own = []
        if path == "/api/realtime/emit":
            own.append(f"headers = {{ X-Service-Key = {quoted(SERVICE_KEY)} }}")
        if path == "/api/auth/logout":
            # It ends what it is called with.
            token = quoted("Bearer " + person.sign_in())
            own.append(f"headers = {{ Authorization = {token} }}")
        if path.startswith(("/api/payment/shkeeper/", "/api/payment/decentralized/")):
            # These rails are not set up here, and say so.
            expected = quoted(["2xx", "3xx", "4xx", "503"])
            own.append(f"checks.not_a_server_error.expected-statuses = {expected}")
        own += [
            f'parameters.{quoted(name)} = {{ dictionary = "{kind}", probability = 0.8 }}'
            for name, kind in bindings.items()
            if known.get(kind)
        ]
        if own:
            lines += ["[[operations]]", f"include-path = {quoted(path)}", *own]
    return "\n".join(lines)


class Run:
    """One run of schemathesis, as one person."""

    def __init__(self, souk, document, role, folder):
        person = Person(souk, PEOPLE[role])
        known = person.knows(souk.deals)
        (folder / "known.json").write_text(json.dumps(known))
        (folder / "schemathesis.toml").write_text(settings(document, person, known))
        report, answers = folder / "report.json", folder / "answers.json"
        run = subprocess.run(
            [
                *[sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml"],
                *["run", f"{souk.url}/openapi.json", "--no-color", "--continue-on-failure"],
                *["--checks", ",".join(CHECKS), "--warnings", "off"],
                *["--report", "json", "--report-json-path", str(report)],
            ],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(HERE),
                "SCHEMATHESIS_HOOKS": "hooks",
                "SOUK_API_KNOWN": str(folder / "known.json"),
                "SOUK_API_ANSWERS": str(answers),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.succeeded, self.output = run.returncode == 0, run.stdout
        self.cases = json.loads(report.read_text())["test_cases"]["generated"]
        self.by_status, self.done = Counter(), set()
        for answer, count in json.loads(answers.read_text()).items():
            operation, status = answer.rsplit(" ", 1)
            self.by_status[f"{status[0]}xx"] += count
            # The link of an invitation leads elsewhere.
            if status.startswith("2") or answer == "GET /r/{code} 302":
                self.done.add(operation)


@pytest.fixture(scope="module")
def run_as(souk, document, tmp_path_factory):
    """The run of a role; each is done once."""
    return cache(lambda role: Run(souk, document, role, tmp_path_factory.mktemp(role)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", PEOPLE)
def test_nothing_breaks_the_document(run_as, role, capsys):
    run = run_as(role)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(run.by_status.items()))
    with capsys.disabled():
        print(f"\n{role}: seed {SEED}, {run.cases} cases; answers: {counts}")
    assert run.succeeded, run.output[-30_000:]


def test_enough_was_asked(run_as, document, capsys):
    """Requests that all end at the door say nothing of what is behind it."""
    runs = [run_as(role) for role in PEOPLE]
    cases = sum(run.cases for run in runs)
    done = set().union(*(run.done for run in runs))
    operations = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    }
    with capsys.disabled():
        print(f"\n{cases} cases; {len(done)} of {len(operations)} operations came to a 2xx")
        print("never:", ", ".join(sorted(operations - done)))
    assert cases >= 10_000
    assert sum(run.by_status["2xx"] for run in runs) >= 2_000
    assert len(done) >= 0.75 * len(operations)


def test_the_books_agree_afterwards(run_as, souk):
    for role in PEOPLE:
        run_as(role)
    books = Person(souk, PEOPLE["admin"]).call("/api/ledger/reconciliation")["data"]
    assert books["differences"] == []
    assert books["sums"] and all(float(row["sum"]) == 0 for row in books["sums"])
