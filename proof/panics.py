"""The functions of an image from whose code the panic handler can be reached: `panics.py IMAGE`."""

import sys

from disassembly import instructions, reachable


def main(image):
    code = instructions(image)
    own = {function for function in code if not function.startswith("_")}
    panicking = sorted(function for function in own if "panic_reached" in reachable(code, function))
    print("not linked, as these may panic:", *panicking)


if __name__ == "__main__":
    main(*sys.argv[1:])
