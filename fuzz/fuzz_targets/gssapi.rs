#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| socks5_sansio_fuzz::checks::gssapi(octets));
