//! Claude Code's odd lines, spoken by a shell script in its place. What the real program does is
//! tested with the real one.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use byokey_catalog::{Bridge, BridgeProtocol};
use bytes::Bytes;
use http::{Response, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::{BridgeBody, BridgeCall, BridgeSettings, BridgeTrouble, Bridges, LoginState};

/// What every script begins with: it names itself, takes the greeting, and says how to stream.
const HEAD: &str = r#"#!/bin/sh
case "$1" in
--version) echo "${VERSION:-2.1.330} (Claude Code)"; exit;;
--help) echo "${HELP:---include-partial-messages --input-format --no-session-persistence --output-format --setting-sources --strict-mcp-config --tools}"; exit;;
auth) echo '{"loggedIn":true,"email":"me@example.org","subscriptionType":"max"}'; exit;;
esac
hello() {
    read -r line
    echo '{"type":"control_response","response":{"subtype":"success","request_id":"initialize","response":{}}}'
}
say() { echo '{"type":"stream_event","parent_tool_use_id":null,"event":'"$1"'}'; }
start() { say '{"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}'; }
text() { say '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'"$1"'"}}'; }
call() { say '{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"'"$1"'","name":"'"$2"'","input":{}}}'; }
stop() { say '{"type":"message_delta","delta":{"stop_reason":"'"$1"'"},"usage":{"output_tokens":5}}'; say '{"type":"message_stop"}'; }
ask() { echo '{"type":"control_request","request_id":"q'"$1"'","request":{"subtype":"mcp_message","server_name":"caller","message":{"jsonrpc":"2.0","id":'"$1"',"method":"tools/call","params":{"name":"f","arguments":{},"_meta":{"claudecode/toolUseId":"'"$2"'"}}}}}'; }
"#;

struct House {
    bridges: Bridges,
    bridge: Bridge,
    settings: BridgeSettings,
    folder: tempfile::TempDir,
}

