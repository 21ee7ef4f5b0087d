#!/usr/bin/env python3
"""Runs a build for which a source file has changed where its content has, whichever clone builds.

    scripts/source-times.py cargo build --release ...

Cargo compiles a crate again where a source file is newer than what was compiled from it. In a fresh clone
every file is new, so that all of our crates would compile again; and where two clones take turns in one
target folder, an older file with another content would pass for compiled. So the target folder
(CARGO_TARGET_DIR) keeps for every file which content it had when last built, and its modification time then.
Before the build, a file with that content gets that time; every other file, and every file of a package of
which something was compiled without this script since, gets the time of now. Directories alike, by the names
in them: build scripts watch them.

The invariant: what was compiled after a file's recorded time was compiled from its recorded content. So the
record is right from the moment the times are set, whether the build succeeds or not; a build that is killed
leaves an old "finished" behind, and what it compiled is compiled again. One such build at a time.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or sys.exit("CARGO_TARGET_DIR is not set: use a recipe of the Makefile"))
RECORD = TARGET / "source-times.json"


def files():
    """Returns tracked files and new ones that git does not ignore, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()
    return sorted({name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def contents(names):
    """Returns a hash of what each file holds, and of the names that each directory holds ("crates/x/")."""
    held = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names}
    children = {}
    for name in names:
        path = Path(name)
        for parent in path.parents:
            children.setdefault(f"{parent}/", set()).add(path.name)
            path = parent
    for folder, inside in children.items():
        held[folder] = hashlib.sha256("\0".join(sorted(inside)).encode()).hexdigest()
    return held


def packages(names):
    """Returns the name of each package by its folder."""
    found = {}
    for name in names:
        path = Path(name)
        if path.name == "Cargo.toml" and path.parent != Path("."):
            lines = (ROOT / name).read_text().splitlines()
            found[str(path.parent)] = next(line.split('"')[1] for line in lines if line.startswith("name = "))
    return found


def package_of(name, folders):
    """Returns the package of a file or directory, or None outside every package."""
    path = Path(name)
    own = [path] if name.endswith("/") else []
    return next((folders[str(folder)] for folder in own + list(path.parents) if str(folder) in folders), None)


def compiled_since(moment, own):
    """Returns our packages of which something was compiled after this moment."""
    since = set()
    for fingerprints in TARGET.glob("*/.fingerprint"):
        for unit in fingerprints.iterdir():
            name = unit.name.rsplit("-", 1)[0]
            if name in own and name not in since and any(entry.stat().st_mtime > moment for entry in unit.iterdir()):
                since.add(name)
    return since


def set_times(record):
    """Gives every file and directory its time; returns the sources with content and time."""
    names = files()
    held = contents(names)
    folders = packages(names)
    doubtful = compiled_since(record["finished"], set(folders.values()))
    now = time.time()
    sources = {}
    for name, content in held.items():
        known = record["sources"].get(name)
        package = package_of(name, folders)
        doubt = package in doubtful if package else bool(doubtful)
        moment = known[1] if known and known[0] == content and not doubt else now
        sources[name] = [content, moment]
        os.utime(ROOT / name, (moment, moment))
    return sources


def keep(record):
    new = RECORD.with_suffix(".new")
    new.write_text(json.dumps(record))
    new.replace(RECORD)


def main(command):
    TARGET.mkdir(parents=True, exist_ok=True)
    with open(TARGET / "source-times.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = {"finished": 0, "sources": {}}
        if RECORD.is_file():
            record = json.loads(RECORD.read_text())
        record["sources"] = set_times(record)
        keep(record)
        status = subprocess.run(command).returncode
        record["finished"] = time.time()
        keep(record)
    return status


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: scripts/source-times.py COMMAND ARGUMENT...")
    sys.exit(main(sys.argv[1:]))
