"""Runs a function of the image on symbolic arguments, and compares what it wrote with the specification.

Every address is checked before it is used, and the paths are checked to cover all inputs. A question that the tool cannot answer is
`Undecided`, never a proof.
"""

import logging
import re
from contextlib import contextmanager

logging.disable(logging.ERROR)

import angr
import claripy
from angr.concretization_strategies import SimConcretizationStrategy
import z3
from claripy import And, BVS, BVV, Concat, If, LShR, Not, Or, ULE, ULT

WORDS, VALUE, SCRATCH = 0x1000_0000, 0x1100_0000, 0x1200_0000
INPUT, FIRST, SECOND, OUT = (k << 48 for k in range(1, 5))
LONGEST = 1 << 47  # bytes, which is more than an address space has
RETURN = 0xDEAD_0000
STACK, STACK_SIZE = 0x7FFF_FFFE_0008, 0x1_0000
LOCAL = STACK - 0x8000
WORDS_SIZE = 16 * 8
NONE = 256  # where there is no NUL: only the first 256 bytes count


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
        self.known, self.nuls, self.sets, self.facts = {}, {}, {}, []

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

    def has(self, address, size):
        """Whether an access lies inside."""
        offset = address - self.start
        return And(ULE(offset, self.n), ULE(size, self.n - offset))

    def after(self, start):
        return View(self, start, self.n - start)

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


class AllAddresses(SimConcretizationStrategy):
    """A symbolic address stands for all of its values; if they are many, the tool stops."""

    def _concretize(self, memory, addr, **kwargs):
        addresses = memory.state.solver.eval_upto(addr, 65)
        return addresses if len(addresses) < 65 else None

    def copy(self):
        return self


class Panic(angr.SimProcedure):
    NO_RET = True

    def run(self):
        raise Refuted(f"panics: {self.state.globals['run'].example(self.state.solver.constraints)}")


class Copy(angr.SimProcedure):
    """The contract of memcpy: `length` bytes of a region that is read are written to the output, without overlap."""

    def run(self, to, source, length):
        self.state.globals["run"].copies(self.state, to, source, length)
        return to


class Nul(angr.SimProcedure):
    """What is proved of `leaf::nul`."""

    def run(self, start, length):
        region, offset = self.state.globals["run"].suffix(self.state, start, length)
        found = region.nul(offset)
        self.state.add_constraints(*region.facts)
        self.state.regs.rdx = found
        return If(found == NONE, BVV(0, 64), BVV(1, 64))


class Insert(angr.SimProcedure):
    """What is proved of `MethodSet::insert`."""

    def run(self, to, start, length):
        state = self.state
        added = state.globals["run"].set_of(state, start, length)
        for k in range(4):
            word = state.memory.load(to + 8 * k, 8, endness="Iend_LE") | added[64 * k + 63:64 * k]
            state.memory.store(to + 8 * k, word, endness="Iend_LE")


LEMMAS = {"nul": (r"4leaf3nul17h", Nul), "insert": (r"9MethodSet6insert17h", Insert)}


def load(image):
    project = angr.Project(image, auto_load_libs=False)
    project.hook_symbol("panic_reached", Panic(), replace=True)
    project.hook_symbol("memcpy", Copy(), replace=True)
    for name, (_, contract) in LEMMAS.items():
        project.hook(address_of(project, name), contract(), replace=True)
    return project


@contextmanager
def without_contract(project, name):
    project.unhook(address_of(project, name))
    try:
        yield
    finally:
        project.hook(address_of(project, name), LEMMAS[name][1]())


def address_of(project, function):
    """Of a function of the harness, or of one for which there is a lemma."""
    pattern = LEMMAS[function][0] if function in LEMMAS else f"^{function}$"
    found = {symbol.rebased_addr for symbol in project.loader.main_object.symbols if re.search(pattern, symbol.name)}
    if len(found) != 1:
        raise Undecided(f"the image has {len(found)} functions {function}")
    return found.pop()


class Path:
    """What is left of a state at the end of a function; the state itself would take megabytes."""

    def __init__(self, state):
        load = lambda start, length: [word.reversed for word in state.memory.load(start, length, inspect=False).chop(64)]
        self.constraints = state.solver.constraints
        self.words, self.local = load(WORDS, WORDS_SIZE), load(LOCAL, 4 * 8)
        self.written, self.returned = state.globals["written"], (state.regs.rax, state.regs.rdx)


