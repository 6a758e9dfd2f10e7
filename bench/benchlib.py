"""Shared by the benches: where things are, running a program that answers in JSON, Megatron's token files. Standard library only."""
import json
import os
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
SOCLE = pathlib.Path(os.environ.get("SOCLE", ROOT / "build" / "socle"))
DATA = pathlib.Path(os.environ.get("SOCLE_DATA", ROOT.parent / "shared" / "data"))


def fail(message):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {message}")


def need_socle():
    if not os.access(SOCLE, os.X_OK): fail(f"{SOCLE} is not built: run make, or set SOCLE")


def need_peers():
    if subprocess.run([BENCH / "peers"]).returncode: fail("the peers are not installed (see above)")


def run(*command, what=None):
    """stdout of a program that must succeed; its stderr is shown only when it fails."""
    p = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if p.returncode:
        fail(f"{what or ' '.join(map(str, command))[:160]}: exit status {p.returncode}: {p.stderr.strip()[-600:]}")
    return p.stdout


def run_json(*command, what=None):
    """The last line of its stdout, as JSON."""
    lines = run(*command, what=what).strip().splitlines()
    try: return json.loads(lines[-1])
    except (IndexError, ValueError): fail(f"{what or command[0]} did not answer with a line of JSON")


def peer(script, *words):
    """Command line of a script that runs in the peers' Python."""
    return [BENCH / "peers", "python", BENCH / script, *words]


def write_tokens(prefix, documents):
    """Lists of ids below 65,536 as Megatron's PREFIX.bin (uint16) and PREFIX.idx."""
    lengths = [len(d) for d in documents]
    starts = [2 * sum(lengths[:i]) for i in range(len(lengths))]
    with open(f"{prefix}.bin", "wb") as f:
        for d in documents: f.write(struct.pack(f"<{len(d)}H", *d))
    with open(f"{prefix}.idx", "wb") as f:
        n = len(documents)
        f.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, n, n + 1))
        f.write(struct.pack(f"<{n}i", *lengths) + struct.pack(f"<{n}q", *starts) + struct.pack(f"<{n + 1}q", *range(n + 1)))


def read_text(path):
    """Bytes of a file, .zst and .gz unpacked."""
    path = pathlib.Path(path)
    unpack = {".zst": ["zstd", "-dcq"], ".gz": ["gzip", "-dc"]}.get(path.suffix)
    if unpack is None: return path.read_bytes()
    try: return subprocess.run([*unpack, path], check=True, capture_output=True).stdout
    except FileNotFoundError: fail(f"{path}: there is no {unpack[0]}: apt-get install {unpack[0]}")
    except subprocess.CalledProcessError as e: fail(f"{path}: {e.stderr.decode(errors='replace').strip()}")