impl House {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("claude");
        fs::write(&program, format!("{HEAD}{script}")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let args = |words: &str| words.split(' ').map(str::to_owned).collect();
        Self {
            bridges: Bridges::new(folder.path().join("work")),
            bridge: Bridge {
                program: "claude".to_owned(),
                protocol: BridgeProtocol::ClaudeStreamJson,
                run: args("-p --output-format stream-json"),
                login: args("auth login"),
                status: args("auth status"),
                logout: args("auth logout"),
                install_url: "https://code.claude.com/docs".to_owned(),
            },
            settings: BridgeSettings {
                program: Some(program),
                env: BTreeMap::new(),
            },
            folder,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn call(&self, body: &Value) -> Response<BridgeBody> {
        let call = BridgeCall {
            bridge: &self.bridge,
            settings: &self.settings,
            account: 1,
            body: Bytes::from(body.to_string()),
        };
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, self.bridges.call(call))
            .await
            .unwrap()
    }

    async fn trouble(&self) -> BridgeTrouble {
        let response = self.call(&hi()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let trouble = response
            .extensions()
            .get::<BridgeTrouble>()
            .unwrap()
            .clone();
        assert_eq!(response.status(), trouble.status());
        let body: Value = serde_json::from_str(&read(response).await).unwrap();
        assert_eq!(
            (&body["type"], &body["error"]["type"]),
            (&json!("error"), &json!(trouble.kind()))
        );
        assert_eq!(body["error"]["message"], trouble.to_string());
        trouble
    }
}

fn hi() -> Value {
    json!({"model": "m", "max_tokens": 5, "stream": true, "messages": [{"role": "user", "content": "hi"}]})
}

fn with_tool() -> Value {
    let mut body = hi();
    body["tools"] = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    body
}

/// The request that goes on after calls.
fn results(ids: &[&str]) -> Value {
    let mut body = with_tool();
    let calls: Vec<_> = ids
        .iter()
        .map(|id| json!({"type": "tool_use", "id": id, "name": "f", "input": {}}))
        .collect();
    let results: Vec<_> =
        ids.iter().map(|id| json!({"type": "tool_result", "tool_use_id": id, "content": format!("out of {id}")})).collect();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": calls}));
    messages.push(json!({"role": "user", "content": results}));
    body
}

async fn read(response: Response<BridgeBody>) -> String {
    let body = tokio::time::timeout(Duration::from_secs(60), response.into_body().collect()).await;
    String::from_utf8(body.unwrap().unwrap().to_bytes().to_vec()).unwrap()
}

/// The data of the frames of a stream.
async fn events(response: Response<BridgeBody>) -> Vec<Value> {
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let text = read(response).await;
    let frames = text.split_terminator("\n\n");
    let data = frames.map(|frame| frame.split_once("\ndata: ").unwrap().1);
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn events_pass_and_all_else_is_passed_over() {
    let house = House::new(
        r#"hello
        echo; echo 'warning: odd'; echo '{"type":"system","subtype":"init"}'; echo '{"type":"of_next_year"}'
        echo '{"type":"control_request","request_id":"x","request":{"subtype":"can_use_tool"}}'
        start
        echo '{"type":"stream_event","parent_tool_use_id":"toolu_9","event":{"type":"message_start"}}'
        text one; text two; stop end_turn
        echo '{"type":"result","is_error":false}'
        cat > /dev/null"#,
    );
    let events = events(house.call(&hi()).await).await;
    let expected = [
        "message_start",
        "content_block_delta",
        "content_block_delta",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(kinds(&events), expected);
    assert_eq!(events[2]["delta"]["text"], "two");
    assert_eq!(events[3]["usage"]["output_tokens"], 5);
}

#[tokio::test]
async fn a_conversation_is_told_line_by_line() {
    let house = House::new(
        r#"hello; echo "$line" >> "$SEEN"
        read -r line; echo "$line" >> "$SEEN"; echo '{"type":"result"}'
        read -r line; echo "$line" >> "$SEEN"
        read -r line; echo "$line" >> "$SEEN"
        echo "$MAX_THINKING_TOKENS $CLAUDE_CODE_MAX_OUTPUT_TOKENS $*" >> "$SEEN"
        start; stop end_turn"#,
    );
    let seen = house.file("seen");
    let house = house.with("SEEN", seen.to_str().unwrap());
    let mut body = hi();
    body["system"] = json!("be brief");
    body["messages"] = json!([{"role": "user", "content": "/one"}, {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"}]);
    assert_eq!(events(house.call(&body).await).await.len(), 3);
    let seen = fs::read_to_string(seen).unwrap();
    let lines: Vec<Value> = seen
        .lines()
        .take(4)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["request"]["systemPrompt"], "be brief");
    let told: Vec<_> = lines[1..]
        .iter()
        .map(|line| &line["message"]["content"][0]["text"])
        .collect();
    assert_eq!(told, ["/one", "two", "three"]);
    assert_eq!(
        (&lines[1]["shouldQuery"], &lines[3]["shouldQuery"]),
        (&json!(false), &json!(true))
    );
    assert!(
        [1, 3].iter().all(|at| lines[*at]["text_not_typed"] == true),
        "no words are commands"
    );
    let options = seen.lines().last().unwrap();
    assert!(
        options.starts_with("0 5 -p ") && options.contains("--tools= --model=m"),
        "{options}"
    );
    assert!(!options.contains("brief"));
}

#[tokio::test]
async fn a_call_leaves_and_its_output_goes_on_with_the_run() {
    let house = House::new(
        r#"hello; read -r line
        start; call toolu_1 mcp__caller__f; call toolu_2 mcp__caller__f; ask 1 toolu_1; stop tool_use
        read -r line; echo "$line" >> "$SEEN"
        ask 2 toolu_2; read -r line; echo "$line" >> "$SEEN"
        start; text done; stop end_turn"#,
    );
    let seen = house.file("seen");
    let house = house.with("SEEN", seen.to_str().unwrap());
    let first = events(house.call(&with_tool()).await).await;
    assert_eq!(
        first[1]["content_block"]["name"], "f",
        "the caller's own name"
    );
    assert_eq!(kinds(&first).last(), Some(&"message_stop"));
    let second = events(house.call(&results(&["toolu_1", "toolu_2"])).await).await;
    assert_eq!(second[1]["delta"]["text"], "done");
    let seen = fs::read_to_string(seen).unwrap();
    for (line, id) in seen.lines().zip(["toolu_1", "toolu_2"]) {
        let line: Value = serde_json::from_str(line).unwrap();
        let result = &line["response"]["response"]["mcp_response"]["result"];
        assert_eq!(result["content"][0]["text"], format!("out of {id}"));
    }
    assert_eq!(seen.lines().count(), 2);
}

#[tokio::test]
async fn what_does_not_fit_a_waiting_run_begins_anew() {
    let run = r#"hello; echo begun >> "$SEEN"
        while read -r line; do case "$line" in
            *'"shouldQuery":false'*) echo '{"type":"result"}';;
            *'"shouldQuery":true'*tool_result*|*tool_result*'"shouldQuery":true'*) start; text anew; stop end_turn;;
            *'"shouldQuery":true'*) start; call toolu_1 "${NAME:-mcp__caller__f}"; stop tool_use; [ -z "$DIES" ] || exit;;
            *mcp_response*) start; text astray; stop end_turn;;
        esac; done"#;
    for (name, value, changes) in [
        ("X", "", true),
        ("DIES", "1", false),
        ("NAME", "Bash", false),
    ] {
        let house = House::new(run);
        let seen = house.file("seen");
        let house = house.with("SEEN", seen.to_str().unwrap()).with(name, value);
        events(house.call(&with_tool()).await).await;
        let mut next = results(&["toolu_1"]);
        if changes {
            next["messages"][0]["content"] = json!("something else");
        }
        let told = events(house.call(&next).await).await;
        assert_eq!(told[1]["delta"]["text"], "anew", "{name}");
        assert_eq!(
            fs::read_to_string(seen).unwrap().lines().count(),
            2,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_run_that_answered_the_call_itself_is_replaced() {
    let house = House::new(
        r#"hello; echo begun >> "$SEEN"; read -r line
        case "$line" in *'"shouldQuery":false'*)
            echo '{"type":"result"}'; read -r line; read -r line; start; text anew; stop end_turn; exit;;
        esac
        start; call toolu_1 mcp__caller__f; stop tool_use
        while [ ! -e "$SEEN.go" ]; do sleep 0.05; done
        start; text astray; stop end_turn"#,
    );
    let seen = house.file("seen");
    let house = house.with("SEEN", seen.to_str().unwrap());
    events(house.call(&with_tool()).await).await;
    let next = results(&["toolu_1"]);
    let call = house.call(&next);
    let go = async {
        tokio::task::yield_now().await;
        fs::write(house.file("seen.go"), "").unwrap();
    };
    let (told, ()) = tokio::join!(call, go);
    assert_eq!(events(told).await[1]["delta"]["text"], "anew");
}

#[tokio::test]
async fn the_providers_refusal_keeps_its_status() {
    let house = House::new(
        r#"hello; read -r line
        echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":32503680000}}'
        echo '{"type":"assistant","message":{"content":[{"type":"text","text":"Plan limit reached"}]},"is_api_error_message":true,"error":"rate_limit"}'
        cat > /dev/null"#,
    );
    let response = house.call(&hi()).await;
    assert_eq!(response.status(), 429);
    let seconds: u64 = response.headers()[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(seconds > 1_000_000);
    assert!(read(response).await.contains("claude: Plan limit reached"));
}

#[tokio::test]
async fn signed_out_is_an_instruction() {
    let house = House::new(
        r#"hello; read -r line
        echo '{"type":"assistant","message":{"content":[{"type":"text","text":"Not logged in"}]},"is_api_error_message":true,"error":"authentication_failed"}'
        cat > /dev/null"#,
    );
    let trouble = house.trouble().await;
    assert_eq!(trouble.status(), 401);
    assert!(matches!(trouble, BridgeTrouble::SignedOut { .. }));
    let words = trouble.to_string();
    assert!(
        words.contains("`claude auth login`") && words.contains("Not logged in"),
        "{words}"
    );
}

#[tokio::test]
async fn every_way_of_failing_before_a_stream_says_why() {
    for (script, status, words) in [
        (
            "echo 'boom: no memory' >&2; exit 3",
            502,
            "stopped before it had answered: boom: no memory",
        ),
        ("hello; exit", 502, "stopped before it had answered"),
        (
            r#"read -r line; echo '{"type":"control_response","response":{"subtype":"error","request_id":"initialize","error":"no such thing"}}'"#,
            502,
            "no such thing",
        ),
        (
            r#"hello; read -r line; echo '{"type":"result","is_error":true,"errors":["bad","luck"]}'; cat"#,
            502,
            "bad; luck",
        ),
        (
            r#"hello; read -r line; echo '{"type":"result","is_error":false,"result":"Unknown skill"}'; cat"#,
            502,
            "Unknown skill",
        ),
        (
            r#"hello; read -r line; echo '{"type":"result","is_error":true,"api_error_status":529,"result":""}'; cat"#,
            529,
            "no reason was given",
        ),
    ] {
        let trouble = House::new(script).trouble().await;
        assert_eq!(trouble.status(), status, "{script}");
        assert!(trouble.to_string().contains(words), "{trouble}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error() {
    for (script, words) in [
        (
            "hello; read -r line; start; text a; exit",
            "stopped before it had answered",
        ),
        ("hello; read -r line; start; text a; start; cat", "anew"),
        (
            r#"hello; read -r line; start; say '{"type":"error","error":{"message":"Overloaded"}}'; cat"#,
            "Overloaded",
        ),
        (
            r#"hello; read -r line; start; echo '{"type":"result","is_error":false,"result":""}'; cat"#,
            "no reason was given",
        ),
    ] {
        let events = events(House::new(script).call(&hi()).await).await;
        let last = events.last().unwrap();
        assert_eq!(last["type"], "error", "{script}");
        assert!(
            last["error"]["message"].as_str().unwrap().contains(words),
            "{last}"
        );
    }
}

#[tokio::test]
async fn a_program_that_is_missing_or_old_is_an_instruction() {
    let mut house = House::new("");
    house.settings.program = Some(house.file("nowhere"));
    assert!(matches!(
        house.trouble().await,
        BridgeTrouble::MissingAt { .. }
    ));
    house.settings.program = None;
    house.bridge.program = "no-program-of-this-name".to_owned();
    let words = house.trouble().await.to_string();
    assert!(
        words.contains("is not installed") && words.contains(&house.bridge.install_url),
        "{words}"
    );

    let old = House::new("")
        .with("VERSION", "2.0.76")
        .trouble()
        .await
        .to_string();
    assert!(
        old.contains("2.0.76") && old.contains("2.1.300") && old.contains("Update it"),
        "{old}"
    );
    let other = House::new("")
        .with("HELP", "--tool")
        .trouble()
        .await
        .to_string();
    assert!(other.contains("--include-partial-messages"), "{other}");
}

#[tokio::test]
async fn a_probe_tells_version_and_login() {
    let house = House::new("");
    let told = house
        .bridges
        .probe(&house.bridge, &house.settings)
        .await
        .unwrap();
    assert_eq!(told.version.to_string(), "2.1.330");
    let label = Some("me@example.org".to_owned());
    assert_eq!(
        told.login,
        LoginState::SignedIn {
            label,
            plan: Some("max".to_owned())
        }
    );
}

#[tokio::test]
async fn the_program_ends_when_its_caller_leaves() {
    for (script, frames) in [
        ("start; text a; while read -r line; do :; done", 2),
        // One that does not listen.
        (
            "trap '' TERM; start; text a; sleep 600 & while :; do wait; done",
            2,
        ),
    ] {
        let house = House::new(&format!(
            "hello; read -r line; echo $$ > \"$SEEN.new\"; mv \"$SEEN.new\" \"$SEEN\"; {script}"
        ));
        let seen = house.file("seen");
        let house = house.with("SEEN", seen.to_str().unwrap());
        let mut body = house.call(&hi()).await.into_body();
        for _ in 0..frames {
            body.frame().await.unwrap().unwrap();
        }
        let id: i32 = fs::read_to_string(&seen).unwrap().trim().parse().unwrap();
        let process = rustix::process::Pid::from_raw(id).unwrap();
        drop(body);
        let gone = async {
            while rustix::process::test_kill_process(process).is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), gone)
            .await
            .unwrap();
    }
}
