use serde_json::{Value, json};

use super::{Call, Finish, Frame, Said, items, text};

pub(super) fn whole(reply: &Value) -> Said {
    let candidate = &reply["candidates"][0];
    let parts = items(&candidate["content"]["parts"]);
    let spoken = |thought: bool| {
        let wanted = parts
            .iter()
            .filter(move |part| (part["thought"] == true) == thought);
        wanted.map(|part| text(&part["text"])).collect()
    };
    let calls: Vec<_> = parts
        .iter()
        .map(|part| &part["functionCall"])
        .filter(|call| !call.is_null())
        .map(|call| Call {
            id: text(&call["id"]),
            name: text(&call["name"]),
            arguments: call["args"].clone(),
        })
        .collect();
    let finish = match candidate["finishReason"].as_str() {
        Some("STOP") if calls.is_empty() => Finish::Stop,
        Some("STOP") => Finish::Calls,
        Some("MAX_TOKENS") => Finish::Length,
        Some("SAFETY") => Finish::Filter,
        None => Finish::None,
        Some(other) => panic!("{other} is no finish reason"),
    };
    let usage = &reply["usageMetadata"];
    let count = |name: &str| usage[name].as_u64();
    let output =
        || count("candidatesTokenCount").unwrap_or(0) + count("thoughtsTokenCount").unwrap_or(0);
    let cached = count("cachedContentTokenCount").unwrap_or(0);
    Said {
        text: spoken(false),
        thinking: spoken(true),
        calls,
        finish,
        usage: count("promptTokenCount").map(|prompt| (prompt, cached, output())),
        again: vec![candidate["content"].clone()],
        ..Said::default()
    }
}

pub(super) fn streamed(frames: &[Frame<'_>]) -> Said {
    let mut parts = Vec::new();
    let (mut last, mut error, mut ended) = (json!({}), None, false);
    for frame in frames {
        let chunk = frame.json();
        assert!(!ended && error.is_none(), "{chunk} follows the end");
        if let Some(told) = chunk["error"]["message"].as_str() {
            error = Some(told.to_owned());
            continue;
        }
        let candidate = &chunk["candidates"][0];
        parts.extend(items(&candidate["content"]["parts"]).iter().cloned());
        ended = candidate["finishReason"].is_string();
        last = chunk;
    }
    let mut candidate = last["candidates"][0].clone();
    candidate["content"] = json!({"role": "model", "parts": parts});
    last["candidates"] = json!([candidate]);
    Said {
        error,
        ended,
        ..whole(&last)
    }
}
