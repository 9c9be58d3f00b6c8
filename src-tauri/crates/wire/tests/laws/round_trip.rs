//! There and back again: a request that crosses to the other dialect and returns means the same,
//! except for what the ledgers name.

use byokey_wire::{Ask, Capabilities, Dialect, Ledger, Target, translate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A made-up conversation that needs no repair, in neither dialect.
#[derive(Clone, Debug)]
struct Talk {
    system: Option<String>,
    rounds: Vec<Round>,
    tools: Vec<String>,
    choice: usize,
    single: bool,
    temperature: Option<f64>,
    stop: Vec<String>,
    max_tokens: u64,
}

#[derive(Clone, Debug)]
struct Round {
    asked: Vec<String>,
    image: Option<bool>,
    answered: String,
    calls: Vec<(String, Value, String)>,
}

fn words() -> impl Strategy<Value = String> {
    "[a-zé😀\"\\\\]{1,5}"
}

fn talk() -> impl Strategy<Value = Talk> {
    let call = (words(), "[a-z]{1,5}", words());
    let round = (
        proptest::collection::vec(words(), 1..3),
        proptest::option::of(any::<bool>()),
        words(),
        proptest::collection::vec(call, 0..3),
    )
        .prop_map(|(asked, image, answered, calls)| Round {
            asked,
            image,
            answered,
            calls: calls
                .into_iter()
                .map(|(value, name, result)| (name, json!({ "v": value }), result))
                .collect(),
        });
    (
        proptest::option::of(words()),
        proptest::collection::vec(round, 0..4),
        // Distinct names: the second tool of a name is left out with a note, which is no round trip.
        proptest::collection::btree_set("[a-z]{1,6}", 0..3),
        0usize..4,
        any::<bool>(),
        proptest::option::of((0u32..=100).prop_map(|n| f64::from(n) / 100.0)),
        proptest::collection::vec(words(), 0..3),
        1u64..10_000,
    )
        .prop_map(
            |(system, rounds, tools, choice, single, temperature, stop, max_tokens)| Talk {
                system,
                rounds,
                tools: tools.into_iter().collect(),
                choice,
                single,
                temperature,
                stop,
                max_tokens,
            },
        )
}

const IMAGE: &str = "https://example.org/a.png";

impl Talk {
    fn chat(&self) -> Value {
        let mut messages = Vec::new();
        if let Some(system) = &self.system {
            messages.push(json!({ "role": "system", "content": system }));
        }
        let mut id = 0;
        for round in &self.rounds {
            let mut parts: Vec<Value> = round
                .asked
                .iter()
                .map(|text| json!({ "type": "text", "text": text }))
                .collect();
            if let Some(inline) = round.image {
                let url = if inline {
                    "data:image/png;base64,QUJD"
                } else {
                    IMAGE
                };
                parts.push(json!({ "type": "image_url", "image_url": { "url": url } }));
            }
            messages.push(json!({ "role": "user", "content": parts }));
            let mut answer = json!({ "role": "assistant", "content": round.answered });
            let mut calls = Vec::new();
            let mut results = Vec::new();
            for (name, arguments, result) in &round.calls {
                id += 1;
                calls.push(json!({ "id": format!("c{id}"), "type": "function",
                    "function": { "name": name, "arguments": arguments.to_string() } }));
                results.push(
                    json!({ "role": "tool", "tool_call_id": format!("c{id}"), "content": result }),
                );
            }
            if !calls.is_empty() {
                answer["tool_calls"] = json!(calls);
            }
            messages.push(answer);
            messages.extend(results);
        }
        messages.push(json!({ "role": "user", "content": "last" }));
        let mut body = json!({ "model": "m", "messages": messages, "max_tokens": self.max_tokens });
        if let Some(temperature) = self.temperature {
            body["temperature"] = json!(temperature);
        }
        if !self.stop.is_empty() {
            body["stop"] = json!(self.stop);
        }
        if let Some(first) = self.tools.first() {
            let tool = |name| {
                json!({ "type": "function", "function": { "name": name,
                "description": "d", "parameters": { "type": "object", "properties": {} } } })
            };
            body["tools"] = self.tools.iter().map(tool).collect();
            body["tool_choice"] = match self.choice {
                0 => json!("auto"),
                1 => json!("required"),
                2 => json!("none"),
                _ => json!({ "type": "function", "function": { "name": first } }),
            };
            if self.single && self.choice != 2 {
                body["parallel_tool_calls"] = json!(false);
            }
        }
        body
    }
}

fn cross(caller: Dialect, upstream: Dialect, body: &Value) -> (Value, Ledger) {
    let caps = Capabilities {
        mid_system: Some(true),
        ..Capabilities::default()
    };
    let target = Target::new("m", &caps, "o");
    let body = body.to_string();
    let ask = Ask {
        model: Some("m"),
        ..Ask::new(caller, body.as_bytes())
    };
    let translated = translate(&ask, upstream, &target).unwrap();
    (
        serde_json::from_slice(&translated.body).unwrap(),
        translated.losses,
    )
}

/// Content as one list of parts, and arguments as values: the same thing in fewer ways.
fn meaning(mut chat: Value) -> Value {
    for message in chat["messages"].as_array_mut().unwrap() {
        if let Some(text) = message["content"].as_str() {
            message["content"] = json!([{ "type": "text", "text": text }]);
        }
        for call in message
            .get_mut("tool_calls")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let arguments = call["function"]["arguments"].as_str().unwrap().to_owned();
            call["function"]["arguments"] = serde_json::from_str(&arguments).unwrap();
        }
    }
    chat
}

