"""Proves the theorems about an image: `prove.py IMAGE [NAME ...]`, in two processes."""

import multiprocessing
import sys
import time

import batch  # adds theorems
import consequences  # adds theorems
from image import load
from strings import Refuted, Undecided
from theorems import THEOREMS

PROCESSES = 2
CONTEXT = multiprocessing.get_context("fork")


def attempt(project, name):
    try:
        paths = THEOREMS[name][1](project)
        return "proved", f"{paths} paths" if paths else "by the specification"
    except Refuted as reason:
        return "REFUTED", str(reason)
    except TimeoutError:
        raise
    except Undecided as reason:
        return "UNDECIDED", str(reason)
    except Exception as reason:  # what the tool raises proves nothing
        return "UNDECIDED", repr(reason)


def timed(name):
    start = time.process_time()
    return name, *attempt(PROJECT, name), time.process_time() - start


def prove(image, names):
    """The results, each as soon as it is available."""
    global PROJECT
    PROJECT = load(image)  # once: the processes are copies
    with CONTEXT.Pool(PROCESSES, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(timed, names)


def main(image, *wanted):
    names = [name for name in THEOREMS if not wanted or any(part in name for part in wanted)]
    names.sort(key=lambda name: not name.startswith("lemma"))  # the lemmas take the longest
    proved = 0
    for name, result, detail, seconds in prove(image, names):
        print(f"{result:9} {seconds:6.1f} s  {name}: {detail}", flush=True)
        proved += result == "proved"
    print(f"{proved} of {len(names)} theorems proved")
    return 0 if proved == len(names) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
