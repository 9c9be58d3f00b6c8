//! Whatever comes in, what goes out is what the dialect allows, or a fault. Never a panic.

use byokey_wire::{Ask, Capabilities, Dialect, Target, translate};
use proptest::prelude::*;
use serde_json::Value;

use crate::requests::{any_json, request};
use crate::said::{answer, pairs, said, translated};
use crate::shapes::{check_request, check_stream};

fn translated_request(caller: Dialect, upstream: Dialect, body: &[u8]) -> Option<Value> {
    let caps = Capabilities::default();
    let target = Target::new("m", &caps, "o");
    let ask = Ask {
        model: Some("m"),
        ..Ask::new(caller, body)
    };
    let translated = translate(&ask, upstream, &target).ok()?;
    let again = translate(&ask, upstream, &target).unwrap();
    assert_eq!(translated.body, again.body, "the same request, other bytes");
    let text = String::from_utf8_lossy(&translated.body);
    assert!(
        !text.contains("byok1"),
        "a tagged proof for a provider: {text}"
    );
    Some(serde_json::from_slice(&translated.body).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_history_becomes_one_that_the_provider_takes(
        bodies in (
            request(Dialect::Chat),
            request(Dialect::Responses),
            request(Dialect::Messages),
            request(Dialect::Gemini),
        ),
    ) {
        for (caller, upstream) in pairs() {
            let body = match caller {
                Dialect::Chat => &bodies.0,
                Dialect::Responses => &bodies.1,
                Dialect::Messages => &bodies.2,
                _ => &bodies.3,
            };
            if let Some(sent) = translated_request(caller, upstream, body.to_string().as_bytes()) {
                check_request(upstream, &sent);
            }
        }
    }

    #[test]
    fn any_json_and_any_bytes_are_answered(json in any_json(), bytes in any::<Vec<u8>>()) {
        for (caller, upstream) in pairs() {
            translated_request(caller, upstream, json.to_string().as_bytes());
            translated_request(caller, upstream, &bytes);
            let _ = answer(caller, upstream).reply(&bytes, 0);
            let _ = answer(caller, upstream).reply(json.to_string().as_bytes(), 0);
        }
    }

    #[test]
    fn any_stream_keeps_the_grammar(
        said in said(),
        cut in any::<prop::sample::Index>(),
        change in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        swap in proptest::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
        whole in any::<bool>(),
        error in any::<bool>(),
    ) {
        for (caller, upstream) in pairs() {
            let stream = String::from_utf8(said.stream(upstream)).unwrap();
            let mut parts: Vec<&str> = stream.split_inclusive("\n\n").collect();
            if let Some((a, b)) = &swap {
                let (a, b) = (a.index(parts.len()), b.index(parts.len()));
                parts.swap(a, b);
            }
            let failed = "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"no\"}}\n\n";
            if error {
                parts.insert(cut.index(parts.len()), failed);
            }
            let mut stream = parts.concat().into_bytes();
            if let Some((at, byte)) = &change {
                let at = at.index(stream.len());
                stream[at] = *byte;
            }
            if !whole {
                stream.truncate(cut.index(stream.len()));
            }
            let out = translated(&answer(caller, upstream), [&*stream]);
            check_stream(caller, &out);
        }
    }
}
