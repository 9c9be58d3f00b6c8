//! The members of Chat Completions.

use serde_json::json;

use super::{PDF, PNG, Probe, URL, at, back, schema, top};

pub(super) fn probes() -> Vec<Probe> {
    let part = |value| at("", "/messages/1/content/-", value);
    let named = |name, probe| Probe { name, ..probe };
    vec![
        top("`max_tokens`", "max_tokens", json!(7)),
        top("`max_completion_tokens`", "max_completion_tokens", json!(7)),
        top("`temperature`", "temperature", json!(0.5)),
        top("`top_p`", "top_p", json!(0.5)),
        top("`stop`", "stop", json!(["x"])),
        top("`seed`", "seed", json!(7)),
        top("`frequency_penalty`", "frequency_penalty", json!(0.5)),
        top("`presence_penalty`", "presence_penalty", json!(0.5)),
        top("`n` > 1", "n", json!(2)),
        top("`logprobs`", "logprobs", json!(true)),
        top("`logit_bias`", "logit_bias", json!({ "5": 1 })),
        top("`reasoning_effort`", "reasoning_effort", json!("low")),
        top("`verbosity`", "verbosity", json!("low")),
        top(
            "`response_format` json_object",
            "response_format",
            json!({ "type": "json_object" }),
        ),
        top(
            "`response_format` json_schema",
            "response_format",
            json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": schema() } }),
        ),
        top("`tool_choice` required", "tool_choice", json!("required")),
        top(
            "`tool_choice` of one function",
            "tool_choice",
            json!({ "type": "function", "function": { "name": "f" } }),
        ),
        top("`tool_choice` none", "tool_choice", json!("none")),
        top(
            "`parallel_tool_calls` false",
            "parallel_tool_calls",
            json!(false),
        ),
        at(
            "`tools[].function.strict`",
            "/tools/0/function/strict",
            json!(true),
        ),
        at(
            "custom tools",
            "/tools/-",
            json!({ "type": "custom", "custom": { "name": "t" } }),
        ),
        at(
            "grammars of custom tools",
            "/tools/-",
            json!({ "type": "custom", "custom": { "name": "t", "format": { "type": "grammar", "grammar": { "syntax": "lark", "definition": "start: \"a\"" } } } }),
        ),
        top(
            "`web_search_options`",
            "web_search_options",
            json!({ "user_location": { "type": "approximate", "approximate": { "country": "CH" } } }),
        ),
        top("`user`", "user", json!("u")),
        top("`metadata`", "metadata", json!({ "a": "b" })),
        top("`store`", "store", json!(true)),
        top("`service_tier` flex", "service_tier", json!("flex")),
        top("`prompt_cache_key`", "prompt_cache_key", json!("k")),
        top(
            "`prompt_cache_retention`",
            "prompt_cache_retention",
            json!("24h"),
        ),
        top("`modalities` audio", "modalities", json!(["text", "audio"])),
        top(
            "`prediction`",
            "prediction",
            json!({ "type": "content", "content": "x" }),
        ),
        back(top(
            "`stream_options.include_usage`",
            "stream_options",
            json!({ "include_usage": true }),
        )),
        at("`name` of a message", "/messages/1/name", json!("n")),
        named(
            "images",
            part(json!({ "type": "image_url", "image_url": { "url": PNG } })),
        ),
        named(
            "images by address",
            part(json!({ "type": "image_url", "image_url": { "url": URL } })),
        ),
        named(
            "`detail` of images",
            part(json!({ "type": "image_url", "image_url": { "url": PNG, "detail": "low" } })),
        ),
        named(
            "PDF files",
            part(json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": PDF } })),
        ),
        named(
            "`file_id`",
            part(json!({ "type": "file", "file": { "file_id": "x" } })),
        ),
        named(
            "sound",
            part(
                json!({ "type": "input_audio", "input_audio": { "data": "QUJD", "format": "wav" } }),
            ),
        ),
        at(
            "images in tool results",
            "/messages/3/content/-",
            json!({ "type": "image_url", "image_url": { "url": PNG } }),
        ),
        at(
            "`refusal` of the assistant",
            "/messages/2/refusal",
            json!("no"),
        ),
        at(
            "`reasoning_content` without a proof",
            "/messages/2/reasoning_content",
            json!("hm"),
        ),
        at(
            "`cache_control`",
            "/messages/1/cache_control",
            json!({ "type": "ephemeral" }),
        ),
        at(
            "system text in the middle",
            "/messages/-",
            json!({ "role": "system", "content": "rule" }),
        ),
    ]
}