class Run:
    """All paths of one function."""

    def __init__(self, project, function, arguments, regions, out=None, assume=(), value=(), local=()):
        self.project, self.regions, self.out = project, regions, out
        lengths = [ULE(region.n, LONGEST) for region in [*regions, *([out] if out else [])]]
        self.assume = [*assume, *lengths]
        self.value_size = 8 * len(value)
        self.paths = self.explore(self.start(function, arguments, value, local))
        self.check_that_every_input_has_a_path()

    def start(self, function, arguments, value, local):
        options = {angr.options.SYMBOL_FILL_UNCONSTRAINED_MEMORY, angr.options.SYMBOL_FILL_UNCONSTRAINED_REGISTERS}
        state = self.project.factory.call_state(
            address_of(self.project, function), *arguments, ret_addr=RETURN, stack_base=STACK, add_options=options)
        state.memory.read_strategies, state.memory.write_strategies = [AllAddresses()], [AllAddresses()]
        state.memory.store(WORDS, BVV(0, 8 * WORDS_SIZE), inspect=False)
        for start, content in [(VALUE, value), (LOCAL, local)]:
            for k, word in enumerate(content):
                state.memory.store(start + 8 * k, word, endness="Iend_LE", inspect=False)
        state.add_constraints(*self.assume)
        state.globals["run"], state.globals["written"] = self, ()
        state.inspect.b("mem_read", when=angr.BP_BEFORE, action=self.reads)
        state.inspect.b("mem_write", when=angr.BP_BEFORE, action=self.writes)
        self.stack_top = number(state.regs.rsp) + 8
        return state

    def explore(self, state):
        manager, paths = self.project.factory.simgr(state, save_unconstrained=True), []
        while manager.active:
            manager.step()
            for failed in manager.errored:
                known = isinstance(failed.error, (Refuted, Undecided))
                raise failed.error if known else Undecided(repr(failed.error))
            if manager.unconstrained or manager.deadended:
                raise Undecided("a path leaves the function")
            manager.move("active", "returned", lambda state: state.addr == RETURN)
            paths += map(Path, manager.returned)
            manager.drop(stash="returned")
        return paths

    def check_that_every_input_has_a_path(self):
        no_path = Not(Or(*(And(*path.constraints) for path in self.paths)))
        if satisfiable([*self.assume, *self.facts(), no_path]):
            raise Undecided("an input has no path")

    def facts(self):
        return [fact for region in self.regions for fact in region.facts]

    # memory

    def reads(self, state):
        address, size = state.inspect.mem_read_address, number(state.inspect.mem_read_length)
        if self.is_own(address, size, (VALUE, self.value_size), (self.image_start(), self.image_size())):
            return
        if number(address) is None and self.always(state, self.inside(address, size, *self.stack())):
            return
        for region in self.regions:
            if self.always(state, region.has(address, size)):
                data = [region[address - region.start + k] for k in range(size)]
                state.add_constraints(*region.facts)
                little = state.inspect.mem_read_endness == "Iend_LE"
                state.inspect.mem_read_expr = Concat(*(reversed(data) if little else data))
                return
        self.demand(state, self.inside(address, size, self.image_start(), self.image_size()), "reads outside of its input")

    def writes(self, state):
        address, data = state.inspect.mem_write_address, state.inspect.mem_write_expr
        size = data.size() // 8
        if self.is_own(address, size, (WORDS, WORDS_SIZE)):
            return
        if self.out and self.always(state, self.out.has(address, size)):
            if state.inspect.mem_write_condition is not None:
                raise Undecided("a conditional write")
            little = state.inspect.mem_write_endness == "Iend_LE"
            state.globals["written"] += ((address - OUT, size, None, data.reversed if little else data),)
            state.inspect.mem_write_address = BVV(SCRATCH, 64)  # the output is never read
            return
        self.demand(state, self.inside(address, size, *self.stack()), "writes outside of its output")

    def copies(self, state, to, source, length):
        size = number(length)
        if size is not None and not any(self.always(state, region.has(source, length)) for region in self.regions):
            data = state.memory.load(source, size)
            state.memory.store(to, data)
            return
        readable = Or(*(region.has(source, length) for region in self.regions))
        self.demand(state, Or(length == 0, readable), "copies from outside of its input")
        self.demand(state, Or(length == 0, self.out.has(to, length)), "copies to outside of its output")
        state.globals["written"] += ((to - OUT, length, source, None),)

    def suffix(self, state, start, length):
        """The region that ends after `length` bytes from an address, and the offset in it."""
        for region in self.regions:
            if self.always(state, And(ULE(start - region.start, region.n), length == region.n - (start - region.start))):
                return region, start - region.start
        raise Undecided("not the end of an input")

    def set_of(self, state, start, length):
        for region in self.regions:
            if self.always(state, region.has(start, length)):
                found = region.set(start - region.start, length)
                state.add_constraints(*region.facts)
                return found
        data = state.memory.load(start, number(length)).chop(8)  # a constant of the harness
        return BVV(sum(1 << byte for byte in {number(byte) for byte in data}), 256)

    def is_own(self, address, size, *areas):
        at = number(address)
        return at is not None and any(start <= at and at + size <= start + length for start, length in [self.stack(), *areas])

    def stack(self):
        return self.stack_top - STACK_SIZE, STACK_SIZE

    def image_start(self):
        return self.project.loader.main_object.min_addr

    def image_size(self):
        return self.project.loader.main_object.max_addr - self.image_start() + 1

    @staticmethod
    def inside(address, size, start, length):
        return ULE(address - start, length - size)

    def always(self, state, claim):
        return not state.solver.satisfiable(extra_constraints=[Not(claim)])

    def demand(self, state, claim, fault):
        if not self.always(state, claim):
            raise Refuted(f"{fault} at {state.addr:#x}: {self.example([*state.solver.constraints, Not(claim)])}")

    # results

    def require(self, claim):
        """`claim` is a function from the words that a path wrote, and what it wrote to the output, to a condition."""
        self.require_of_paths(lambda path: claim(path.words, path.written))

    def require_of_paths(self, claim):
        for path in self.paths:
            fault = [*path.constraints, Not(claim(path)), *self.facts()]
            if satisfiable(fault):
                raise Refuted(self.example(fault))

    def example(self, constraints):
        solver = claripy.Solver()
        solver.add(constraints)
        everything = [region.n for region in self.regions]
        variables = claripy.Concat(*everything, *(byte for region in self.regions for pair in region.known.items() for byte in pair))
        # one model for all variables
        solver.add(variables == solver.eval(variables, 1)[0])
        evaluate = lambda expression: solver.eval(expression, 1)[0]
        text = [region.shown(evaluate) for region in self.regions]
        return "; ".join(text)


