//! One whole reply out of a stream, for callers that did not ask for a stream of a provider that
//! always streams.

use serde_json::value::RawValue;

use super::{
    events::no_reason,
    frame::{FrameMembers, ReplyMembers, number, read},
};
use crate::{
    Dialect, Fault,
    fault::stream_fault,
    json::{Edit, rewrite_object},
    messages::filled,
    sse::{Frame, Frames},
};

/// Gathers a provider's Responses stream into the reply it would have given without one. The reply is
/// the provider's own, with every member it has; where its list of items is empty, it is filled with
/// those that the stream has shown.
#[derive(Debug, Default)]
pub struct WholeResponse {
    frames: Frames,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    /// The complete items as they came, by their places.
    items: Vec<(u64, String)>,
    reply: Option<String>,
    fault: Option<Fault>,
}

impl WholeResponse {
    /// Takes bytes of the stream, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let state = &mut self.state;
        self.frames.push(bytes, |frame| state.frame(&frame));
    }

    /// The whole reply, when the stream is at its end.
    ///
    /// # Errors
    /// What the provider said that went wrong, or that the stream ended before the reply did.
    pub fn finish(mut self) -> Result<Vec<u8>, Fault> {
        let state = &mut self.state;
        self.frames.finish(|frame| state.frame(&frame));
        if let Some(fault) = self.state.fault {
            return Err(fault);
        }
        let reply = self.state.reply.ok_or_else(Fault::incomplete)?;
        let mut items = self.state.items;
        items.sort_by_key(|(place, _)| *place);
        let items: Vec<String> = items.into_iter().map(|(_, item)| item).collect();
        let output = format!("[{}]", items.join(","));
        let mut there = false;
        let edit = |name: &str, value: &str| {
            there |= name == "output";
            let empty = value == "null"
                || serde_json::from_str::<Vec<&RawValue>>(value).is_ok_and(|list| list.is_empty());
            if name == "output" && empty && !items.is_empty() {
                Edit::Set(output.clone())
            } else {
                Edit::Keep
            }
        };
        let filled = rewrite_object(&reply, edit, Vec::new).unwrap_or(reply);
        let more = || vec![("output", output)];
        Ok(if there {
            filled
        } else {
            rewrite_object(&filled, |_, _| Edit::Keep, more).unwrap_or(filled)
        }
        .into_bytes())
    }
}

impl State {
    fn frame(&mut self, frame: &Frame<'_>) {
        if self.reply.is_some() || self.fault.is_some() {
            return;
        }
        let data = String::from_utf8_lossy(&frame.data);
        let Ok(mut members) = serde_json::from_str::<FrameMembers<'_>>(&data) else {
            return;
        };
        let kind = filled(members.kind.take());
        match kind.as_deref().or(frame.event).unwrap_or_default() {
            "response.output_item.done" => {
                if let Some(item) = members.item {
                    let place = number(members.output_index).unwrap_or(self.items.len() as u64);
                    self.items.push((place, item.get().to_owned()));
                }
            }
            "response.completed" | "response.incomplete" => {
                self.reply = members.response.map(|reply| reply.get().to_owned());
            }
            "response.failed" | "response.cancelled" | "error" => {
                self.fault = Some(failure(&members, &data));
            }
            _ => {}
        }
    }
}

/// What a failed reply says went wrong.
fn failure(frame: &FrameMembers<'_>, data: &str) -> Fault {
    let reply: Option<ReplyMembers<'_>> = read(frame.response);
    match reply {
        Some(reply) if reply.error.is_none() => no_reason(),
        _ => stream_fault(Dialect::Responses, data.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FaultKind;
    use serde_json::{Value, json};

    fn whole(stream: &str) -> Result<Value, Fault> {
        let mut cut = WholeResponse::default();
        for byte in stream.as_bytes().chunks(1) {
            cut.push(byte);
        }
        let cut = cut.finish();
        let mut once = WholeResponse::default();
        once.push(stream.as_bytes());
        assert_eq!(once.finish(), cut);
        cut.map(|body| serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn an_empty_output_is_filled_from_the_items() {
        let items = r#"data: {"type":"response.output_item.done","output_index":1,"item":{"type":"message","x":2}}

data: {"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning"}}

"#;
        for (output, expected) in [
            (
                r#""output": [ ],"#,
                json!([{"type": "reasoning"}, {"type": "message", "x": 2}]),
            ),
            (
                "",
                json!([{"type": "reasoning"}, {"type": "message", "x": 2}]),
            ),
            (r#""output":[{"own":1}],"#, json!([{"own": 1}])),
        ] {
            let end = format!(
                "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{\"id\":\"r\",{output}\"new\":[1.0]}}}}\n\n"
            );
            let reply = whole(&format!("{items}{end}")).unwrap();
            assert_eq!(reply, json!({"id": "r", "output": expected, "new": [1.0]}));
        }
    }

    #[test]
    fn failures_are_told() {
        let failed = r#"data: {"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"}}}

"#;
        assert_eq!(whole(failed).unwrap_err().kind, FaultKind::RateLimit);
        let error = "data: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"m\"}\n\n";
        assert_eq!(whole(error).unwrap_err().message, "m");
        let code = whole("data: {\"type\":\"response.created\"}\n\n")
            .unwrap_err()
            .code;
        assert_eq!(code.as_deref(), Some("upstream_incomplete"));
    }
}
