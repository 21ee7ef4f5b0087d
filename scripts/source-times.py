#!/usr/bin/env python3
"""Gives source files the modification times that Cargo needs to tell what changed, whichever clone builds.

Cargo compiles a crate again where a source file is newer than what was compiled from it. In a fresh clone
every file is new, so that all of our crates would compile again; and where two clones take turns in one
target folder, an older file with another content would pass for compiled. So builds by `make` keep, in the
target folder, which content each file had:

    scripts/source-times.py restore   before a build. Where the clone of the last build builds again, nothing is
                                      changed. In another clone a file with the content of the last build gets the
                                      time that it had then, every other one the time of now; directories alike,
                                      by the names in them.
    scripts/source-times.py record    after a build that succeeded: keeps what `restore` saw.

Where something of a package was compiled since then by Cargo alone, nobody knows from which content: all
files of that package get the time of now. CARGO_TARGET_DIR names the target folder.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ["CARGO_TARGET_DIR"])
LAST = TARGET / "source-times.json"
PENDING = TARGET / "source-times.pending.json"


def files():
    """Tracked files and new ones that git does not ignore, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()
    return sorted({name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def contents(names):
    """What each file holds, and which names each directory holds, as hashes."""
    held = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names}
    children = {}
    for name in names:
        path = Path(name)
        for parent in path.parents:
            children.setdefault(str(parent), set()).add(path.name)
            path = parent
    for folder, inside in children.items():
        held[folder + "/"] = hashlib.sha256("\0".join(sorted(inside)).encode()).hexdigest()
    return held


def package_of(name, packages):
    """The folder of the package that a file or folder belongs to, or "" outside every package."""
    path = Path(name)
    for folder in ([path] if name.endswith("/") else []) + list(path.parents):
        if str(folder) in packages:
            return str(folder)
    return ""


def packages(names):
    """The folders that hold a Cargo.toml, by folder; the value is the package's name."""
    found = {}
    for name in names:
        path = Path(name)
        if path.name == "Cargo.toml" and path.parent != Path("."):
            for line in (ROOT / name).read_text().splitlines():
                if line.startswith("name = "):
                    found[str(path.parent)] = line.split('"')[1]
                    break
    return found


def compiled_since(moment, own):
    """Names of our packages of which something was compiled after this moment."""
    since = set()
    for profile in TARGET.glob("*/.fingerprint"):
        for unit in profile.iterdir():
            name = unit.name.rsplit("-", 1)[0]
            if name in own and name not in since:
                if any(entry.stat().st_mtime > moment for entry in unit.iterdir()):
                    since.add(name)
    return since


def restore():
    names = files()
    held = contents(names)
    last = json.loads(LAST.read_text()) if LAST.is_file() else {"clone": "", "finished": 0, "sources": {}}
    if last["clone"] != str(ROOT):
        set_times(held, packages(names), last)
    sources = {name: [content, (ROOT / name).stat().st_mtime] for name, content in held.items()}
    TARGET.mkdir(parents=True, exist_ok=True)
    PENDING.write_text(json.dumps({"clone": str(ROOT), "sources": sources}))


def set_times(held, folders, last):
    doubtful = compiled_since(last["finished"], set(folders.values()))
    now = time.time()
    kept = 0
    for name, content in held.items():
        known = last["sources"].get(name)
        package = folders.get(package_of(name, folders), "")
        sure = package not in doubtful if package else not doubtful
        same = bool(known) and known[0] == content and sure
        moment = known[1] if same else now
        kept += same
        os.utime(ROOT / name, (moment, moment))
    print(f"source times: {kept} of {len(held)} files and folders are as {last['clone'] or 'no clone'} last built them")


def record():
    pending = json.loads(PENDING.read_text())
    new = LAST.with_suffix(".new")
    new.write_text(json.dumps({"finished": time.time(), **pending}))
    new.replace(LAST)


if __name__ == "__main__":
    commands = {"restore": restore, "record": record}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit("usage: scripts/source-times.py restore|record")
    commands[sys.argv[1]]()
