//! The caller's tools as Claude Code sees them: an MCP server called `caller`, whose messages the
//! program sends and takes through its own standard input and output. No port is opened for it.

use serde_json::{Value, json};

use crate::BridgeTrouble;

/// Name of the server.
pub(super) const SERVER: &str = "caller";
/// What the program puts before the names of its tools.
const PREFIX: &str = "mcp__caller__";
/// Longest name that the API takes.
const LONGEST_NAME: usize = 128;
/// Most characters of results that a waiting run takes over; the program would put more of it into
/// a file and show the model only the beginning.
const MOST_RESULT: usize = 150_000;

/// The tools that the caller runs itself.
///
/// # Errors
/// [`BridgeTrouble::Request`] when a name leaves no room for the server's.
pub(super) fn of_caller(tools: Option<Value>) -> Result<Vec<Value>, BridgeTrouble> {
    let Some(Value::Array(mut tools)) = tools else {
        return Ok(Vec::new());
    };
    tools.retain(is_callers);
    for tool in &tools {
        let name = tool["name"].as_str().unwrap_or_default();
        if name.len() + PREFIX.len() > LONGEST_NAME {
            let most = LONGEST_NAME - PREFIX.len();
            return Err(BridgeTrouble::Request(format!(
                "tools: the name {name} is too long for Claude Code, which takes {most} characters"
            )));
        }
    }
    Ok(tools)
}

/// Whether the caller runs the tool; the others are the provider's own.
pub(super) fn is_callers(tool: &Value) -> bool {
    tool.get("input_schema").is_some()
}

/// Gives a call in the history the name that the program knows it by.
pub(super) fn rename_call(block: &mut Value) {
    if block["type"] == "tool_use"
        && let Some(name) = block["name"].as_str()
    {
        block["name"] = json!(format!("{PREFIX}{name}"));
    }
}

