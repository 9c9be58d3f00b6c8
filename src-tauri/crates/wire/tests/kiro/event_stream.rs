//! Kiro's frames for tests: from a readable form, and around any bytes.

#![allow(
    dead_code,
    reason = "every test that takes this file in uses its own part of it"
)]

use serde_json::Value;

/// The bytes of a stream whose frames are `{"event": name, "payload": …}`, `{"exception": name,
/// "payload": …}`, `{"error": code, "message": …}`, or `{"hex": …}` for bytes as they are.
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
    let mut named = Vec::new();
    for (member, kind) in [("event", ":event-type"), ("exception", ":exception-type")] {
        if let Some(name) = text(member) {
            named.push((kind, name));
            named.push((":content-type", "application/json"));
            named.push((":message-type", member));
        }
    }
    if let Some(code) = text("error") {
        named.push((":error-code", code));
        named.push((":error-message", text("message").unwrap_or_default()));
        named.push((":message-type", "error"));
    }
    let payload = frame
        .get("payload")
        .map(Value::to_string)
        .unwrap_or_default();
    sealed(&headers(&named), payload.as_bytes())
}

/// Headers that are text.
pub(crate) fn headers(named: &[(&str, &str)]) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in named {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend(name.as_bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend(value.as_bytes());
    }
    headers
}

/// A frame around these headers and this payload; its lengths and checksums fit.
pub(crate) fn sealed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
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
