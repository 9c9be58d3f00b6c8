//! Kiro: a request read, and the answer as an AWS event stream. There is no other form of reply.

pub(crate) mod frame;

use bytes::Bytes;
use serde_json::{Value, json};

use self::frame::{event, exception};
use crate::{
    Control,
    answer::{Answer, Usage},
    ask::{Ask, Image, Tool, items, text_of, tokens},
    chat::fragments,
    proof,
};

/// Who signs the reasoning here.
pub(crate) const MAKER: &str = "kiro";

/// How many frames a stream has sent when the first piece of content is out.
pub(crate) const OPENING: usize = 1;

/// Reads a request that [`crate::check::kiro`] has accepted.
pub(crate) fn read(body: &Value) -> Ask {
    let state = &body["conversationState"];
    let now = &state["currentMessage"]["userInputMessage"];
    let context = &now["userInputMessageContext"];
    let results: Vec<_> = items(&context["toolResults"]).iter().map(result).collect();
    let content = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    // Where the turn only brings results, its text is a filler: the question stands before it.
    let earlier = items(&state["history"])
        .iter()
        .rev()
        .map(|turn| &turn["userInputMessage"]);
    let asked = earlier
        .filter(|message| message["userInputMessageContext"]["toolResults"].is_null())
        .map(content)
        .find(|text| !text.is_empty());
    let said = match asked {
        Some(asked) if !results.is_empty() => asked,
        _ => content(now),
    };
    let (control, text) = Control::take(&said);
    let more = &body["additionalModelRequestFields"];
    let efforts = [
        &more["output_config"]["effort"],
        &more["reasoning"]["effort"],
    ];
    Ask {
        model: now["modelId"].as_str().unwrap_or_default().to_owned(),
        stream: true,
        choices: 1,
        thinks: control.think || efforts.iter().any(|effort| effort.is_string()),
        images: items(&now["images"]).iter().filter_map(image).collect(),
        tools: items(&context["tools"]).iter().filter_map(tool).collect(),
        parallel: true,
        results: (!results.is_empty()).then_some(results),
        prompt_tokens: tokens(state.to_string().len()),
        schema: schema_in_words(&said),
        control,
        text,
        ..Ask::default()
    }
}

/// The schema that a message tells to follow: Kiro has no other way to ask for JSON.
fn schema_in_words(message: &str) -> Option<Value> {
    let (_, behind) = message.split_once("JSON Schema")?;
    let json = &behind[behind.find('{')?..];
    let mut values = serde_json::Deserializer::from_str(json).into_iter();
    values.next()?.ok()
}

/// The image; `None` when it is not of a form that is taken.
pub(crate) fn image(image: &Value) -> Option<Image> {
    let format = image["format"].as_str()?;
    let known = matches!(format, "png" | "jpeg" | "gif" | "webp");
    let data = image["source"]["bytes"].as_str().filter(|_| known)?;
    Image::inline(&format!("image/{format}"), data)
}

fn tool(tool: &Value) -> Option<Tool> {
    let specification = &tool["toolSpecification"];
    Some(Tool {
        name: specification["name"].as_str()?.to_owned(),
        schema: specification["inputSchema"]["json"].clone(),
        ..Tool::default()
    })
}

fn result(result: &Value) -> String {
    let content = &result["content"];
    let text = match text_of(content) {
        empty if empty.is_empty() => items(content)
            .iter()
            .map(|part| part["json"].to_string())
            .collect(),
        text => text,
    };
    match result["status"].as_str() {
        Some("error") => format!("error: {text}"),
        _ => text,
    }
}

/// The reply as frames.
pub(crate) fn frames(answer: &Answer, id: &str) -> Vec<Bytes> {
    let mut frames = Vec::new();
    if let Some(thoughts) = &answer.thinking {
        let pieces = thoughts.split_inclusive(". ");
        frames.extend(pieces.map(|piece| event("reasoningContentEvent", &json!({"text": piece}))));
        let sealed = json!({"signature": proof::of_text(MAKER, thoughts)});
        frames.push(event("reasoningContentEvent", &sealed));
    }
    let text = answer.text.iter();
    frames.extend(text.map(|piece| event("assistantResponseEvent", &json!({"content": piece}))));
    for (index, call) in answer.calls.iter().enumerate() {
        let place = json!({"toolUseId": format!("tooluse_{id}_{index}"), "name": call.name});
        let with = |name: &str, value: Value| {
            let mut data = place.clone();
            data[name] = value;
            event("toolUseEvent", &data)
        };
        frames.push(event("toolUseEvent", &place));
        let pieces = fragments(&call.arguments.to_string());
        frames.extend(pieces.into_iter().map(|piece| with("input", json!(piece))));
        frames.push(with("stop", json!(true)));
    }
    frames.push(event(
        "meteringEvent",
        &json!({"usage": 0.02, "unit": "credit"}),
    ));
    frames.push(event(
        "contextUsageEvent",
        &json!({"contextUsagePercentage": 1.5}),
    ));
    frames.push(event(
        "metadataEvent",
        &json!({"tokenUsage": usage(&answer.usage)}),
    ));
    frames
}

fn usage(usage: &Usage) -> Value {
    json!({
        "uncachedInputTokens": usage.prompt - usage.cache.read - usage.cache.written,
        "cacheReadInputTokens": usage.cache.read, "cacheWriteInputTokens": usage.cache.written,
        "outputTokens": usage.output, "totalTokens": usage.prompt + usage.output,
    })
}

/// The frame that tells of an error after the stream began.
pub(crate) fn failure(body: &Value) -> Bytes {
    exception("ThrottlingException", &json!({"message": body["message"]}))
}

/// `ListAvailableModels`.
pub(crate) fn models(ids: &[String]) -> Value {
    let model = |id: &String| {
        json!({"modelId": id, "modelName": id, "description": "A simulated model.",
               "rateMultiplier": 1.0, "rateUnit": "credit",
               "tokenLimits": {"maxInputTokens": 200_000}})
    };
    json!({"models": ids.iter().map(model).collect::<Vec<_>>(), "defaultModel": {"modelId": ids.first()}})
}

/// `getUsageLimits`.
pub(crate) fn limits() -> Value {
    json!({"nextDateReset": 1_767_225_600, "overageConfiguration": {"overageStatus": "DISABLED"},
        "subscriptionInfo": {"subscriptionTitle": "KIRO PRO", "type": "PRO"},
        "usageBreakdownList": [{"resourceType": "CREDIT", "unit": "INVOCATIONS", "currency": "USD",
            "currentUsage": 12, "currentUsageWithPrecision": 12.4, "usageLimit": 1000,
            "usageLimitWithPrecision": 1000.0, "currentOverages": 0, "bonuses": []}],
        "userInfo": {"email": "somebody@example.org", "userId": "sim"}})
}
