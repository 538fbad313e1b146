"""Strings of symbolic length, and what is asked about them."""

import logging

import claripy
import z3
from claripy import And, BVS, BVV, If, LShR, Not, Or, ULE, ULT

logging.disable(logging.ERROR)  # of angr

LONGEST = 1 << 47  # bytes, which is more than an address space has
NONE = 256  # there is no NUL: only the first 256 bytes count


class Refuted(Exception):
    """The theorem does not hold, for this input."""


class Undecided(Exception):
    """The tool stopped. Nothing is proved."""


def satisfiable(constraints):
    """By the solver for bit vectors, which is several times as fast as the one that angr keeps for a path."""
    solver = z3.SolverFor("QF_BV")
    solver.add(*map(claripy.backends.z3.convert, constraints))
    answer = solver.check()
    if answer == z3.unknown:
        raise Undecided("z3 has no answer")
    return answer == z3.sat


def number(expression):
    """The value of a constant, or `None`."""
    if isinstance(expression, int):
        return expression
    return None if expression.symbolic else expression.concrete_value


class Region:
    """Bytes at a fixed address: a function from positions to bytes of which nothing is known, and a symbolic length.

    Each position that is read has a variable of its own, and `facts` says that equal positions have equal bytes.
    """

    def __init__(self, name, start):
        self.name, self.start, self.origin = name, start, 0
        self.n = BVS(f"{name}.len", 64, explicit_name=True)
        self.known, self.nuls, self.sets, self.pairs, self.facts = {}, {}, {}, {}, []

    def __getitem__(self, at):
        at = position(at)
        if at not in self.known:
            byte = BVS(f"{self.name}.{len(self.known)}", 8, explicit_name=True)
            self.facts += (Or(at != other, byte == value) for other, value in self.known.items()
                           if at.symbolic or other.symbolic)
            self.known[at] = byte
        return self.known[at]

    def nul(self, start):
        """The position of the first NUL from `start` on, relative to it. `NONE` if it has none in 256 bytes."""
        start = position(start)
        if start not in self.nuls:
            found = BVS(f"{self.name}.nul.{len(self.nuls)}", 64, explicit_name=True)
            inside = And(ULT(found, NONE), ULT(start, self.n), ULT(found, self.n - start))
            self.facts += [Or(found == NONE, inside), *(Or(start != other, found == same) for other, same in self.nuls.items())]
            self.nuls[start] = found
        return self.nuls[start]

    def set(self, start, length):
        """The set of the `length` bytes from `start` on, a bit for each byte."""
        key = position(start), position(length)
        if key not in self.sets:
            found = BVS(f"{self.name}.set.{len(self.sets)}", 256, explicit_name=True)
            self.facts += (Or(key[0] != other[0], key[1] != other[1], found == same) for other, same in self.sets.items())
            self.sets[key] = found
        return self.sets[key]

    def contains(self, start, length, byte):
        byte = BVV(byte, 8) if isinstance(byte, int) else byte
        return LShR(self.set(start, length), byte.zero_extend(248))[0:0] == 1

    def same(self, start, other, length):
        """Whether the `length` bytes from two positions on are the same."""
        key = position(start), position(other), position(length)
        if key[0] is key[1]:
            return claripy.true()
        if key not in self.pairs:
            found = claripy.BoolS(f"{self.name}.same.{len(self.pairs)}", explicit_name=True)
            self.facts += (Or(*(a != b for a, b in zip(key, old)), found == same) for old, same in self.pairs.items())
            self.pairs[key] = found
        return self.pairs[key]

    def has(self, address, size):
        """Whether an access lies inside. No region is longer than `LONGEST`, so that the sum is one."""
        offset, size = position(address - self.start), position(size)
        return And(ULE(offset, LONGEST), ULE(size, LONGEST), ULE(position(offset + size), self.n))

    def after(self, start):
        return View(self, start, self.n - start)

    def part(self, start, length):
        return View(self, start, length)

    def shown(self, evaluate):
        length = evaluate(self.n)
        known = {evaluate(at): evaluate(byte) for at, byte in self.known.items()}
        text = [f"{known[at]:02x}" if at in known else ".." for at in range(min(length, 24))]
        far = [f"[{at}]={byte:02x}" for at, byte in sorted(known.items()) if 24 <= at < length]
        return f"{self.name} of {length} bytes: {' '.join(text + far)}"


def position(at):
    return claripy.simplify(BVV(at, 64) if isinstance(at, int) else at)


class View:
    """A region without its first bytes, or with another length, for the specification."""

    def __init__(self, region, origin, n):
        self.region, self.origin, self.n = region, origin, n

    def __getitem__(self, at):
        return self.region[at + self.origin]

    def after(self, start):
        return View(self.region, self.origin + start, self.n - start)

    def nul(self, start):
        found = self.region.nul(self.origin + start)
        return If(And(found != NONE, ULT(start + found, self.n)), found, BVV(NONE, 64))

    @property
    def start(self):
        return self.region.start + self.origin


class Pieces:
    """Bytes and parts of regions in a row. What is written is compared with it, and it can be decoded."""

    def __init__(self, *pieces):
        self.origin, self.n, self.parts = 0, BVV(0, 64), []
        for piece in pieces:
            byte = None if isinstance(piece, (Region, View)) else BVV(piece, 8) if isinstance(piece, int) else piece
            self.parts.append((self.n, BVV(1, 64) if byte is not None else piece.n, byte, piece))
            self.n = self.n + self.parts[-1][1]

    def __getitem__(self, at):
        at, found = BVV(at, 64) if isinstance(at, int) else at, BVV(0, 8)
        for start, length, byte, piece in reversed(self.parts):
            found = If(ULT(at - start, length), piece[at - start] if byte is None else byte, found)
        return found

    def are(self, written, origin):
        """Whether each write is of parts, at their positions from `origin` on, and each part has a write."""
        right, covered = [], [[length == 0] for _, length, _, _ in self.parts]
        for at, size, source, data in written:
            places = list(self.places(at - origin, size, source, data))
            places = [place for place in places if place[1].is_true()] or places
            right.append(Or(size == 0, *(condition for _, condition in places)))
            for parts, condition in places:
                for part in parts:
                    covered[part].append(condition)
        return And(*right, *(Or(*conditions) for conditions in covered))

    def places(self, at, size, source, data):
        """The parts that a write can be of, and the condition on which it is of them."""
        values = [] if data is None else data.chop(8)
        for k, (start, length, byte, piece) in enumerate(self.parts):
            here = claripy.simplify(at - start == 0)
            if data is None and byte is None:
                yield [k], claripy.simplify(And(here, size - length == 0, source - piece.start == 0))
            elif data is not None and all(part[2] is not None for part in self.parts[k:k + size]) and k + size <= len(self.parts):
                equal = (value == part[2] for value, part in zip(values, self.parts[k:]))
                yield range(k, k + size), claripy.simplify(And(here, *equal))
