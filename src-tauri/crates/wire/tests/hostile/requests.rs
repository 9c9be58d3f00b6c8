//! A request in each dialect that has a bit of everything.

use byokey_wire::Dialect;
use serde_json::{Value, json};

/// The request.
pub(crate) fn full(caller: Dialect) -> Value {
    match caller {
        Dialect::Responses => responses(),
        Dialect::Messages => messages(),
        Dialect::Gemini => gemini(),
        Dialect::Chat | Dialect::Kiro => chat(),
    }
}

fn schema() -> Value {
    json!({ "type": "object", "properties": { "q": { "type": "string" } }, "required": ["q"] })
}

fn chat() -> Value {
    json!({
        "model": "m", "stream": true, "stream_options": { "include_usage": true },
        "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "frequency_penalty": 0.1,
        "presence_penalty": 0.1, "seed": 7, "stop": ["END"], "n": 1, "user": "u",
        "reasoning_effort": "low", "service_tier": "auto", "prompt_cache_key": "k",
        "parallel_tool_calls": true, "tool_choice": "auto", "metadata": { "a": "b" },
        "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": schema(), "strict": true } },
        "tools": [{ "type": "function", "function": { "name": "f", "description": "d", "parameters": schema(), "strict": false } }],
        "messages": [
            { "role": "system", "content": "s" },
            { "role": "user", "name": "me", "content": [
                { "type": "text", "text": "t" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBO", "detail": "low" } },
                { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE" } },
            ] },
            { "role": "assistant", "content": "a", "reasoning_content": "r", "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"q\":\"x\"}" } },
            ] },
            { "role": "tool", "tool_call_id": "c1", "content": "res" },
            { "role": "user", "content": "go" },
        ],
    })
}

fn responses() -> Value {
    json!({
        "model": "m", "stream": true, "instructions": "s", "max_output_tokens": 100,
        "temperature": 0.5, "top_p": 0.9, "parallel_tool_calls": true, "store": false,
        "metadata": { "a": "b" }, "service_tier": "auto", "prompt_cache_key": "k",
        "safety_identifier": "u", "truncation": "disabled", "include": ["reasoning.encrypted_content"],
        "reasoning": { "effort": "low", "summary": "auto" },
        "text": { "verbosity": "low", "format": { "type": "json_schema", "name": "n", "schema": schema(), "strict": true } },
        "tool_choice": "auto",
        "tools": [{ "type": "function", "name": "f", "description": "d", "parameters": schema(), "strict": false }],
        "input": [
            { "type": "message", "role": "developer", "content": "s2" },
            { "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "t" },
                { "type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "low" },
                { "type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE" },
            ] },
            { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "r" }], "encrypted_content": "e" },
            { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "a" }] },
            { "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"q\":\"x\"}" },
            { "type": "function_call_output", "call_id": "c1", "output": "res" },
            { "type": "message", "role": "user", "content": "go" },
        ],
    })
}

fn messages() -> Value {
    json!({
        "model": "m", "stream": true, "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 5,
        "stop_sequences": ["END"], "metadata": { "user_id": "u" }, "service_tier": "auto",
        "thinking": { "type": "enabled", "budget_tokens": 1024 },
        "output_config": { "effort": "low", "format": { "type": "json_schema", "schema": schema() } },
        "system": [{ "type": "text", "text": "s", "cache_control": { "type": "ephemeral", "ttl": "5m" } }],
        "tool_choice": { "type": "auto", "disable_parallel_tool_use": false },
        "tools": [{ "name": "f", "description": "d", "input_schema": schema() }],
        "messages": [
            { "role": "user", "content": [
                { "type": "text", "text": "t" },
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBO" } },
                { "type": "document", "title": "T", "source": { "type": "base64", "media_type": "application/pdf", "data": "JVBE" } },
            ] },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "r", "signature": "sig" },
                { "type": "text", "text": "a" },
                { "type": "tool_use", "id": "c1", "name": "f", "input": { "q": "x" } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c1", "is_error": false, "content": [{ "type": "text", "text": "res" }] },
                { "type": "text", "text": "go" },
            ] },
        ],
    })
}

fn gemini() -> Value {
    json!({
        "systemInstruction": { "parts": [{ "text": "s" }] },
        "generationConfig": {
            "temperature": 0.5, "topP": 0.9, "topK": 5, "maxOutputTokens": 100, "stopSequences": ["END"],
            "seed": 7, "candidateCount": 1, "presencePenalty": 0.1, "frequencyPenalty": 0.1,
            "responseMimeType": "application/json", "responseJsonSchema": schema(),
            "thinkingConfig": { "includeThoughts": true, "thinkingBudget": 1024 },
        },
        "safetySettings": [{ "category": "c", "threshold": "t" }],
        "toolConfig": { "functionCallingConfig": { "mode": "AUTO", "allowedFunctionNames": [] } },
        "tools": [{ "functionDeclarations": [{ "name": "f", "description": "d", "parametersJsonSchema": schema() }] }],
        "contents": [
            { "role": "user", "parts": [
                { "text": "t" },
                { "inlineData": { "mimeType": "image/png", "data": "iVBO" } },
                { "inlineData": { "mimeType": "application/pdf", "data": "JVBE" } },
            ] },
            { "role": "model", "parts": [
                { "text": "r", "thought": true, "thoughtSignature": "sig" },
                { "text": "a" },
                { "functionCall": { "id": "c1", "name": "f", "args": { "q": "x" } } },
            ] },
            { "role": "user", "parts": [{ "functionResponse": { "id": "c1", "name": "f", "response": { "output": "res" } } }] },
            { "role": "user", "parts": [{ "text": "go" }] },
        ],
    })
}

/// A short request with `%` in the place of some JSON in a tool's schema, where it must be kept.
pub(crate) fn with_schema(caller: Dialect) -> &'static str {
    match caller {
        Dialect::Responses => {
            r#"{"model":"m","input":"u","tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{"a":{"default":%}}}}]}"#
        }
        Dialect::Messages => {
            r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"u"}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":{"default":%}}}}]}"#
        }
        Dialect::Gemini => {
            r#"{"contents":[{"role":"user","parts":[{"text":"u"}]}],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"a":{"default":%}}}}]}]}"#
        }
        Dialect::Chat | Dialect::Kiro => {
            r#"{"model":"m","messages":[{"role":"user","content":"u"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"default":%}}}}}]}"#
        }
    }
}

/// The same with `%` in the place of a member that nobody knows.
pub(crate) fn with_unknown(caller: Dialect) -> String {
    let body = with_text(caller).replace('%', "\"u\"");
    body.replacen('{', "{\"nobody_knows\":%,", 1)
}

/// The same with `%` in the place of what the person says.
pub(crate) fn with_text(caller: Dialect) -> &'static str {
    match caller {
        Dialect::Responses => {
            r#"{"model":"m","input":[{"type":"message","role":"user","content":%}]}"#
        }
        Dialect::Messages => {
            r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":%}]}"#
        }
        Dialect::Gemini => r#"{"contents":[{"role":"user","parts":[{"text":%}]}]}"#,
        Dialect::Chat | Dialect::Kiro => {
            r#"{"model":"m","messages":[{"role":"user","content":%}]}"#
        }
    }
}
