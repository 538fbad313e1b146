"""The code of an image, function by function."""

import collections
import re
import subprocess


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def aliases(image):
    """The names of each address: equal functions are merged."""
    names = collections.defaultdict(set)
    for line in tool("nm", image).splitlines():
        if symbol := re.fullmatch(r"([0-9a-f]+) [Tt] (.*)", line):
            names[symbol[1]].add(symbol[2])
    return names


def instructions(image):
    """For each name, the text of its instructions."""
    names, code, current = aliases(image), {}, []
    for line in tool("objdump", "--disassemble", "--no-show-raw-insn", image).splitlines():
        if start := re.match(r"([0-9a-f]+) <(.*)>:", line):
            current = []
            code |= {name: current for name in names[start[1]] | {start[2]}}
        elif instruction := re.match(r" *[0-9a-f]+:\t(.*)", line):
            current.append(instruction[1])
    return code


def callees(lines):
    return {name for line in lines for name in re.findall(r"<([^>+]+)[+>]", line)}


def reachable(code, function, without=lambda name: False):
    """The function, and all that its code names."""
    found, todo = {function}, [function]
    while todo:
        for callee in callees(code.get(todo.pop(), ())) - found:
            if without(callee):
                continue
            found.add(callee)
            todo.append(callee)
    return found


def constants(image):
    dump = tool("objdump", "--full-contents", "--section", ".rodata", "--section", ".data.rel.ro", image).splitlines()
    return [re.sub(r"^ *\S+ ", "", line) for line in dump[4:]]
