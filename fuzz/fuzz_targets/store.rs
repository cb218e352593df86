//! What the store reads: values, keys and backups. The first byte says which.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, rest)) = bytes.split_first() {
        tandem::store::fuzzing::stored(*kind, rest);
    }
});
