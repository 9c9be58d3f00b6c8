//! The members of each caller's dialect that say something, one request for each.

use byokey_wire::Dialect;
use serde_json::{Value, json};

/// A member and how it gets into a request.
pub(crate) struct Probe {
    /// As the README names it.
    pub(crate) name: &'static str,
    pub(crate) put: Box<dyn Fn(&mut Value)>,
    /// Whether it is about the reply only, so that nothing of it goes to the provider.
    pub(crate) on_the_way_back: bool,
}

/// A member at a place, given as a JSON pointer; a last part of `-` adds to a list, `^1` puts it before
/// the item with that number.
fn at(name: &'static str, pointer: &'static str, value: Value) -> Probe {
    let put = move |body: &mut Value| {
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        let mut place = body;
        for part in parent.split('/').skip(1) {
            place = match part.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[part],
            };
        }
        match (last, last.parse::<usize>()) {
            ("-", _) if place.is_null() => *place = json!([value]),
            (before, _) if before.starts_with('^') => {
                let index = before[1..].parse().unwrap();
                place.as_array_mut().unwrap().insert(index, value.clone());
            }
            ("-", _) => place.as_array_mut().unwrap().push(value.clone()),
            (_, Ok(index)) => place[index] = value.clone(),
            (last, _) => place[last] = value.clone(),
        }
    };
    Probe {
        name,
        put: Box::new(put),
        on_the_way_back: false,
    }
}

/// A member of the body itself.
fn top(name: &'static str, member: &'static str, value: Value) -> Probe {
    Probe {
        put: Box::new(move |body: &mut Value| body[member] = value.clone()),
        ..at(name, "/x", Value::Null)
    }
}

fn back(probe: Probe) -> Probe {
    Probe {
        on_the_way_back: true,
        ..probe
    }
}

const PNG: &str = "data:image/png;base64,QUJD";
const PDF: &str = "data:application/pdf;base64,QUJD";
const URL: &str = "https://example.org/a.png";

/// A request with a bit of everything that members can be added to.
pub(crate) fn base(caller: Dialect) -> Value {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    match caller {
        Dialect::Messages => json!({
            "model": "m", "max_tokens": 9000, "system": [{ "type": "text", "text": "s" }],
            "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "u" }] },
                { "role": "assistant", "content": [{ "type": "tool_use", "id": "c", "name": "f", "input": {} }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "c", "content": [{ "type": "text", "text": "r" }] }] },
                { "role": "assistant", "content": "a" },
                { "role": "user", "content": "go on" }
            ],
            "tools": [{ "name": "f", "input_schema": schema }]
        }),
        Dialect::Responses => json!({
            "model": "m", "store": false, "instructions": "s",
            "input": [
                { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "u" }] },
                { "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" },
                { "type": "function_call_output", "call_id": "c", "output": "r" },
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "a" }] },
                { "type": "message", "role": "user", "content": "go on" }
            ],
            "tools": [{ "type": "function", "name": "f", "parameters": schema, "strict": false }]
        }),
        Dialect::Gemini => json!({
            "systemInstruction": { "parts": [{ "text": "s" }] },
            "contents": [
                { "role": "user", "parts": [{ "text": "u" }] },
                { "role": "model", "parts": [{ "functionCall": { "name": "f", "args": {} } }] },
                { "role": "user", "parts": [{ "functionResponse": { "name": "f", "response": { "result": "r" } } }] },
                { "role": "model", "parts": [{ "text": "a" }] },
                { "role": "user", "parts": [{ "text": "go on" }] }
            ],
            "generationConfig": { "maxOutputTokens": 9000 },
            "tools": [{ "functionDeclarations": [{ "name": "f", "parametersJsonSchema": schema }] }]
        }),
        _ => json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "s" },
                { "role": "user", "content": [{ "type": "text", "text": "u" }] },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
                { "role": "tool", "tool_call_id": "c", "content": [{ "type": "text", "text": "r" }] },
                { "role": "assistant", "content": "a" },
                { "role": "user", "content": "go on" }
            ],
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": schema } }]
        }),
    }
}

pub(crate) fn of(caller: Dialect) -> Vec<Probe> {
    match caller {
        Dialect::Messages => messages(),
        Dialect::Responses => responses(),
        Dialect::Gemini => gemini(),
        _ => chat(),
    }
}

fn schema() -> Value {
    json!({ "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"], "additionalProperties": false })
}

