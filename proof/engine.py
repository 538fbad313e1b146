"""Runs a function of the image on symbolic arguments, and compares what it wrote with the specification.

Every address is checked before it is used, and the paths are checked to cover all inputs. A question that the tool cannot answer is
`Undecided`, never a proof.
"""

from strings import LONGEST, Refuted, Undecided, number, satisfiable  # before angr, whose log it silences

import angr
import claripy
from angr.concretization_strategies import SimConcretizationStrategy
from claripy import And, BVS, BVV, Concat, If, Not, Or, ULE, ULT

from image import address_of

WORDS, VALUE, SCRATCH = 0x1000_0000, 0x1100_0000, 0x1200_0000
INPUT, FIRST, SECOND, OUT = (k << 48 for k in range(1, 5))
RETURN = 0xDEAD_0000
STACK, STACK_SIZE = 0x7FFF_FFFE_0008, 0x1_0000
LOCAL = STACK - 0x8000
WORDS_SIZE = 16 * 8
LARGEST_QUOTIENT = 3


class AllAddresses(SimConcretizationStrategy):
    """A symbolic address stands for all of its values; if they are many, the tool stops."""

    def _concretize(self, memory, addr, **kwargs):
        addresses = memory.state.solver.eval_upto(addr, 65)
        return addresses if len(addresses) < 65 else None

    def copy(self):
        return self


class Path:
    """What is left of a state at the end of a function; the state itself would take megabytes."""

    def __init__(self, state):
        load = lambda start, length: [word.reversed for word in state.memory.load(start, length, inspect=False).chop(64)]
        self.constraints = state.solver.constraints
        self.words, self.local = load(WORDS, WORDS_SIZE), load(LOCAL, 4 * 8)
        self.written, self.returned = state.globals["written"], (state.regs.rax, state.regs.rdx)


class Run:
    """All paths of one function."""

    def __init__(self, project, function, arguments, regions, out=None, assume=(), value=(), local=(), decide=True):
        self.project, self.regions, self.out = project, regions, out
        lengths = [ULE(region.n, LONGEST) for region in [*regions, *([out] if out else [])]]
        self.assume = [*assume, *lengths]
        self.decide, self.open = decide, set()
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
        if self.decide:
            state.inspect.b("expr", when=angr.BP_AFTER, action=self.decides)
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
        if size == 0:
            return
        if size is not None and not any(self.always(state, region.has(source, length)) for region in self.regions):
            data = state.memory.load(source, size)
            state.memory.store(to, data)
            return
        readable = Or(*(region.has(source, length) for region in self.regions))
        self.demand(state, Or(length == 0, readable), "copies from outside of its input")
        self.demand(state, Or(length == 0, self.out.has(to, length)), "copies to outside of its output")
        state.globals["written"] += ((to - OUT, length, source, None),)

    def compares(self, state, start, other, length):
        for region in self.regions:
            if self.always(state, Or(length == 0, And(region.has(start, length), region.has(other, length)))):
                found = region.same(start - region.start, other - region.start, length)
                state.add_constraints(*region.facts)
                return found
        raise Undecided("compares with what is not of the same input")

    def quotient(self, state, high, low, divisor):
        """The quotient, which must be one number on the whole path, and the remainder: z3 has no answer if both operands are unknown."""
        fits, remainder = [high == 0], low
        for quotient in range(LARGEST_QUOTIENT + 1):
            if self.always(state, And(*fits, ULT(remainder, divisor))):
                return quotient, remainder
            fits, remainder = [*fits, ULE(divisor, remainder)], remainder - divisor
        raise Undecided("a quotient that is not one small number")

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

    def decides(self, state):
        """A choice that the path has made already is no choice, so that lengths stay sums. In `open` are those that it has not made."""
        result = state.inspect.expr_result
        if isinstance(result, claripy.ast.Base) and result.op == "If":
            condition, then, otherwise = result.args
            seen = condition.hash(), len(state.solver.constraints)
            if seen in self.open:
                return
            if self.always(state, condition):
                state.inspect.expr_result = then
            elif self.always(state, Not(condition)):
                state.inspect.expr_result = otherwise
            else:
                self.open.add(seen)

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
        claim = claripy.simplify(claim)
        return claim.is_true() or not claim.is_false() and not satisfiable([*state.solver.constraints, Not(claim)])

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

    def claim(words, written):
        nothing = BVV(len(written), 8) == 0
        done = And(words[0] == 0, words[1] == (start if at_the_end else total), pieces.are(written, start))
        failed = And(words[0] == 1, words[1] == total, nothing)
        rejected = And(nothing, *(word == 0 for word in words))
        return If(valid, If(ULE(total, room), done, failed), rejected)

    return claim
