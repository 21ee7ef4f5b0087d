"""Makes a libtorch folder, CPU only, from the wheels of torch and of the CUDA run time it links.

Usage: libtorch_from_wheels.py WHEELS_DIR LIBTORCH_DIR VERSION
"""

import pathlib
import sys
import zipfile

# Where each file of the folder comes from: (wheel's name starts with, path in the wheel, target).
LIBRARIES = [
    ("torch-", "torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so"),
    ("torch-", "torch/lib/libc10.so", "lib/libc10.so"),
    ("torch-", "torch/lib/libgomp.so.1", "lib/libgomp.so.1"),
    ("nvidia_cuda_runtime-", "nvidia/cu13/lib/libcudart.so.13", "lib/libcudart.so.13"),
    ("nvidia_cuda_cupti-", "nvidia/cu13/lib/libcupti.so.13", "lib/libcupti.so.13"),
]
HEADERS = "torch/include/"
# The wheel's own libtorch.so would drag in CUDA; this GNU ld script links the CPU part alone.
LIBTORCH_SO = "INPUT ( -ltorch_cpu -lc10 )\n"


def copy(wheel: zipfile.ZipFile, name: str, target: pathlib.Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with wheel.open(name) as source, target.open("wb") as out:
        while chunk := source.read(1 << 20):
            out.write(chunk)


def main() -> None:
    wheels, home, version = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    for path in wheels.glob("*.whl"):
        with zipfile.ZipFile(path) as wheel:
            for prefix, name, target in LIBRARIES:
                if path.name.startswith(prefix):
                    copy(wheel, name, home / target)
            for name in wheel.namelist():
                if name.startswith(HEADERS) and not name.endswith("/"):
                    copy(wheel, name, home / name.removeprefix("torch/"))
    (home / "lib/libtorch.so").write_text(LIBTORCH_SO)
    (home / "build-version").write_text(f"{version}+cpu\n")
    missing = [target for _, _, target in LIBRARIES if not (home / target).is_file()]
    if missing:
        sys.exit(f"setup: not found in the wheels: {', '.join(missing)}")


if __name__ == "__main__":
    main()
