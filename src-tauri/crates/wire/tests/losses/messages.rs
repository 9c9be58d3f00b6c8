//! The members of Messages.

use serde_json::json;

use super::{Probe, URL, at, schema, top};

pub(super) fn probes() -> Vec<Probe> {
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
