use serde_json::{Value, json};

use super::{Call, Finish, Frame, Said, items, parse, text};

pub(super) fn whole(response: &Value) -> Said {
    assert_eq!(response["object"], "response", "{response}");
    let output = items(&response["output"]);
    let of = |kind: &'static str| output.iter().filter(move |item| item["type"] == kind);
    let calls: Vec<_> = of("function_call")
        .map(|item| Call {
            id: text(&item["call_id"]),
            name: text(&item["name"]),
            arguments: parse(&text(&item["arguments"])),
        })
        .collect();
    let parts = of("message").flat_map(|item| items(&item["content"]));
    let summaries = of("reasoning").flat_map(|item| items(&item["summary"]));
    let refused = of("message")
        .flat_map(|item| items(&item["content"]))
        .any(|part| part["type"] == "refusal");
    let reason = response["incomplete_details"]["reason"].as_str();
    let finish = match (response["status"].as_str(), reason) {
        (Some("completed"), _) if refused => Finish::Filter,
        (Some("completed"), _) if calls.is_empty() => Finish::Stop,
        (Some("completed"), _) => Finish::Calls,
        (Some("incomplete"), Some("max_output_tokens")) => Finish::Length,
        (Some("incomplete"), Some("content_filter")) => Finish::Filter,
        (Some("failed" | "in_progress"), _) => Finish::None,
        other => panic!("{other:?} is no ending"),
    };
    let usage = &response["usage"];
    let cached = usage["input_tokens_details"]["cached_tokens"]
        .as_u64()
        .unwrap_or(0);
    let counts = usage["input_tokens"]
        .as_u64()
        .zip(usage["output_tokens"].as_u64());
    Said {
        text: parts
            .map(|part| text(&part["text"]) + &text(&part["refusal"]))
            .collect(),
        thinking: summaries.map(|part| text(&part["text"])).collect(),
        calls,
        finish,
        usage: counts.map(|(input, output)| (input, cached, output)),
        error: response["error"]["message"].as_str().map(str::to_owned),
        again: output.to_vec(),
        ..Said::default()
    }
}

pub(super) fn streamed(frames: &[Frame<'_>]) -> Said {
    let mut items: Vec<Value> = Vec::new();
    let mut open: Vec<Value> = Vec::new();
    let (mut last, mut error, mut ended) = (Value::Null, None, false);
    for (number, frame) in frames.iter().enumerate() {
        assert!(!ended, "{} follows the end", frame.data);
        let event = frame.json();
        assert_eq!(event["type"], frame.event, "{event}");
        // A stream that only breaks off has nobody who counted its events.
        assert!(
            frame.event == "error" || event["sequence_number"] == number,
            "{event}"
        );
        let index = event["output_index"].as_u64().unwrap_or_default() as usize;
        match frame.event {
            "response.output_item.added" => {
                assert_eq!(index, open.len(), "{event}");
                open.push(event["item"].clone());
            }
            "response.output_item.done" => {
                assert_eq!(index, items.len(), "{event}");
                built(&open[index], &event["item"]);
                items.push(event["item"].clone());
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                ended = frame.event != "response.failed";
                last = event["response"].clone();
            }
            "error" => error = Some(text(&event["message"])),
            name => grow(name, open.get_mut(index), &event),
        }
    }
    if last.is_null() {
        return Said {
            error,
            ended,
            ..Said::default()
        };
    }
    if ended {
        assert_eq!(last["output"], json!(items), "the last event says the same");
    }
    let said = whole(&last);
    Said {
        error: said.error.clone().or(error),
        ended,
        ..said
    }
}

/// Adds what a delta brings to the item it belongs to, under a name of our own.
fn grow(name: &str, item: Option<&mut Value>, event: &Value) {
    let (Some(item), Some(more)) = (item, event["delta"].as_str()) else {
        return;
    };
    assert!(name.ends_with(".delta"), "{event}");
    assert_eq!(item["id"], event["item_id"], "{event}");
    item["grown"] = json!(text(&item["grown"]) + more);
}

/// An item's deltas must have made what the finished item says.
fn built(open: &Value, done: &Value) {
    assert_eq!(
        (&open["id"], &open["type"]),
        (&done["id"], &done["type"]),
        "{done}"
    );
    let whole: String = match done["type"].as_str() {
        Some("message") => {
            let parts = items(&done["content"]).iter();
            parts
                .map(|part| text(&part["text"]) + &text(&part["refusal"]))
                .collect()
        }
        Some("reasoning") => items(&done["summary"])
            .iter()
            .map(|part| text(&part["text"]))
            .collect(),
        Some("function_call") => text(&done["arguments"]),
        other => panic!("{other:?} is no item of these conversations"),
    };
    // Arguments that say nothing may come whole.
    let grown = text(&open["grown"]);
    assert!(
        grown == whole || (grown.is_empty() && whole == "{}"),
        "{done}"
    );
}
