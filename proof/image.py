"""The image, and the functions whose contract takes the place of their code."""

import re
from contextlib import contextmanager

from strings import NONE, Refuted, Undecided  # before angr, whose log it silences

import angr
from claripy import BVS, BVV, If


class Panic(angr.SimProcedure):
    NO_RET = True

    def run(self):
        raise Refuted(f"panics: {self.state.globals['run'].example(self.state.solver.constraints)}")


class Copy(angr.SimProcedure):
    """The contract of memcpy: `length` bytes of a region that is read are written to the output, without overlap."""

    def run(self, to, source, length):
        self.state.globals["run"].copies(self.state, to, source, length)
        return to


class Compare(angr.SimProcedure):
    """The contract of bcmp: 0 if the bytes are the same, and any other number if not."""

    def run(self, start, other, length):
        same = self.state.globals["run"].compares(self.state, start, other, length)
        return If(same, BVV(0, 64), BVS("different", 64) | 1)


class Nul(angr.SimProcedure):
    """What the lemma states of `leaf::nul`."""

    def run(self, start, length):
        region, offset = self.state.globals["run"].suffix(self.state, start, length)
        found = region.nul(offset)
        self.state.add_constraints(*region.facts)
        self.state.regs.rdx = found
        return If(found == NONE, BVV(0, 64), BVV(1, 64))


class Insert(angr.SimProcedure):
    """What the lemma states of `MethodSet::insert`."""

    def run(self, to, start, length):
        state = self.state
        added = state.globals["run"].set_of(state, start, length)
        for k in range(4):
            word = state.memory.load(to + 8 * k, 8, endness="Iend_LE") | added[64 * k + 63:64 * k]
            state.memory.store(to + 8 * k, word, endness="Iend_LE")


def divide(divisor):
    """The contract of the instruction: it divides rdx:rax, or edx:eax."""
    def divided(state):
        number = getattr(state.regs, divisor)
        high, low = (state.regs.rdx, state.regs.rax) if number.size() == 64 else (state.regs.edx, state.regs.eax)
        quotient, remainder = state.globals["run"].quotient(state, high, low, number)
        state.regs.rax, state.regs.rdx = quotient, remainder.zero_extend(64 - remainder.size())

    return divided


LEMMAS = {"nul": (r"4leaf3nul17h", Nul), "insert": (r"9MethodSet6insert17h", Insert)}


def load(image):
    project = angr.Project(image, auto_load_libs=False)
    project.hook_symbol("panic_reached", Panic(), replace=True)
    project.hook_symbol("memcpy", Copy(), replace=True)
    project.hook_symbol("bcmp", Compare(), replace=True)
    for name, (_, contract) in LEMMAS.items():
        for address in addresses_of(project, name):  # a mutant may have none
            project.hook(address, contract(), replace=True)
    for address, size, divisor in divisions(project):
        project.hook(address, divide(divisor), length=size)
    return project


def divisions(project):
    """The divisions by a register: address, length, and the register."""
    for function in project.loader.main_object.symbols:
        if function.is_function and function.size:
            code = project.loader.memory.load(function.rebased_addr, function.size)
            for instruction in project.arch.capstone.disasm(code, function.rebased_addr):
                if instruction.mnemonic == "div" and instruction.op_str in project.arch.registers:
                    yield instruction.address, instruction.size, instruction.op_str


@contextmanager
def without_contract(project, name):
    project.unhook(address_of(project, name))
    try:
        yield
    finally:
        project.hook(address_of(project, name), LEMMAS[name][1]())


def address_of(project, function):
    """The address of a function of the harness, or of one that has a lemma."""
    found = addresses_of(project, function)
    if len(found) != 1:
        raise Undecided(f"the image has {len(found)} functions {function}")
    return found.pop()


def addresses_of(project, function):
    pattern = LEMMAS[function][0] if function in LEMMAS else f"^{function}$"
    return {symbol.rebased_addr for symbol in project.loader.main_object.symbols if re.search(pattern, symbol.name)}
