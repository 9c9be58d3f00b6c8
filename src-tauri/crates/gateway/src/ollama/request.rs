use base64::Engine as _;
use byokey_wire::{Action, Fault, FaultKind, Ledger, Reason};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Call;

/// A request of Chat made of one of Ollama's.
#[derive(Debug)]
pub(super) struct Made {
    /// The model, as the caller names it.
    pub(super) model: String,
    /// The request; `None` when nothing is asked.
    pub(super) chat: Option<Bytes>,
    /// What Chat has no word for.
    pub(super) lost: Ledger,
}

/// Options that mean the same in Chat, by both names.
const OPTIONS: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("seed", "seed"),
    ("stop", "stop"),
    ("num_predict", "max_tokens"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
];

/// Reads a request.
///
/// # Errors
/// When it is none of Ollama's, or asks for what Chat cannot do.
pub(super) fn to_chat(call: Call, body: &[u8]) -> Result<Made, Fault> {
    let given: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| bad("", &format!("the body cannot be read: {error}")))?;
    let mut given: Map<String, Value> = given
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect();
    let mut lost = Ledger::default();
    let Some(Value::String(model)) = given.remove("model").or_else(|| given.remove("name")) else {
        return Err(bad("model", "name one of the models that /api/tags lists"));
    };
    let messages = match call {
        Call::Chat => messages(given.remove("messages").unwrap_or_else(|| json!([])))?,
        _ => prompt(&mut given)?,
    };
    if messages.is_empty() {
        let chat = None;
        return Ok(Made { model, chat, lost });
    }
    let stream = match given.remove("stream") {
        None => true,
        Some(Value::Bool(stream)) => stream,
        Some(_) => return Err(bad("stream", "must be true or false")),
    };
    let mut chat = Map::new();
    // What Ollama calls the newest of a model is the model itself elsewhere.
    let plain = model.strip_suffix(":latest").unwrap_or(&model);
    chat.insert("model".into(), plain.into());
    chat.insert("stream".into(), stream.into());
    if stream {
        chat.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    chat.insert("messages".into(), messages.into());
    options(given.remove("options"), &mut chat, &mut lost)?;
    if let Some(think) = given.remove("think") {
        chat.insert("reasoning_effort".into(), effort(&think)?);
    }
    if let Some(format) = given.remove("format").filter(|format| *format != "") {
        chat.insert("response_format".into(), response_format(format)?);
    }
    if let Some(tools) = given.remove("tools").filter(|tools| *tools != json!([])) {
        chat.insert("tools".into(), tools);
    }
    // How long to stay in memory is nothing that a remote model could follow or miss.
    given.remove("keep_alive");
    for name in given.keys() {
        lost.note(name.clone(), Action::Dropped, Reason::Dialect);
    }
    Ok(Made {
        model,
        chat: Some(Value::Object(chat).to_string().into()),
        lost,
    })
}

fn bad(param: &str, message: &str) -> Fault {
    let place = if param.is_empty() {
        String::new()
    } else {
        format!("`{param}`: ")
    };
    let mut fault = Fault::new(FaultKind::BadRequest, format!("{place}{message}"));
    fault.param = (!param.is_empty()).then(|| param.to_owned());
    fault
}

fn options(
    given: Option<Value>,
    chat: &mut Map<String, Value>,
    lost: &mut Ledger,
) -> Result<(), Fault> {
    let given = match given {
        None => return Ok(()),
        Some(Value::Object(given)) => given,
        Some(_) => return Err(bad("options", "must be an object")),
    };
    for (name, value) in given {
        let known = OPTIONS.iter().find(|(ours, _)| *ours == name);
        // A negative limit means none.
        let unlimited = name == "num_predict" && value.as_i64().is_some_and(|most| most < 0);
        match known {
            _ if value.is_null() || unlimited => {}
            Some((_, theirs)) => {
                chat.insert((*theirs).to_owned(), value);
            }
            None => lost.note(format!("options.{name}"), Action::Dropped, Reason::Dialect),
        }
    }
    Ok(())
}

fn effort(think: &Value) -> Result<Value, Fault> {
    match think {
        Value::Bool(true) => Ok("medium".into()),
        Value::Bool(false) => Ok("none".into()),
        Value::String(level) if matches!(level.as_str(), "low" | "medium" | "high") => {
            Ok(level.as_str().into())
        }
        _ => Err(bad("think", "must be true, false, low, medium or high")),
    }
}

