"""What schemathesis has to know beyond the document: SCHEMATHESIS_HOOKS names this file.

KNOWN_IMAGES and KNOWN_TASKS are ids with commas between, so that not every request is for what is not there; and
KNOWN_SOURCES are URLs, so that nobody else's servers are asked.
"""

import os

import schemathesis

PATCHES = [f"application/openstack-images-{version}-json-patch" for version in ("v2.0", "v2.1")]
schemathesis.serializer.alias(PATCHES, "application/json")


@schemathesis.deserializer("text/html")
def text(ctx, response):
    return response.content.decode()


def known(name):
    return {"enum": os.environ[f"KNOWN_{name}"].split(",")}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    components = raw_schema["components"]
    for name in ("Image", "Task"):
        parameter = components["parameters"][name]
        parameter["schema"] = {"anyOf": [known(name.upper() + "S"), parameter["schema"]]}
    order = components["schemas"]["Import"]
    aim(order)
    for store in (components["parameters"]["Store"]["schema"], order["properties"]["stores"]["items"]):
        store["enum"] = ["main"]


def aim(schema):
    """Puts known sources in the place of all URLs."""
    for key, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if isinstance(value, dict) and value.get("format") == "uri":
            schema[key] = known("SOURCES")
        elif isinstance(value, (dict, list)):
            aim(value)