fn chat() -> Vec<Probe> {
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

fn messages() -> Vec<Probe> {
    let part = |value| at("", "/messages/0/content/-", value);
    let before_call = |value| at("", "/messages/1/content/-", value);
    let named = |name, probe| Probe { name, ..probe };
    vec![
        top("`temperature`", "temperature", json!(0.5)),
        top("`top_p`", "top_p", json!(0.5)),
        top("`top_k`", "top_k", json!(5)),
        top("`stop_sequences`", "stop_sequences", json!(["x"])),
        top(
            "`thinking` with a budget",
            "thinking",
            json!({ "type": "enabled", "budget_tokens": 2000 }),
        ),
        top(
            "`thinking` adaptive",
            "thinking",
            json!({ "type": "adaptive" }),
        ),
        top(
            "`output_config.effort`",
            "output_config",
            json!({ "effort": "low" }),
        ),
        top(
            "`output_config.format`",
            "output_config",
            json!({ "format": { "type": "json_schema", "schema": schema() } }),
        ),
        top("`tool_choice` any", "tool_choice", json!({ "type": "any" })),
        top(
            "`tool_choice` tool",
            "tool_choice",
            json!({ "type": "tool", "name": "f" }),
        ),
        top(
            "`tool_choice` none",
            "tool_choice",
            json!({ "type": "none" }),
        ),
        top(
            "`disable_parallel_tool_use`",
            "tool_choice",
            json!({ "type": "auto", "disable_parallel_tool_use": true }),
        ),
        at("`tools[].strict`", "/tools/0/strict", json!(true)),
        at(
            "web search",
            "/tools/-",
            json!({ "type": "web_search_20250305", "name": "web_search" }),
        ),
        at(
            "`blocked_domains` of web search",
            "/tools/-",
            json!({ "type": "web_search_20250305", "name": "web_search", "blocked_domains": ["a.b"] }),
        ),
        at(
            "code execution",
            "/tools/-",
            json!({ "type": "code_execution_20250825", "name": "code_execution" }),
        ),
        at(
            "web fetch",
            "/tools/-",
            json!({ "type": "web_fetch_20250910", "name": "web_fetch" }),
        ),
        at(
            "Anthropic's bash and editor tools",
            "/tools/-",
            json!({ "type": "bash_20250124", "name": "bash" }),
        ),
        top("`metadata.user_id`", "metadata", json!({ "user_id": "u" })),
        top("`service_tier`", "service_tier", json!("standard_only")),
        top("`container`", "container", json!("c")),
        top(
            "`mcp_servers`",
            "mcp_servers",
            json!([{ "type": "url", "url": "https://a.b", "name": "n" }]),
        ),
        top("`speed`", "speed", json!("fast")),
        top("`inference_geo`", "inference_geo", json!("eu")),
        at(
            "`cache_control`",
            "/messages/0/content/0/cache_control",
            json!({ "type": "ephemeral" }),
        ),
        named(
            "images",
            part(
                json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "QUJD" } }),
            ),
        ),
        named(
            "images by address",
            part(json!({ "type": "image", "source": { "type": "url", "url": URL } })),
        ),
        named(
            "PDF documents",
            part(
                json!({ "type": "document", "source": { "type": "base64", "media_type": "application/pdf", "data": "QUJD" } }),
            ),
        ),
        named(
            "text documents",
            part(
                json!({ "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "d" } }),
            ),
        ),
        named(
            "documents by address",
            part(
                json!({ "type": "document", "source": { "type": "url", "url": "https://example.org/a.pdf" } }),
            ),
        ),
        named(
            "`citations` of documents",
            part(
                json!({ "type": "document", "citations": { "enabled": true }, "source": { "type": "text", "media_type": "text/plain", "data": "d" } }),
            ),
        ),
        named(
            "search results",
            part(
                json!({ "type": "search_result", "title": "t", "source": "https://example.org", "content": [{ "type": "text", "text": "found" }] }),
            ),
        ),
        at(
            "`is_error` of tool results",
            "/messages/2/content/0/is_error",
            json!(true),
        ),
        at(
            "images in tool results",
            "/messages/2/content/0/content/-",
            json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "QUJD" } }),
        ),
        at(
            "reasoning of the same provider",
            "/messages/1/content",
            json!([{ "type": "thinking", "thinking": "hm", "signature": "byok1:6:origin:S" }, { "type": "tool_use", "id": "c", "name": "f", "input": {} }]),
        ),
        at(
            "reasoning of another provider",
            "/messages/1/content",
            json!([{ "type": "thinking", "thinking": "hm", "signature": "byok1:5:other:S" }, { "type": "tool_use", "id": "c", "name": "f", "input": {} }]),
        ),
        named(
            "calls of server tools in the history",
            before_call(
                json!({ "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} }),
            ),
        ),
        at(
            "system text in the middle",
            "/messages/-",
            json!({ "role": "system", "content": "rule" }),
        ),
    ]
}