fn response_format(format: Value) -> Result<Value, Fault> {
    match format {
        Value::String(word) if word == "json" => Ok(json!({ "type": "json_object" })),
        Value::Object(schema) => Ok(json!({
            "type": "json_schema",
            "json_schema": { "name": "reply", "schema": schema },
        })),
        _ => Err(bad("format", "must be `json` or a JSON schema")),
    }
}

/// The messages of `/api/generate`.
fn prompt(given: &mut Map<String, Value>) -> Result<Vec<Value>, Fault> {
    let mut text = |name: &str| match given.remove(name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(bad(name, "must be text")),
    };
    let (prompt, system) = (text("prompt")?, text("system")?);
    if !text("suffix")?.is_empty() {
        return Err(bad("suffix", "a chat model cannot fill in the middle"));
    }
    if prompt.is_empty() {
        return Ok(Vec::new());
    }
    let mut messages = Vec::new();
    if !system.is_empty() {
        messages.push(json!({ "role": "system", "content": system }));
    }
    let content = content(&prompt, given.remove("images").as_ref(), "images")?;
    messages.push(json!({ "role": "user", "content": content }));
    Ok(messages)
}

/// Ollama's calls have no ids, so they get some, and a result belongs to the first call of its
/// tool that has none yet.
fn messages(given: Value) -> Result<Vec<Value>, Fault> {
    let Value::Array(given) = given else {
        return Err(bad("messages", "must be a list"));
    };
    let mut open: Vec<(String, String)> = Vec::new();
    let mut made = Vec::with_capacity(given.len());
    for (at, message) in given.iter().enumerate() {
        let path = format!("messages[{at}]");
        let text = message["content"].as_str().unwrap_or_default();
        let images = message.get("images").filter(|images| !images.is_null());
        let content = content(text, images, &format!("{path}.images"))?;
        match message["role"].as_str() {
            Some(role @ ("system" | "user")) => {
                made.push(json!({ "role": role, "content": content }));
            }
            Some("assistant") => made.push(assistant(at, message, content, &mut open)),
            Some("tool") => {
                let name = message["tool_name"].as_str().or(message["name"].as_str());
                let given = message["tool_call_id"].as_str();
                let mut calls = open.iter();
                let place = match (given, name) {
                    (Some(given), _) => calls.position(|(id, _)| id == given),
                    (None, Some(name)) => calls.position(|(_, called)| called == name),
                    (None, None) => (!open.is_empty()).then_some(0),
                };
                let id = match place {
                    Some(place) => open.remove(place).0,
                    None => return Err(bad(&path, "answers no call of a tool")),
                };
                made.push(json!({ "role": "tool", "tool_call_id": id, "content": content }));
            }
            _ => {
                let path = format!("{path}.role");
                return Err(bad(&path, "must be system, user, assistant or tool"));
            }
        }
    }
    Ok(made)
}

fn assistant(at: usize, given: &Value, content: Value, open: &mut Vec<(String, String)>) -> Value {
    let mut message = json!({ "role": "assistant", "content": content });
    if let Some(thinking) = given["thinking"].as_str().filter(|text| !text.is_empty()) {
        message["reasoning_content"] = thinking.into();
    }
    let calls = given["tool_calls"].as_array().map(Vec::as_slice);
    let mut made = Vec::new();
    for (nth, call) in calls.unwrap_or_default().iter().enumerate() {
        let id = call["id"].as_str().filter(|id| !id.is_empty());
        let id = id.map_or_else(|| format!("call_{at}_{nth}"), ToOwned::to_owned);
        let name = call["function"]["name"].as_str().unwrap_or_default();
        let arguments = match &call["function"]["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => "{}".to_owned(),
            arguments => arguments.to_string(),
        };
        open.push((id.clone(), name.to_owned()));
        made.push(json!({
            "id": id, "type": "function",
            "function": { "name": name, "arguments": arguments },
        }));
    }
    if !made.is_empty() {
        message["tool_calls"] = made.into();
    }
    message
}

