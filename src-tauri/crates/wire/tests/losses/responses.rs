//! The members of Responses.

use serde_json::json;

use super::{PDF, PNG, Probe, URL, at, back, schema, top};

pub(super) fn probes() -> Vec<Probe> {
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
