//! A program of the user's behind the gateway: a script that speaks as Claude Code does.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use byokey_vault::{Actor, Login, NewSignIn, Outcome};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::relay::rig::{Rig, chat_body, events, messages_body};

const PROGRAM: &str = r#"#!/bin/sh
case "$1" in
--version) echo '2.1.330 (Claude Code)'; exit;;
--help) echo '--include-partial-messages --input-format --no-session-persistence --output-format --setting-sources --strict-mcp-config --tools'; exit;;
esac
echo begun >> "$SEEN"
say() { echo '{"type":"stream_event","parent_tool_use_id":null,"event":'"$1"'}'; }
read -r line
echo '{"type":"control_response","response":{"subtype":"success","request_id":"initialize"}}'
read -r line
case "$line" in *'sign me out'*)
    echo '{"type":"assistant","is_api_error_message":true,"error":"authentication_failed","message":{"content":[{"type":"text","text":"Not logged in"}]}}'
    cat > /dev/null; exit 1;;
esac
say '{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":7,"output_tokens":1}}}'
say '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
say '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"from the program"}}'
case "$line" in *'go on for ever'*) trap 'echo ended >> "$SEEN"; exit' TERM; while read -r line; do :; done; echo ended >> "$SEEN"; exit;; esac
say '{"type":"content_block_stop","index":0}'
say '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}'
say '{"type":"message_stop"}'
"#;

async fn rig(folder: &Path) -> Rig {
    let program = folder.join("claude");
    fs::write(&program, PROGRAM).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "providers:\n  claude:\n    bridge:\n      program: {}\n      env: {{ SEEN: {} }}\n",
        program.display(),
        folder.join("seen").display()
    );
    Rig::configured(&config, |vault| {
        let new = NewSignIn {
            provider: "claude",
            name: None,
            route: "claude-cli",
            identity: Some("claude"),
            label: None,
            plan: None,
            base_origin: None,
            fields: &[],
        };
        vault.sign_in(new, Login::Bridge, Actor::Cli).unwrap();
    })
    .await
}

#[tokio::test]
async fn every_caller_is_answered_by_the_program() {
    let folder = TempDir::new().unwrap();
    let rig = rig(folder.path()).await;
    for stream in [true, false] {
        let reply = rig
            .messages(messages_body("claude/opus", "hello", stream))
            .await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["x-byokey-route"], "claude/default");
        let text = reply.text().await.unwrap();
        if stream {
            let events = events(&text);
            assert_eq!(events[2]["delta"]["text"], "from the program");
            assert_eq!(events.last().unwrap()["type"], "message_stop");
        } else {
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(message["content"][0]["text"], "from the program");
        }
        let reply = rig.chat(chat_body("claude/opus", "hello", stream)).await;
        assert_eq!(reply.status(), 200);
        assert!(reply.text().await.unwrap().contains("from the program"));
    }
    for row in rig.usage(4).await {
        assert_eq!(
            (row.outcome, row.usage.input, row.usage.output),
            (Outcome::Ok, Some(7), Some(5))
        );
    }
}

#[tokio::test]
async fn what_the_program_cannot_be_told_is_not_lost_in_silence() {
    let folder = TempDir::new().unwrap();
    let rig = rig(folder.path()).await;
    let mut body = messages_body("claude/opus", "hello", true);
    body["temperature"] = json!(0.2);
    let reply = rig.messages(body.clone()).await;
    assert_eq!(
        reply.headers()["x-byokey-dropped"],
        "1; temperature=dropped"
    );
    reply.text().await.unwrap();
    let strict = rig
        .post("/v1/messages", body.to_string())
        .header("x-byokey-strict", "1");
    let refused = strict.send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("temperature"));
    let runs = fs::read_to_string(folder.path().join("seen")).unwrap();
    assert_eq!(runs.lines().count(), 1, "nobody is asked in vain");
}

#[tokio::test]
async fn a_program_that_cannot_answer_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let rig = rig(folder.path()).await;
    let refused = rig
        .messages(messages_body("claude/opus", "sign me out", true))
        .await;
    assert_eq!(refused.status(), 502, "the caller's own key is good");
    let words = refused.text().await.unwrap();
    assert!(
        words.contains("claude auth login") && !words.contains("add-key"),
        "{words}"
    );
    fs::remove_file(folder.path().join("claude")).unwrap();
    let refused = rig
        .messages(messages_body("claude/opus", "hello", true))
        .await;
    assert!(refused.status().is_server_error());
    let words = refused.text().await.unwrap();
    assert!(words.contains("there is no program at"), "{words}");
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_run() {
    let folder = TempDir::new().unwrap();
    let rig = rig(folder.path()).await;
    let mut reply = rig
        .messages(messages_body("claude/opus", "go on for ever", true))
        .await;
    assert!(reply.chunk().await.unwrap().is_some());
    drop(reply);
    let seen = folder.path().join("seen");
    let ended = async {
        while !fs::read_to_string(&seen).unwrap().contains("ended") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let limit = std::time::Duration::from_secs(30);
    tokio::time::timeout(limit, ended).await.unwrap();
    assert_eq!(rig.usage(1).await[0].outcome, Outcome::ClientGone);
}
