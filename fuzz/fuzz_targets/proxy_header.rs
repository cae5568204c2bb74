#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| loom_fuzz::targets::proxy_header::run(data));
