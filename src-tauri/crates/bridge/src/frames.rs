//! What a bridge says in the Messages dialect: frames of a stream, and errors in and before it.

use bytes::Bytes;
use serde_json::{Value, json};

/// One frame of a stream; its event name is the data's `type`.
pub(crate) fn frame(event: &Value) -> Bytes {
    let name = event["type"].as_str().unwrap_or("message");
    format!("event: {name}\ndata: {event}\n\n").into()
}

/// The frame that ends a stream which went wrong. `kind` is one of the dialect's error types.
pub(crate) fn error_frame(kind: &str, message: &str) -> Bytes {
    frame(&error(kind, message))
}

/// The dialect's error object, which is also the body of a reply that never became a stream.
pub(crate) fn error(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_named_after_its_data() {
        let told = error_frame("api_error", "no\nnewline gets out");
        let told = std::str::from_utf8(&told).unwrap();
        assert!(told.starts_with("event: error\ndata: {"));
        assert!(told.ends_with("}\n\n"));
        assert_eq!(told.lines().count(), 3, "{told}");
    }
}
