"""The OpenAPI document under the standard's own validator, and every example under its schema."""

import json
import os
import subprocess

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

METHODS = {"get", "post", "put", "patch", "delete"}


def printed(command):
    output = subprocess.run([os.environ["SOUK_BIN"], command], check=True, capture_output=True)
    return json.loads(output.stdout)


@pytest.fixture(scope="module")
def document():
    return printed("openapi")


@pytest.fixture(scope="module")
def asyncapi():
    return printed("asyncapi")


def errors_of(document):
    return [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]


def test_the_document_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    assert errors_of(document) == []


def test_the_validator_sees_what_is_wrong(document):
    broken = json.loads(json.dumps(document))
    del broken["paths"]["/health"]["get"]["responses"]["200"]["description"]
    assert errors_of(broken) != []


def mismatches(document, schema, example):
    whole = {**schema, "components": document["components"]}
    found = Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(example)
    return [f"{error.json_path}: {error.message}" for error in found]


def examples(document):
    """Every example beside its schema: of bodies, answers and schemas."""
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = item[method]
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for media in body.get("content", {}).values():
                    if "example" in media:
                        yield f"{method} {path}", media["schema"], media["example"]
    yield from of_schemas("", document["components"]["schemas"])


def of_schemas(path, value):
    if isinstance(value, dict):
        if "type" in value or "$ref" in value or "oneOf" in value:
            for example in value.get("examples", []):
                yield path, value, example
            if "example" in value:
                yield path, value, value["example"]
        for name, inner in value.items():
            yield from of_schemas(f"{path}.{name}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from of_schemas(f"{path}[{number}]", inner)


def test_every_example_is_valid(document):
    checked, wrong = 0, []
    for where, schema, example in examples(document):
        checked += 1
        wrong += [f"{where}: {message}" for message in mismatches(document, schema, example)]
    assert checked > 60
    assert wrong == []


def test_every_body_and_every_json_answer_has_an_example(document):
    without = []
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = item[method]
            answers = [r for status, r in operation["responses"].items() if status.startswith("2")]
            for body in [operation.get("requestBody", {}), *answers]:
                media = body.get("content", {}).get("application/json")
                if media is not None and "example" not in media:
                    without.append(f"{method} {path}")
    assert without == []


def test_every_example_of_an_event_is_valid(asyncapi):
    checked, wrong = 0, []
    for name, message in asyncapi["components"]["messages"].items():
        for example in message.get("examples", []):
            checked += 1
            found = mismatches(asyncapi, message["payload"], example["payload"])
            wrong += [f"{name}: {message}" for message in found]
    assert checked > 30
    assert wrong == []


def test_an_example_that_does_not_fit_is_seen(document):
    offer = {"$ref": "#/components/schemas/Offer"}
    example = document["paths"]["/api/marketplace/offers/{id}/accept"]["post"]["responses"]["200"]
    good = example["content"]["application/json"]["example"]["data"]
    assert mismatches(document, offer, good) == []
    assert mismatches(document, offer, {**good, "status": "maybe"}) != []
    assert mismatches(document, offer, {**good, "createdAt": 5}) != []
