#!/usr/bin/env python3
"""What qemu-img and oslo.utils say of many disk images, in one process.

Reads a JSON object per line: {"path": ..., "formats": [names of qemu-img to open it as, "" to let it guess]}.
Writes one per line, in the same order: {"oslo": {"formats", "isSafe", "reason"}, "qemu": {name: {...} or null}}.
"""
import concurrent.futures
import json
import logging
import subprocess
import sys

from oslo_utils.imageutils import format_inspector

# A size that image services read by.
CHUNK = 65536


def ask_oslo(path):
    wrapper = None
    try:
        with open(path, "rb") as image:
            wrapper = format_inspector.InspectWrapper(image)
            while wrapper.read(CHUNK):
                pass
            wrapper.close()
        formats = sorted(wrapper.formats, key=str)
        names = [str(each) for each in formats]
        # As image services do: a bootable disc is a disc; anything else that is two things is nothing.
        if names == ["gpt", "iso"]:
            formats = formats[1:]
        if len(formats) > 1:
            return {"formats": names, "isSafe": False, "reason": "several formats"}
        try:
            formats[0].safety_check()
        except Exception as error:
            return {"formats": names, "isSafe": False, "reason": repr(error) + repr(getattr(error, "failures", ""))}
        return {"formats": names, "isSafe": True, "reason": ""}
    except Exception as error:
        return {"formats": [], "isSafe": False, "reason": repr(error)}


def ask_qemu(path, name):
    """None if it cannot be opened."""
    command = ["qemu-img", "info", "--output=json"] + (["-f", name] if name else []) + [path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    except subprocess.SubprocessError:
        return None
    info = json.loads(done.stdout)
    data = info.get("format-specific", {}).get("data", {})
    files = [extent.get("filename") for extent in data.get("extents", [])] + [data.get("data-file")]
    return {
        "format": info["format"],
        "virtualSize": info["virtual-size"],
        "otherFiles": [file for file in files + [info.get("backing-filename")] if file and file != path],
    }


def ask(line):
    case = json.loads(line)
    answers = {name: ask_qemu(case["path"], name) for name in case["formats"]}
    return json.dumps({"oslo": ask_oslo(case["path"]), "qemu": answers})


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as workers:
        for answer in workers.map(ask, sys.stdin):
            print(answer)
