#!/usr/bin/env python3
"""Drives openstacksdk: every method of its image proxy, and asserts what comes of it.

    Tests/Clients/sdk.py http://127.0.0.1:9292 http://127.0.0.1:8000/image.raw

The second URL is that of a raw image for the service to fetch. Needs a service without identity, with nothing in it and
one store called main. Prints how many methods it has called.
"""

import hashlib
import io
import os
import sys
import tempfile
import urllib.request

import openstack
from openstack import exceptions
from openstack.image.v2._proxy import Proxy

endpoint, source = sys.argv[1:]
cloud = openstack.connection.Connection(auth_type="none", auth={"endpoint": endpoint}, image_endpoint_override=endpoint)
called = set()


class Recorder:
    """The proxy, and a list of what was called."""

    def __getattr__(self, name):
        called.add(name)
        return getattr(cloud.image, name)


image_api = Recorder()
served = urllib.request.urlopen(source).read()
data = os.urandom(1 << 20)
folder = tempfile.mkdtemp()


def path_of(name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def refused(status, call, *arguments, **named):
    """The call fails with just this status."""
    try:
        answer = call(*arguments, **named)
        if hasattr(answer, "__next__"):
            list(answer)
    except exceptions.HttpException as error:
        assert error.status_code == status, f"{call.__name__}: {error.status_code} {error}"
        return
    raise AssertionError(f"{call.__name__} was not refused")


def active(image):
    return image_api.wait_for_status(image_api.get_image(image), status="active", failures=["killed"], interval=0.2)


def names(**query):
    return sorted(image.name for image in image_api.images(**query))


formats = {"disk_format": "raw", "container_format": "bare"}

# What there is.
assert [store.id for store in image_api.stores()] == ["main"]
assert "data_dir" in next(image_api.stores(details=True)).properties
assert "web-download" in image_api.get_import_info().import_methods["value"]
for kind in ("image", "images", "member", "members", "task", "tasks"):
    assert getattr(image_api, f"get_{kind}_schema")().properties, kind

# Data in every way.
uploaded = image_api.create_image("uploaded", filename=path_of("uploaded", data), validate_checksum=True, **formats)
assert image_api.get_image(uploaded).status == "active"
staged = image_api.create_image("staged", filename=path_of("staged", data), use_import=True, **formats)
staged = active(staged)
direct = image_api.create_image("direct", allow_duplicates=True, **formats)
image_api.upload_image(name="direct 2", data=data, **formats)
image_api.stage_image(direct, data=io.BytesIO(data))
assert image_api.get_image(direct).status == "uploading"
image_api.import_image(direct)
direct = active(direct)
web = image_api.create_image("web", **formats)
image_api.import_image(web, method="web-download", uri=source, stores=["main"], all_stores_must_succeed=True)
web = active(web)
for image, wanted in ((uploaded, data), (staged, data), (direct, data), (web, served)):
    assert image_api.download_image(image).content == wanted, image.name
    target = os.path.join(folder, "saved")
    image_api.download_image(image, output=target, chunk_size=1000)
    assert open(target, "rb").read() == wanted, image.name
    assert b"".join(image_api.download_image(image, stream=True).iter_content(65536)) == wanted, image.name
    assert image_api.get_image(image).hash_value == hashlib.sha512(wanted).hexdigest()

# Looking for them, and changing them.
assert names() == ["direct", "direct 2", "staged", "uploaded", "web"], names()
assert names(name="web") == ["web"] and names(status="queued") == []
assert [image.name for image in image_api.images(sort="name:asc", limit=2)][0] == "direct"
assert image_api.find_image("web").id == web.id == image_api.find_image(web.id).id
assert image_api.find_image("nothing") is None
web = image_api.update_image(web, name="net", min_disk=3, os_distro="debian")
assert (web.name, web.min_disk, web.os_distro) == ("net", 3, "debian")
image_api.update_image_properties(web, os_version="13")
assert image_api.get_image(web).os_version == "13"
image_api.add_tag(web, "a b ü")
assert image_api.get_image(web).tags == ["a b ü"] and names(tag="a b ü") == ["net"]
image_api.remove_tag(web, "a b ü")
assert image_api.get_image(web).tags == []
image_api.deactivate_image(web)
assert image_api.get_image(web).status == "deactivated"
image_api.reactivate_image(web)
assert image_api.get_image(web).status == "active"

refused(403, image_api.delete_image, web, store="main", ignore_missing=False)

# Sharing.
member = image_api.add_member(web, member_id="friend")
assert member.status == "pending"
assert image_api.update_member(member, web, status="accepted").status == "accepted"
assert image_api.get_member("friend", web).status == "accepted"
assert image_api.find_member("friend", web).member_id == "friend"
assert [member.member_id for member in image_api.members(web)] == ["friend"]
image_api.remove_member("friend", web)
assert image_api.find_member("friend", web) is None and list(image_api.members(web)) == []

# Tasks: imports only, which nobody can create but by an import.
assert {task.status for task in image_api.image_tasks(web)} == {"success"}
tasks = list(image_api.tasks())
assert len(tasks) == 3, tasks
assert image_api.get_task(tasks[0]).status == "success"
assert image_api.wait_for_task(tasks[0]).status == "success"

# What is not served is refused for what it is.
absent = [
    (image_api.create_task, [], {"type": "import", "input": {}}),
    (image_api.get_image_cache, [], {}),
    (image_api.queue_image, [web.id], {}),
    (image_api.cache_delete_image, [web.id], {"ignore_missing": False}),
    (image_api.clear_cache, ["both"], {}),
    (image_api.clean_cache, [], {}),
    (image_api.prune_cache, [], {}),
    (image_api.cached_image_nodes, [web.id], {}),
    (image_api.image_locations, [web], {}),
    (image_api.add_image_location, [web, "http://127.0.0.1/x"], {}),
    (image_api.metadef_namespaces, [], {}),
    (image_api.metadef_resource_types, [], {}),
]
for call, arguments, named in absent:
    refused(405 if call.__name__ == "create_task" else 404, call, *arguments, **named)

# Away with them.
image_api.update_image(web, is_protected=True)
refused(403, image_api.delete_image, web)
image_api.update_image(web, is_protected=False)
for image in image_api.images():
    image_api.delete_image(image, ignore_missing=False)
    image_api.wait_for_delete(image, interval=1)
assert names() == []

methods = {name for name in vars(Proxy) if not name.startswith("_") and callable(getattr(Proxy, name))}
# Definitions of metadata are not served; each of them is asked in the same way as the two above.
left = {name for name in methods - called if "metadef" not in name}
assert not left, f"not called: {sorted(left)}"
print(len(called))
