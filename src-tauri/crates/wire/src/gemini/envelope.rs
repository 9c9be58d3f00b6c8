//! Code Assist's envelope: a request within an object that names model and project, a reply within
//! an object beside trace ids. Wrapping and unwrapping copy bytes and build no trees.

use serde_json::value::RawValue;

use crate::{
    json::{Object, fields},
    sse::Frames,
};

/// What stands before and behind a generateContent body in Code Assist's envelope. `project` is the
/// Google Cloud project; empty for accounts without one.
pub fn wrap_code_assist(model: &str, project: &str) -> (Vec<u8>, &'static [u8]) {
    let mut before = Vec::with_capacity(16 * 1024);
    let mut top = Object::begin(&mut before);
    top.text("model", model);
    if !project.is_empty() {
        top.text("project", project);
    }
    top.key("request");
    (before, b"}")
}

/// The reply within a whole reply of Code Assist; the body itself when there is none, as with
/// errors.
pub fn unwrap_code_assist(body: &[u8]) -> &[u8] {
    let response = |text| serde_json::from_str::<Enveloped<'_>>(text).ok()?.response;
    let text = std::str::from_utf8(body).ok();
    text.and_then(response)
        .map_or(body, |response| response.get().as_bytes())
}

fields! {
    struct Enveloped<'a> {
        response: &'a RawValue = "response",
    }
}

/// Takes the frames of a Code Assist stream out of their envelopes.
#[derive(Debug, Default)]
pub struct Unwrap {
    frames: Frames,
}

impl Unwrap {
    /// Takes bytes of the provider's stream, cut anywhere, and appends what the caller gets.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.frames.push(bytes, |frame| write(&frame.data, out));
    }

    /// Says that the provider closed its stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.frames.finish(|frame| write(&frame.data, out));
    }
}

fn write(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    let start = out.len();
    out.extend_from_slice(unwrap_code_assist(data));
    // Line ends stand between tokens only; an event's data is one line.
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_wrapped_around_their_bytes() {
        let (before, end) = wrap_code_assist("gemini-\"x\"", "p-1");
        let whole = [&before, br#"{"contents":[ 1e3 ]}"#.as_slice(), end].concat();
        assert_eq!(
            String::from_utf8(whole).unwrap(),
            r#"{"model":"gemini-\"x\"","project":"p-1","request":{"contents":[ 1e3 ]}}"#
        );
        assert_eq!(wrap_code_assist("m", "").0, br#"{"model":"m","request":"#);
    }

    #[test]
    fn replies_are_taken_out() {
        let inner = r#"{ "candidates": [1e3, "}\n"] }"#;
        let wrapped = format!(r#"{{"traceId":"t","response":{inner},"x":[]}}"#);
        assert_eq!(unwrap_code_assist(wrapped.as_bytes()), inner.as_bytes());
        for other in [r#"{"error":{"code":429}}"#, "<html>", "", "\u{fffd}"] {
            assert_eq!(unwrap_code_assist(other.as_bytes()), other.as_bytes());
        }
    }

    #[test]
    fn streams_lose_their_envelopes_wherever_they_are_cut() {
        let stream = "data: {\"response\": {\ndata:  \"a\": 1}, \"traceId\": \"t\"}\r\n\r\n: c\n\n\
             data: {\"response\":{\"b\":2}}\n\ndata: {\"error\":{\"code\":500}}";
        for piece in 1..40 {
            let mut unwrap = Unwrap::default();
            let mut out = Vec::new();
            for bytes in stream.as_bytes().chunks(piece) {
                unwrap.push(bytes, &mut out);
            }
            unwrap.finish(&mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                "data: {  \"a\": 1}\n\ndata: {\"b\":2}\n\ndata: {\"error\":{\"code\":500}}\n\n"
            );
        }
    }
}
