#!/usr/bin/env python3
"""Validates what a service says of its images, members and tasks against the schemas that it serves itself.

    Tests/Contract/documents.py http://127.0.0.1:9292

Prints how many documents it has seen.
"""

import sys

import jsonschema
import requests

endpoint = sys.argv[1]
schemas = {}
count = 0


def get(path):
    response = requests.get(endpoint + path, timeout=60)
    response.raise_for_status()
    return response.json()


def check(path, schema):
    """The document there, which fits the schema of that name."""
    global count
    if schema not in schemas:
        # The schemas of Glance leave out what it is that has these properties.
        schemas[schema] = {"type": "object", **get(f"/v2/schemas/{schema}")}
        jsonschema.Draft202012Validator.check_schema(schemas[schema])
    document = get(path)
    jsonschema.validate(document, schemas[schema])
    count += 1
    return document


def pages(path, schema):
    while path:
        page = check(path, schema)
        yield from page[schema]
        path = page.get("next")


for hidden in ("false", "true"):
    for image in pages(f"/v2/images?visibility=all&os_hidden={hidden}&limit=50", "images"):
        check(f"/v2/images/{image['id']}", "image")
        if image["visibility"] == "shared":
            for member in check(f"/v2/images/{image['id']}/members", "members")["members"]:
                check(f"/v2/images/{image['id']}/members/{requests.utils.quote(member['member_id'], safe='')}", "member")
for task in pages("/v2/tasks?limit=50", "tasks"):
    check(f"/v2/tasks/{task['id']}", "task")
print(count)
