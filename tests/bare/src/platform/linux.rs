use core::arch::global_asm;

#[link(name = "c")]
unsafe extern "C" {
    #[link_name = "_exit"]
    pub(crate) safe fn exit(status: u32) -> !;
}

global_asm!(".globl _start", "_start:", "call run", "mov edi, eax", "call {exit}", exit = sym exit);

/// The prebuilt `core` refers to it; nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