proptest! {
    #[test]
    fn chat_returns_from_messages(talk in talk()) {
        let body = talk.chat();
        let (there, losses) = cross(Dialect::Chat, Dialect::Messages, &body);
        prop_assert!(losses.is_empty(), "{:?}", losses);
        let (back, losses) = cross(Dialect::Messages, Dialect::Chat, &there);
        prop_assert!(losses.is_empty(), "{:?}", losses);
        prop_assert_eq!(meaning(back), meaning(body));
    }

    #[test]
    fn messages_return_from_chat(talk in talk()) {
        let (body, _) = cross(Dialect::Chat, Dialect::Messages, &talk.chat());
        let (there, losses) = cross(Dialect::Messages, Dialect::Chat, &body);
        prop_assert!(losses.is_empty(), "{:?}", losses);
        let (back, losses) = cross(Dialect::Chat, Dialect::Messages, &there);
        prop_assert!(losses.is_empty(), "{:?}", losses);
        prop_assert_eq!(back, body);
    }

    /// A conversation that goes on keeps the bytes that the provider has cached.
    #[test]
    fn more_turns_keep_the_earlier_bytes(talk in talk()) {
        let longer = talk.chat();
        let mut shorter = longer.clone();
        let messages = shorter["messages"].as_array_mut().unwrap();
        let keep = messages.iter().rposition(|message| {
            message["role"] == "assistant" && message.get("tool_calls").is_none()
        });
        let Some(keep) = keep else { return Ok(()) };
        messages.truncate(keep);
        for (upstream, list) in [
            (Dialect::Messages, "messages"),
            (Dialect::Responses, "input"),
            (Dialect::Gemini, "contents"),
        ] {
            let before = |body: &Value| {
                let (sent, _) = cross(Dialect::Chat, upstream, body);
                sent[list].as_array().unwrap().clone()
            };
            let (short, long) = (before(&shorter), before(&longer));
            prop_assert_eq!(&short[..], &long[..short.len()], "{:?}", upstream);
        }
    }

    #[test]
    fn chat_returns_from_responses(talk in talk()) {
        // Responses has no stop texts.
        let body = Talk { stop: Vec::new(), ..talk }.chat();
        let (there, losses) = cross(Dialect::Chat, Dialect::Responses, &body);
        prop_assert!(losses.is_empty(), "{:?}", losses);
        let (mut back, losses) = cross(Dialect::Responses, Dialect::Chat, &there);
        prop_assert!(losses.is_empty(), "{:?}", losses);
        // What byokey adds for a provider that would keep the reply otherwise.
        for added in ["store", "prompt_cache_key"] {
            back.as_object_mut().unwrap().remove(added);
        }
        for tool in back.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
            tool["function"].as_object_mut().unwrap().remove("strict");
        }
        prop_assert_eq!(meaning(back), meaning(body));
    }

    #[test]
    fn chat_returns_from_gemini(talk in talk()) {
        // Gemini takes as many calls as it likes and fetches no pictures.
        let mut talk = Talk { single: false, ..talk };
        for round in &mut talk.rounds {
            round.image = round.image.filter(|inline| *inline);
        }
        let body = talk.chat();
        let (there, losses) = cross(Dialect::Chat, Dialect::Gemini, &body);
        // Gemini wants a proof on calls, or at least the word that there is none.
        let known = |loss: &byokey_wire::Loss| loss.reason == byokey_wire::Reason::ForeignSignature;
        prop_assert!(losses.entries().iter().all(known), "{:?}", losses);
        let (back, losses) = cross(Dialect::Gemini, Dialect::Chat, &there);
        prop_assert!(losses.entries().iter().all(known), "{:?}", losses);
        prop_assert_eq!(meaning(back), meaning(body));
    }
}