fn responses() -> Vec<Probe> {
    let part = |value| at("", "/input/0/content/-", value);
    let item = |value| at("", "/input/-", value);
    let tool = |value| at("", "/tools/-", value);
    let named = |name, probe| Probe { name, ..probe };
    vec![
        top("`max_output_tokens`", "max_output_tokens", json!(7)),
        top("`temperature`", "temperature", json!(0.5)),
        top("`top_p`", "top_p", json!(0.5)),
        top("`top_logprobs`", "top_logprobs", json!(2)),
        top(
            "`reasoning.effort`",
            "reasoning",
            json!({ "effort": "low" }),
        ),
        back(top(
            "`reasoning.summary`",
            "reasoning",
            json!({ "summary": "auto" }),
        )),
        top("`text.verbosity`", "text", json!({ "verbosity": "low" })),
        top(
            "`text.format` json_object",
            "text",
            json!({ "format": { "type": "json_object" } }),
        ),
        top(
            "`text.format` json_schema",
            "text",
            json!({ "format": { "type": "json_schema", "name": "n", "schema": schema() } }),
        ),
        top("`tool_choice` required", "tool_choice", json!("required")),
        top(
            "`tool_choice` of one function",
            "tool_choice",
            json!({ "type": "function", "name": "f" }),
        ),
        top("`tool_choice` none", "tool_choice", json!("none")),
        top(
            "`parallel_tool_calls` false",
            "parallel_tool_calls",
            json!(false),
        ),
        top("`max_tool_calls`", "max_tool_calls", json!(3)),
        at("`tools[].strict`", "/tools/0/strict", json!(true)),
        named(
            "custom tools",
            tool(json!({ "type": "custom", "name": "t" })),
        ),
        named(
            "tools in namespaces",
            tool(
                json!({ "type": "namespace", "name": "ns", "tools": [{ "type": "function", "name": "t" }] }),
            ),
        ),
        named("local shell", tool(json!({ "type": "local_shell" }))),
        named("apply_patch", tool(json!({ "type": "apply_patch" }))),
        named("web search", tool(json!({ "type": "web_search" }))),
        named(
            "code interpreter",
            tool(json!({ "type": "code_interpreter", "container": { "type": "auto" } })),
        ),
        named(
            "file search",
            tool(json!({ "type": "file_search", "vector_store_ids": ["v"] })),
        ),
        named(
            "image generation",
            tool(json!({ "type": "image_generation" })),
        ),
        named(
            "MCP servers",
            tool(json!({ "type": "mcp", "server_label": "l", "server_url": "https://a.b" })),
        ),
        top("`safety_identifier`", "safety_identifier", json!("u")),
        top("`metadata`", "metadata", json!({ "a": "b" })),
        top("`service_tier` flex", "service_tier", json!("flex")),
        top("`prompt_cache_key`", "prompt_cache_key", json!("k")),
        top(
            "`prompt_cache_retention`",
            "prompt_cache_retention",
            json!("24h"),
        ),
        top("`truncation` auto", "truncation", json!("auto")),
        top("`background`", "background", json!(true)),
        top(
            "`previous_response_id` that byokey does not keep",
            "previous_response_id",
            json!("resp_x"),
        ),
        top("`conversation`", "conversation", json!("conv_x")),
        top("`prompt`", "prompt", json!({ "id": "p" })),
        named(
            "images",
            part(json!({ "type": "input_image", "image_url": PNG })),
        ),
        named(
            "images by address",
            part(json!({ "type": "input_image", "image_url": URL })),
        ),
        named(
            "`detail` of images",
            part(json!({ "type": "input_image", "image_url": PNG, "detail": "low" })),
        ),
        named(
            "PDF files",
            part(json!({ "type": "input_file", "filename": "a.pdf", "file_data": PDF })),
        ),
        named(
            "`file_id`",
            part(json!({ "type": "input_file", "file_id": "x" })),
        ),
        named(
            "reasoning of the same provider",
            at(
                "",
                "/input/^1",
                json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }], "encrypted_content": "byok1:6:origin:S" }),
            ),
        ),
        named(
            "reasoning of another provider",
            at(
                "",
                "/input/^1",
                json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }], "encrypted_content": "byok1:5:other:S" }),
            ),
        ),
        named(
            "developer messages in the middle",
            item(json!({ "type": "message", "role": "developer", "content": "rule" })),
        ),
        named(
            "calls of server tools in the history",
            item(json!({ "type": "web_search_call", "id": "ws_1", "status": "completed" })),
        ),
        named(
            "`item_reference`",
            item(json!({ "type": "item_reference", "id": "msg_1" })),
        ),
    ]
}

