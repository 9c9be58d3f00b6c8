use std::ops::Range;

use bytes::Bytes;

/// Puts `model` in the place of the JSON string that stands at `at`, quotes included. The rest of
/// the body is shared, not copied, so every other byte of it reaches the provider unchanged.
///
/// # Panics
/// When `at` is not a range of `body`.
pub fn splice(body: Bytes, at: Range<usize>, model: &str) -> [Bytes; 3] {
    let head = body.slice(..at.start);
    let tail = body.slice(at.end..);
    let mut name = Vec::with_capacity(model.len() + 2);
    crate::json::write_str(&mut name, model);
    [head, name.into(), tail]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peek;

    #[test]
    fn every_other_byte_stays() {
        for (body, model, expected) in [
            (r#"{"model":"a","n":1e3}"#, "b", r#"{"model":"b","n":1e3}"#),
            (
                "{ \"x\" : \"\\u00e9\\ud800\" ,\n\"model\" :\"\\u0061\"}",
                "q\"\\\n",
                "{ \"x\" : \"\\u00e9\\ud800\" ,\n\"model\" :\"q\\\"\\\\\\n\"}",
            ),
        ] {
            let at = peek(body.as_bytes()).unwrap().model_at;
            let body = Bytes::copy_from_slice(body.as_bytes());
            let start = body.as_ptr();
            let parts = splice(body, at, model);
            assert_eq!(parts.concat(), expected.as_bytes());
            assert_eq!(parts[0].as_ptr(), start, "the head is shared");
        }
    }
}