def equal(want):
    """Exactly these words, and nothing else is written."""
    return lambda words, written: And(BVV(len(written), 8) == 0, *(a == b for a, b in zip(words, want)))


def encodes(pieces, valid, room, at_the_end=False):
    """All of `pieces` is written and nothing else, or too little room is reported with the length needed."""
    total = pieces.n
    start = room - total if at_the_end else BVV(0, 64)
    position = BVS("position", 64)

    def claim(words, written):
        is_right = [pieces.has(at - start, size, source, data) for at, size, source, data in written]
        is_whole = Or(ULE(total, position), *(ULT(position - (at - start), size) for at, size, _, _ in written))
        nothing = BVV(len(written), 8) == 0
        done = And(words[0] == 0, words[1] == (start if at_the_end else total), *is_right, is_whole)
        failed = And(words[0] == 1, words[1] == total, nothing)
        rejected = And(nothing, *(word == 0 for word in words))
        return If(valid, If(ULE(total, room), done, failed), rejected)

    return claim


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

    def has(self, at, size, source, data):
        if source is None:
            inside = And(ULE(at, self.n), ULE(size, self.n - at))
            return And(inside, *(self[at + k] == byte for k, byte in enumerate(data.chop(8))))
        copies = [(start, length, piece.start) for start, length, byte, piece in self.parts if byte is None]
        return Or(size == 0, *(And(at == start, size == length, source == piece) for start, length, piece in copies))
