"""Loaded by schemathesis: stricter than the document in one place, and with names that are there.

SOUK_API_KNOWN names a file with what the caller knows; the statuses of all answers go to
SOUK_API_ANSWERS.
"""

import atexit
import json
import os
from collections import Counter

import schemathesis

from world import kind_of

with open(os.environ["SOUK_API_KNOWN"], encoding="utf-8") as file:
    KNOWN = json.load(file)

answers = Counter()


def refer(value, schemas):
    while "$ref" in value:
        value = {**schemas[value["$ref"].rsplit("/", 1)[1]], **value}
        value.pop("$ref")
    return value


def with_names(path, value, turn):
    """An example with what is there in place of made-up ids."""
    if isinstance(value, list):
        return [with_names(path, item, turn) for item in value]
    if not isinstance(value, dict):
        return value
    named = {}
    for name, inner in value.items():
        things = KNOWN.get(kind_of(path, name))
        if not things or name == "id":
            named[name] = with_names(path, inner, turn)
        else:
            thing = things[turn % len(things)]
            named[name] = [thing] if isinstance(inner, list) else thing
    return named


@schemathesis.hook
def before_load_schema(context, raw_schema):
    schemas = raw_schema["components"]["schemas"]
    turn = 0
    for path, item in raw_schema["paths"].items():
        for operation in item.values():
            turn += 1
            # What only `default` covers is not documented.
            operation["responses"].pop("default", None)
            for parameter in operation.get("parameters", []):
                things = KNOWN.get(kind_of(path, parameter["name"]))
                if things and parameter["in"] == "path":
                    schema = refer(parameter["schema"], schemas)
                    parameter["schema"] = {**schema, "examples": [things[turn % len(things)]]}
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if "example" in media:
                    media["example"] = with_names(path, media["example"], turn)


@schemathesis.hook
def after_call(context, case, response):
    method = case.operation.method.upper()
    # Other methods are tried too.
    if response.request.method == method:
        answers[f"{method} {case.operation.path} {response.status_code}"] += 1


@atexit.register
def write():
    with open(os.environ["SOUK_API_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(answers, file)