/// The caller's name of a tool that the program's model calls; `None` when it is not the caller's.
pub(super) fn callers_name(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// What is answered to a message of the program's MCP client.
pub(super) enum Reply {
    /// This.
    Message(Value),
    /// The output of the tool that was called, once the caller has brought it.
    Later {
        /// The model's id of the call.
        call: String,
        /// The client's id of its request.
        id: Value,
    },
}

/// Answers a message of the program's MCP client (JSON-RPC).
pub(super) fn answer(message: &Value, tools: &[Value]) -> Reply {
    let id = &message["id"];
    let result = match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "byokey", "version": env!("CARGO_PKG_VERSION")},
        }),
        "tools/list" => json!({"tools": tools.iter().map(offer).collect::<Vec<_>>()}),
        "tools/call" => match call_id(&message["params"]) {
            Some(call) => {
                return Reply::Later {
                    call: call.to_owned(),
                    id: id.clone(),
                };
            }
            None => failure("byokey cannot tell which call this is"),
        },
        "ping" => json!({}),
        method if id.is_null() || method.starts_with("notifications/") => json!({}),
        method => {
            let error = json!({"code": -32601, "message": format!("no method {method}")});
            return Reply::Message(json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    Reply::Message(reply(id, &result))
}

/// A JSON-RPC reply.
pub(super) fn reply(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// A tool as MCP offers it. The first mark keeps the program from hiding it behind a search, the
/// second from shortening what it puts out.
fn offer(tool: &Value) -> Value {
    let mut offer = json!({
        "name": tool["name"],
        "inputSchema": tool["input_schema"],
        "_meta": {"anthropic/alwaysLoad": true, "anthropic/maxResultSizeChars": 500_000},
    });
    if let Some(description) = tool.get("description") {
        offer["description"] = description.clone();
    }
    offer
}

fn call_id(params: &Value) -> Option<&str> {
    params["_meta"]["claudecode/toolUseId"].as_str()
}

fn failure(words: &str) -> Value {
    json!({"content": [{"type": "text", "text": words}], "isError": true})
}

/// The results of calls as MCP has them, by call; `None` when one of them holds what MCP or the
/// program would change: then the conversation is told anew instead.
pub(super) fn outputs(results: &[Value]) -> Option<Vec<(String, Value)>> {
    let mut size = 0;
    let mut outputs = Vec::with_capacity(results.len());
    for result in results {
        let content = match &result["content"] {
            Value::Null => Vec::new(),
            Value::String(text) => vec![json!({"type": "text", "text": text})],
            Value::Array(blocks) => blocks.iter().map(output).collect::<Option<_>>()?,
            _ => return None,
        };
        let texts = content.iter().filter_map(|block| block["text"].as_str());
        size += texts.map(str::len).sum::<usize>();
        let is_error = result["is_error"] == true;
        let call = result["tool_use_id"].as_str()?.to_owned();
        outputs.push((call, json!({"content": content, "isError": is_error})));
    }
    (size <= MOST_RESULT).then_some(outputs)
}

fn output(block: &Value) -> Option<Value> {
    match block["type"].as_str()? {
        "text" => Some(json!({"type": "text", "text": block["text"]})),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(reply: Reply) -> Value {
        match reply {
            Reply::Message(message) => message,
            Reply::Later { call, .. } => panic!("{call} would wait"),
        }
    }

    #[test]
    fn the_client_is_told_the_tools_as_they_are() {
        let schema = json!({"type": "object", "properties": {"a": {"enum": [1, "x"]}}, "additionalProperties": false});
        let tools = of_caller(Some(json!([
            {"name": "f", "description": "d", "input_schema": schema, "cache_control": {"type": "ephemeral"}},
            {"type": "web_search_20260209", "name": "web_search"},
            {"name": "g", "input_schema": {"type": "object"}},
        ]))).unwrap();
        let listed = message(answer(
            &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
            &tools,
        ));
        assert_eq!(listed["id"], 1);
        let listed = listed["result"]["tools"].as_array().unwrap();
        assert_eq!(
            listed.len(),
            2,
            "a provider's own tool is none of the caller's"
        );
        assert_eq!(listed[0]["inputSchema"], schema);
        assert_eq!(listed[0]["description"], "d");
        assert!(listed[1].get("description").is_none());
    }

    #[test]
    fn a_call_waits_and_all_else_is_answered() {
        let call = json!({"id": 7, "method": "tools/call", "params": {"name": "f", "arguments": {},
            "_meta": {"claudecode/toolUseId": "toolu_1"}}});
        assert!(
            matches!(answer(&call, &[]), Reply::Later { call, id } if call == "toolu_1" && id == 7)
        );
        let nameless = json!({"id": 8, "method": "tools/call", "params": {"name": "f"}});
        assert_eq!(message(answer(&nameless, &[]))["result"]["isError"], true);
        let hello =
            json!({"id": 0, "method": "initialize", "params": {"protocolVersion": "2030-01-01"}});
        assert_eq!(
            message(answer(&hello, &[]))["result"]["protocolVersion"],
            "2030-01-01"
        );
        assert_eq!(
            message(answer(&json!({"id": 1, "method": "ping"}), &[]))["result"],
            json!({})
        );
        let odd = json!({"id": 1, "method": "resources/list"});
        assert_eq!(message(answer(&odd, &[]))["error"]["code"], -32601);
        let told = json!({"method": "notifications/initialized"});
        assert!(message(answer(&told, &[])).get("error").is_none());
    }

    #[test]
    fn results_keep_their_texts_or_are_told_anew() {
        let results = [
            json!({"tool_use_id": "a", "content": "x"}),
            json!({"tool_use_id": "b", "is_error": true, "content": [{"type": "text", "text": "y"}]}),
            json!({"tool_use_id": "c"}),
        ];
        let told = outputs(&results).unwrap();
        assert_eq!(
            told[0],
            (
                "a".to_owned(),
                json!({"content": [{"type": "text", "text": "x"}], "isError": false})
            )
        );
        assert_eq!(told[1].1["isError"], true);
        assert_eq!(told[2].1["content"], json!([]));
        let picture = json!({"tool_use_id": "a", "content": [{"type": "image", "source": {}}]});
        assert!(outputs(&[picture]).is_none());
        let long = json!({"tool_use_id": "a", "content": "x".repeat(MOST_RESULT + 1)});
        assert!(outputs(&[long]).is_none());
        assert!(outputs(&[json!({"content": "x"})]).is_none());
    }
}
