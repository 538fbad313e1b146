//! Calls `run` after reset, and reports its result to the debugger (Arm semihosting).

use core::arch::{asm, global_asm};
use core::ffi::{CStr, c_void};

global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_top, reset, {fault}, {fault}",
    ".text",
    ".globl reset",
    ".thumb_func",
    "reset:",
    // Coprocessors 10 and 11, the FPU, are off after reset. The compiler may use its registers anywhere.
    "ldr r0, =0xE000ED88",
    "ldr r1, [r0]",
    "orr r1, r1, #0x00F00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "bl {start}",
    fault = sym fault,
    start = sym start,
);

unsafe extern "C" {
    safe fn run() -> u32;
}

extern "C" fn start() -> ! {
    let status = run();
    print(if status == 0 { c"passed\n" } else { c"failed\n" });
    exit(status)
}

extern "C" fn fault() -> ! {
    exit(102)
}

pub(crate) fn exit(status: u32) -> ! {
    const SYS_EXIT_EXTENDED: u32 = 0x20;
    const APPLICATION_EXIT: u32 = 0x20026;
    let reason = [APPLICATION_EXIT, status];
    loop {
        call_host(SYS_EXIT_EXTENDED, (&raw const reason).cast());
    }
}

fn print(text: &CStr) {
    const SYS_WRITE0: u32 = 0x04;
    call_host(SYS_WRITE0, text.as_ptr().cast());
}

fn call_host(operation: u32, argument: *const c_void) {
    // SAFETY: both operations only read what the argument points to, which the callers here keep alive.
    unsafe { asm!("bkpt 0xAB", inout("r0") operation => _, in("r1") argument, options(nostack)) }
}
