#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| socks5_sansio_fuzz::harness::runs::runs(bytes));
