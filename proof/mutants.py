"""Refutes the mutants of decoding, encoding and the states: `mutants.py DIRECTORY [PART OF A NAME]`.

Each mutant that `cargo mutants` lists is built into a separate image. A theorem is tried again if the code of its function has
changed; the mutant is refuted if one of them is. Results are kept in DIRECTORY, and a mutant with a result is not tried again.
"""

import collections
import json
import os
import re
import resource
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

from disassembly import constants, instructions, reachable
from image import LEMMAS, load
from prove import attempt
from theorems import THEOREMS

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "libsocks5_sansio_proof.so"
WORKERS, SECONDS, BYTES = 2, 1200, 8 << 30
CONTEXT = get_context("fork")
TREES = CONTEXT.Queue()
# The image of each tree without a mutant: the order of its functions depends on the path.
ORIGINALS = {}
MESSAGES = "domain|endpoint|frame|gost|gssapi|hev|leaf|message|method|reply|request|runs|socks4|udp|uot|user_pass"
SCOPE = re.compile(rf"src/(client|either|gssapi|receive|server|socks4|wire/({MESSAGES}))\.rs")


def run(*command, cwd, **options):
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True, **options)


def mutants():
    listed = run("cargo", "mutants", "--list", "--json", "--package", "socks5-sansio", cwd=ROOT, check=True)
    return [mutant for mutant in json.loads(listed.stdout) if SCOPE.fullmatch(mutant["file"])]


def copy_tree(to):
    files = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT, check=True).stdout
    to.mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(["tar", "-c", "-T", "-"], cwd=ROOT, input=files.encode(), capture_output=True, check=False)
    subprocess.run(["tar", "-x", "--touch"], cwd=to, input=archive.stdout, check=True)


def build(tree):
    built = run("cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", "proof/Cargo.toml",
                cwd=tree, env={**os.environ, "CARGO_TARGET_DIR": str(tree / "target")})
    return tree / "target/release" / IMAGE if built.returncode == 0 else None


def functions(image):
    """The constants, and the code of each function with all that it calls but the lemmas, without addresses."""
    code = {lemma(name) or name: lines for name, lines in instructions(image).items()}
    text = {name: "\n".join(map(without_address, lines)) for name, lines in code.items()}
    return constants(image), {name: sorted(text.get(callee, "") for callee in reachable(code, name, lemma)) for name in code}


def lemma(name):
    return next((lemma for lemma, (pattern, _) in LEMMAS.items() if re.search(pattern, name)), None)


def without_address(instruction):
    instruction = re.sub(r" *#.*", "", instruction)
    instruction = re.sub(r"(j\w+|call) +[0-9a-f]+ <([^>]*)>", r"\1 \2", instruction)
    instruction = re.sub(r"-?0x[0-9a-f]+\(%rip\)", "(%rip)", instruction)
    return re.sub(r"17h[0-9a-f]{16}E", "", instruction)  # of generated functions


def refute(mutant):
    tree = TREES.get()
    file = tree / mutant["file"]
    text = file.read_text()
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(SECONDS)
    try:
        run("patch", "--quiet", "--force", str(file), cwd=tree, input=mutant["diff"], check=True)
        image = build(tree)
        result = judge(image, *ORIGINALS[tree]) if image else ("not viable", "")
    except Exception as error:
        result = "undecided", repr(error)
    finally:
        signal.alarm(0)
        file.write_text(text)
        TREES.put(tree)
    return mutant, *result


def out_of_time(*_):
    raise TimeoutError


def judge(image, old_constants, old_code):
    new_constants, code = functions(image)
    if (new_constants, code) == (old_constants, old_code):
        return "same code", ""
    changed = [name for name, (function, _) in THEOREMS.items() if function and code.get(function) != old_code.get(function)]
    if new_constants != old_constants:  # they include jump tables, so that any function may have changed
        changed += [name for name, (function, _) in THEOREMS.items() if function and name not in changed]
    undecided, project = [], load(str(image))
    for name in changed:
        result, detail = attempt(project, name)
        if result == "REFUTED":
            return "refuted", f"{name}: {detail}"
        if result == "UNDECIDED":
            undecided.append(f"{name}: {detail}")
    return ("undecided", "; ".join(undecided)) if undecided else ("NOT SEEN", ", ".join(changed))


def main(directory, *wanted):
    directory = Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    for worker in range(WORKERS):
        tree = directory / str(worker)
        copy_tree(tree)
        ORIGINALS[tree] = functions(build(tree))
        TREES.put(tree)

    results = directory / "results.jsonl"
    results.touch()
    with results.open("r+") as file:  # an interruption may have cut the last line
        file.truncate(file.read().rfind("\n") + 1)
    known = {(result["name"], result["diff"]) for result in read(results)}
    todo = [mutant for mutant in mutants() if (mutant["name"], mutant["diff"]) not in known
            and (not wanted or any(part in mutant["name"] for part in wanted))]
    todo.sort(key=lambda mutant: mutant["genre"] == "FnValue")
    with CONTEXT.Pool(WORKERS, maxtasksperchild=1) as pool:
        for mutant, result, detail in pool.imap_unordered(refute, todo):
            with results.open("a") as file:
                file.write(json.dumps({"name": mutant["name"], "diff": mutant["diff"], "result": result, "detail": detail}) + "\n")
            print(f"{result:11} {mutant['name']}\n            {detail[:200]}", flush=True)
    counts = collections.Counter(result["result"] for result in read(results))
    print(", ".join(f"{count} {result}" for result, count in counts.most_common()))


def read(results):
    return [json.loads(line) for line in results.read_text().splitlines()]


if __name__ == "__main__":
    main(*sys.argv[1:])