/// Text with pictures, which come as bare base64.
fn content(text: &str, images: Option<&Value>, path: &str) -> Result<Value, Fault> {
    let Some(images) = images else {
        return Ok(text.into());
    };
    let wrong = || bad(path, "must be a list of pictures in base64");
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(json!({ "type": "text", "text": text }));
    }
    for image in images.as_array().ok_or_else(wrong)? {
        let data = image.as_str().ok_or_else(wrong)?;
        let kind = picture_kind(data).ok_or_else(wrong)?;
        let url = format!("data:{kind};base64,{data}");
        parts.push(json!({ "type": "image_url", "image_url": { "url": url } }));
    }
    Ok(parts.into())
}

/// The media type of a picture by its first bytes.
fn picture_kind(base64: &str) -> Option<&'static str> {
    let head = base64.get(..16)?;
    let engine = base64::engine::general_purpose::STANDARD;
    let head = engine.decode(head).ok()?;
    Some(match head.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => "image/webp",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(call: Call, body: &Value) -> (Value, Ledger) {
        let made = to_chat(call, body.to_string().as_bytes()).unwrap();
        (
            serde_json::from_slice(&made.chat.unwrap()).unwrap(),
            made.lost,
        )
    }

    #[test]
    fn a_conversation_with_a_tool_and_a_picture() {
        let png = "iVBORw0KGgoAAAANSUhEUg==";
        let (chat, lost) = chat(
            Call::Chat,
            &json!({
                "model": "m:latest",
                "messages": [
                    { "role": "user", "content": "look", "images": [png] },
                    { "role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                        { "function": { "name": "a", "arguments": { "x": 1 } } },
                        { "function": { "name": "b", "arguments": {} } },
                    ] },
                    { "role": "tool", "tool_name": "b", "content": "2" },
                    { "role": "tool", "content": "1" },
                ],
                "think": true, "format": "json", "keep_alive": "5m",
                "options": { "num_ctx": 1, "num_predict": 9, "temperature": 0 },
            }),
        );
        assert_eq!(chat["model"], "m");
        assert_eq!(chat["stream"], true);
        assert_eq!(chat["max_tokens"], 9);
        assert_eq!(chat["reasoning_effort"], "medium");
        assert_eq!(chat["response_format"]["type"], "json_object");
        let url = &chat["messages"][0]["content"][1]["image_url"]["url"];
        assert_eq!(*url, format!("data:image/png;base64,{png}"));
        let calls = &chat["messages"][1]["tool_calls"];
        assert_eq!(calls[0]["function"]["arguments"], r#"{"x":1}"#);
        assert_eq!(chat["messages"][2]["tool_call_id"], calls[1]["id"]);
        assert_eq!(chat["messages"][3]["tool_call_id"], calls[0]["id"]);
        assert_eq!(lost.header().unwrap(), "1; options.num_ctx=dropped");
    }

    #[test]
    fn a_prompt_with_instructions() {
        let (chat, _) = chat(
            Call::Generate,
            &json!({ "model": "m", "prompt": "p", "system": "s", "stream": false,
                     "options": { "num_predict": -1 } }),
        );
        let expected = json!({
            "model": "m", "stream": false,
            "messages": [{ "role": "system", "content": "s" }, { "role": "user", "content": "p" }],
        });
        assert_eq!(chat, expected);
        let empty = to_chat(Call::Generate, br#"{"model":"m"}"#).unwrap();
        assert!(empty.chat.is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let one = |message: Value| json!({ "model": "m", "messages": [message] });
        for (body, param) in [
            (json!({}), "model"),
            (json!({ "model": "m", "messages": {} }), "messages"),
            (one(json!({ "role": "x" })), "messages[0].role"),
            (
                one(json!({ "role": "tool", "content": "1" })),
                "messages[0]",
            ),
            (
                one(json!({ "role": "user", "images": ["AAAA"] })),
                "messages[0].images",
            ),
        ] {
            let fault = to_chat(Call::Chat, body.to_string().as_bytes()).unwrap_err();
            assert_eq!(fault.param.as_deref(), Some(param), "{body}");
        }
        let user = json!({ "role": "user", "content": "x" });
        for (name, value) in [
            ("think", json!("deep")),
            ("format", json!(1)),
            ("stream", json!("yes")),
            ("options", json!([])),
        ] {
            let mut body = one(user.clone());
            body[name] = value;
            let fault = to_chat(Call::Chat, body.to_string().as_bytes()).unwrap_err();
            assert_eq!(fault.param.as_deref(), Some(name));
        }
    }
}
