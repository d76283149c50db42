#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dita_fuzz::capi::run(bytes));