fn gemini() -> Vec<Probe> {
    let part = |value| at("", "/contents/0/parts/-", value);
    let named = |name, probe| Probe { name, ..probe };
    vec![
        at("`temperature`", "/generationConfig/temperature", json!(0.5)),
        at("`topP`", "/generationConfig/topP", json!(0.5)),
        at("`topK`", "/generationConfig/topK", json!(5)),
        at(
            "`stopSequences`",
            "/generationConfig/stopSequences",
            json!(["x"]),
        ),
        at("`seed`", "/generationConfig/seed", json!(7)),
        at(
            "`frequencyPenalty`",
            "/generationConfig/frequencyPenalty",
            json!(0.5),
        ),
        at(
            "`presencePenalty`",
            "/generationConfig/presencePenalty",
            json!(0.5),
        ),
        at(
            "`candidateCount` > 1",
            "/generationConfig/candidateCount",
            json!(2),
        ),
        at(
            "`responseLogprobs`",
            "/generationConfig/responseLogprobs",
            json!(true),
        ),
        at(
            "`responseMimeType` JSON",
            "/generationConfig/responseMimeType",
            json!("application/json"),
        ),
        Probe {
            put: Box::new(|body: &mut Value| {
                body["generationConfig"]["responseMimeType"] = json!("application/json");
                body["generationConfig"]["responseJsonSchema"] = schema();
            }),
            ..at("`responseJsonSchema`", "/x", Value::Null)
        },
        at(
            "`responseModalities` image",
            "/generationConfig/responseModalities",
            json!(["TEXT", "IMAGE"]),
        ),
        at(
            "`mediaResolution`",
            "/generationConfig/mediaResolution",
            json!("MEDIA_RESOLUTION_LOW"),
        ),
        at(
            "`speechConfig`",
            "/generationConfig/speechConfig",
            json!({ "languageCode": "de-CH" }),
        ),
        at(
            "`thinkingBudget`",
            "/generationConfig/thinkingConfig",
            json!({ "thinkingBudget": 2000 }),
        ),
        at(
            "`thinkingLevel`",
            "/generationConfig/thinkingConfig",
            json!({ "thinkingLevel": "LOW" }),
        ),
        back(at(
            "`includeThoughts`",
            "/generationConfig/thinkingConfig",
            json!({ "includeThoughts": true }),
        )),
        top(
            "`toolConfig` ANY",
            "toolConfig",
            json!({ "functionCallingConfig": { "mode": "ANY" } }),
        ),
        top(
            "`allowedFunctionNames`",
            "toolConfig",
            json!({ "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["f"] } }),
        ),
        top(
            "`toolConfig` NONE",
            "toolConfig",
            json!({ "functionCallingConfig": { "mode": "NONE" } }),
        ),
        at("`googleSearch`", "/tools/-", json!({ "googleSearch": {} })),
        at(
            "`codeExecution`",
            "/tools/-",
            json!({ "codeExecution": {} }),
        ),
        at("`urlContext`", "/tools/-", json!({ "urlContext": {} })),
        top(
            "`safetySettings`",
            "safetySettings",
            json!([{ "category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE" }]),
        ),
        top(
            "`cachedContent`",
            "cachedContent",
            json!("cachedContents/x"),
        ),
        top("`labels`", "labels", json!({ "a": "b" })),
        named(
            "images",
            part(json!({ "inlineData": { "mimeType": "image/png", "data": "QUJD" } })),
        ),
        named(
            "PDF documents",
            part(json!({ "inlineData": { "mimeType": "application/pdf", "data": "QUJD" } })),
        ),
        named(
            "sound",
            part(json!({ "inlineData": { "mimeType": "audio/wav", "data": "QUJD" } })),
        ),
        named(
            "video",
            part(json!({ "inlineData": { "mimeType": "video/mp4", "data": "QUJD" } })),
        ),
        named(
            "`fileData` with an https address",
            part(json!({ "fileData": { "mimeType": "image/png", "fileUri": URL } })),
        ),
        named(
            "`fileData` of Google's file store",
            part(
                json!({ "fileData": { "mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x" } }),
            ),
        ),
        at(
            "`thought` parts",
            "/contents/1/parts/-",
            json!({ "text": "hm", "thought": true }),
        ),
        at(
            "`executableCode`",
            "/contents/1/parts/-",
            json!({ "executableCode": { "language": "PYTHON", "code": "1" } }),
        ),
        at(
            "`thoughtSignature` of another provider",
            "/contents/1/parts/0/thoughtSignature",
            json!("byok1:5:other:S"),
        ),
    ]
}
