//! Kiro's frames from a readable form: `{"event": name, "payload": …}`, `{"exception": name,
//! "payload": …}`, `{"error": code, "message": …}`, or `{"hex": …}` for bytes as they are.

use serde_json::Value;

/// The bytes of a stream.
pub(crate) fn stream(frames: &[Value]) -> Vec<u8> {
    frames.iter().flat_map(frame).collect()
}

fn frame(frame: &Value) -> Vec<u8> {
    let text = |member: &str| frame.get(member).and_then(Value::as_str);
    if let Some(hex) = text("hex") {
        let digits = hex.as_bytes().chunks(2);
        return digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
    }
    let mut headers = Vec::new();
    let mut header = |name: &str, value: &str| {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend(name.as_bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend(value.as_bytes());
    };
    for (member, kind) in [("event", ":event-type"), ("exception", ":exception-type")] {
        if let Some(name) = text(member) {
            header(kind, name);
            header(":content-type", "application/json");
            header(":message-type", member);
        }
    }
    if let Some(code) = text("error") {
        header(":error-code", code);
        header(":error-message", text("message").unwrap_or_default());
        header(":message-type", "error");
    }
    let payload = frame
        .get("payload")
        .map(Value::to_string)
        .unwrap_or_default();
    sealed(&headers, payload.as_bytes())
}

/// A frame around these headers and this payload.
fn sealed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let mut frame = Vec::new();
    frame.extend(length(16 + headers.len() + payload.len()));
    frame.extend(length(headers.len()));
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}
