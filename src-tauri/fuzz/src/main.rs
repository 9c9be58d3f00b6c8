//! Feeds libFuzzer's inputs to the part that `BYOKEY_FUZZ_PART` names.
#![no_main]

use std::sync::LazyLock;

#[path = "../../crates/wire/tests/kiro/event_stream.rs"]
mod event_stream;
#[path = "../../crates/wire/tests/fuzz/targets.rs"]
mod targets;

static PART: LazyLock<targets::Part> = LazyLock::new(|| {
    let name = std::env::var("BYOKEY_FUZZ_PART").unwrap_or_default();
    let named = targets::parts()
        .into_iter()
        .find(|part| part.name() == name);
    named.expect("BYOKEY_FUZZ_PART must name one of the parts")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| PART.run(data));
