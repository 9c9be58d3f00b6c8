use serde_json::{Value, json};

use super::{Call, Finish, Frame, Said, items, parse, text};

pub(super) fn whole(reply: &Value) -> Said {
    assert_eq!(
        (&reply["type"], &reply["role"]),
        (&json!("message"), &json!("assistant")),
        "{reply}"
    );
    let content = items(&reply["content"]);
    let of = |kind: &'static str| content.iter().filter(move |block| block["type"] == kind);
    let calls = of("tool_use").map(|block| Call {
        id: text(&block["id"]),
        name: text(&block["name"]),
        arguments: block["input"].clone(),
    });
    let finish = match reply["stop_reason"].as_str() {
        Some("end_turn" | "stop_sequence") => Finish::Stop,
        Some("max_tokens") => Finish::Length,
        Some("tool_use") => Finish::Calls,
        Some("refusal") => Finish::Filter,
        None => Finish::None,
        Some(other) => panic!("{other} is no stop reason"),
    };
    let usage = &reply["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let read = count("cache_read_input_tokens");
    let prompt = count("input_tokens") + read + count("cache_creation_input_tokens");
    Said {
        text: of("text").map(|block| text(&block["text"])).collect(),
        thinking: of("thinking")
            .map(|block| text(&block["thinking"]))
            .collect(),
        calls: calls.collect(),
        finish,
        usage: usage["output_tokens"]
            .as_u64()
            .map(|output| (prompt, read, output)),
        again: vec![json!({"role": "assistant", "content": reply["content"]})],
        ..Said::default()
    }
}

pub(super) fn streamed(frames: &[Frame<'_>]) -> Said {
    let mut message = Value::Null;
    let mut open: Option<(usize, String)> = None;
    let (mut error, mut ended) = (None, false);
    for frame in frames {
        assert!(!ended && error.is_none(), "{} follows the end", frame.data);
        let event = frame.json();
        assert_eq!(event["type"], frame.event, "{event}");
        let index = event["index"].as_u64().unwrap_or_default() as usize;
        match frame.event {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                let blocks = message["content"].as_array_mut().unwrap();
                assert!(open.is_none() && index == blocks.len(), "{event}");
                blocks.push(event["content_block"].clone());
                open = Some((index, String::new()));
            }
            "content_block_delta" => {
                let (at, arguments) = open.as_mut().unwrap();
                assert_eq!(*at, index, "{event}");
                delta(&mut message["content"][index], &event["delta"], arguments);
            }
            "content_block_stop" => {
                let (at, arguments) = open.take().unwrap();
                assert_eq!(at, index, "{event}");
                if !arguments.is_empty() {
                    message["content"][index]["input"] = parse(&arguments);
                }
            }
            "message_delta" => {
                assert!(open.is_none(), "a block is open");
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                for (name, count) in event["usage"].as_object().into_iter().flatten() {
                    message["usage"][name] = count.clone();
                }
            }
            "message_stop" => ended = true,
            "error" => error = Some(text(&event["error"]["message"])),
            "ping" => {}
            other => panic!("{other} is no event"),
        }
    }
    if message.is_null() {
        return Said {
            error,
            ended,
            ..Said::default()
        };
    }
    Said {
        error,
        ended,
        ..whole(&message)
    }
}

fn delta(block: &mut Value, delta: &Value, arguments: &mut String) {
    let (member, more) = match delta["type"].as_str() {
        Some("text_delta") => ("text", &delta["text"]),
        Some("thinking_delta") => ("thinking", &delta["thinking"]),
        Some("signature_delta") => ("signature", &delta["signature"]),
        Some("input_json_delta") => {
            arguments.push_str(delta["partial_json"].as_str().unwrap());
            return;
        }
        Some("citations_delta") => return,
        other => panic!("{other:?} is no delta"),
    };
    block[member] = json!(text(&block[member]) + more.as_str().unwrap());
}
