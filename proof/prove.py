"""Proves the theorems about an image: `prove.py IMAGE [NAME ...]`, in two processes."""

import multiprocessing
import sys
import time

from engine import Refuted, Undecided, load
from theorems import THEOREMS

PROCESSES = 2


def attempt(job):
    image, name = job
    start = time.monotonic()
    try:
        paths = THEOREMS[name][1](load(image))
        result = "proved", f"{paths} paths" if paths else "by the specification"
    except Refuted as reason:
        result = "REFUTED", str(reason)
    except TimeoutError:
        raise
    except Undecided as reason:
        result = "UNDECIDED", str(reason)
    except Exception as reason:  # what the tool raises proves nothing
        result = "UNDECIDED", repr(reason)
    return name, *result, time.monotonic() - start


def prove(image, names):
    """The results in the order in which they are had."""
    context = multiprocessing.get_context("fork")
    with context.Pool(PROCESSES, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(attempt, [(image, name) for name in names])


def main(image, *wanted):
    names = [name for name in THEOREMS if not wanted or any(part in name for part in wanted)]
    proved = 0
    for name, result, detail, seconds in prove(image, names):
        print(f"{result:9} {seconds:6.1f} s  {name}: {detail}", flush=True)
        proved += result == "proved"
    print(f"{proved} of {len(names)} theorems proved")
    return 0 if proved == len(names) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
