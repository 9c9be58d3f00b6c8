use byokey_sim::{Chaos, End, Kind, Reply, Script, Sim, Trouble};
use byokey_vault::Outcome;
use serde_json::{Value, json};

use super::rig::{Rig, add_account, chat_body, chat_sim, messages_body, messages_sim};

/// Asks every pairing of caller and provider for the same trouble.
async fn everywhere(control: &str, stream: bool, settings: &str, check: impl Fn(&str, u16, &str)) {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], settings).await;
    for model in ["c/x", "m/x"] {
        let reply = rig.chat(chat_body(model, control, stream)).await;
        let status = reply.status().as_u16();
        check(
            &format!("chat {model}"),
            status,
            &reply.text().await.unwrap_or_default(),
        );
        let reply = rig.messages(messages_body(model, control, stream)).await;
        let status = reply.status().as_u16();
        check(
            &format!("messages {model}"),
            status,
            &reply.text().await.unwrap_or_default(),
        );
    }
    for row in rig.usage(4).await {
        assert_ne!(row.outcome, Outcome::Ok, "{row:?}");
        assert!(row.error.is_some(), "{row:?}");
    }
}

#[tokio::test]
async fn replies_that_are_none_become_clear_errors() {
    for control in ["[[sim html]]", "[[sim half]]"] {
        everywhere(control, false, "", |pair, status, body| {
            assert_eq!(
                if pair.starts_with("chat") { 502 } else { 500 },
                status,
                "{pair}: {body}"
            );
            let error: Value = serde_json::from_str(body).unwrap();
            let message = error["error"]["message"].as_str().unwrap();
            let told = ["answered with", "the provider's reply"];
            assert!(told.iter().any(|told| message.contains(told)), "{message}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_ends_with_the_dialects_error() {
    for control in ["[[sim cut=5]] a b c d e f g", "[[sim end=5]] a b c d e f g"] {
        everywhere(control, true, "", |pair, status, body| {
            assert_eq!(status, 200, "{pair}");
            let frames: Vec<_> = body
                .split("\n\n")
                .filter(|frame| !frame.is_empty())
                .collect();
            let last = frames.last().unwrap();
            let data = last.split("data: ").nth(1).unwrap();
            let error: Value = serde_json::from_str(data).unwrap();
            assert!(error["error"]["message"].is_string(), "{pair}: {last}");
            assert_eq!(
                pair.starts_with("messages"),
                last.starts_with("event: error"),
                "{last}"
            );
            assert!(
                !body.contains("[DONE]") && !body.contains("message_stop"),
                "{pair}: {body}"
            );
        })
        .await;
    }
}

#[tokio::test]
async fn a_provider_that_goes_silent_times_out() {
    everywhere(
        "[[sim stall=5]] a b c d e f g",
        true,
        "timeouts: { idle_s: 1 }",
        |pair, status, body| {
            assert_eq!(status, 200, "{pair}");
            assert!(body.contains("silent for 1 s"), "{pair}: {body}");
            assert!(
                !body.contains("[DONE]") && !body.contains("message_stop"),
                "{pair}: {body}"
            );
        },
    )
    .await;
    everywhere(
        "[[sim silent]]",
        false,
        "timeouts: { headers_s: 1 }",
        |pair, status, body| {
            assert_eq!(status, 504, "{pair}: {body}");
            assert!(body.contains("did not answer within 1 s"), "{pair}: {body}");
        },
    )
    .await;
    everywhere(
        "[[sim stall]]",
        true,
        "timeouts: { total_s: 1 }",
        |pair, _, body| {
            assert!(body.contains("total_s"), "{pair}: {body}");
        },
    )
    .await;
}

#[tokio::test]
async fn the_providers_own_words_reach_the_caller() {
    let control = "[[sim status=429 retry_after=7]]";
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], "").await;
    for model in ["c/x", "m/x"] {
        for reply in [
            rig.chat(chat_body(model, control, false)).await,
            rig.messages(messages_body(model, control, false)).await,
        ] {
            assert_eq!(reply.status(), 429);
            assert_eq!(reply.headers()["retry-after"], "7");
            assert!(reply.headers().contains_key("x-byokey-route"));
            let error: Value = reply.json().await.unwrap();
            assert!(!error["error"]["message"].as_str().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_refused_credential_is_no_fault_of_the_callers_key() {
    let sim = Sim::start(Kind::Chat, Script::default().key("another")).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let reply = rig.chat(chat_body("c/x", "hi", false)).await;
    assert_eq!(reply.status(), 502);
    let error: Value = reply.json().await.unwrap();
    assert_eq!(error["error"]["code"], "account_needs_login");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("c/default"), "{message}");
}

#[tokio::test]
async fn the_next_account_is_asked_before_the_first_byte() {
    let bad = Sim::start(Kind::Chat, Script::default().key("another")).await;
    let rig = Rig::start(&[("c", &bad)], "").await;
    let vault = rig.engine.vault();
    add_account(vault, "c", Some("second"), "another");
    rig.engine.accounts_changed().await.unwrap();
    let reply = rig.chat(chat_body("c/x", "hi", true)).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["x-byokey-route"], "c/second");
    assert_eq!(bad.requests().len(), 2);
    let named = rig.chat(chat_body("c/default/x", "hi", false)).await;
    assert_eq!(
        named.status(),
        502,
        "an account asked for by name is the only one asked"
    );
}

#[tokio::test]
async fn aliases_fall_back_in_order_and_across_dialects() {
    let dead = Sim::start(Kind::Chat, Script::default()).await;
    let address = dead.base_url();
    drop(dead);
    let sim = messages_sim().await;
    let providers = [("dead", "chat", address), ("m", "messages", sim.base_url())];
    let settings = "models: { aliases: { fast: [dead/x, m/y] } }";
    let rig = Rig::with(&providers, settings).await;
    let reply = rig.chat(chat_body("fast", "hi", false)).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["x-byokey-route"], "m/default");
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["model"], "fast");

    let config = std::fs::read_to_string(rig.config_path()).unwrap();
    std::fs::write(
        rig.config_path(),
        format!("routing: {{ failover: false }}\n{config}"),
    )
    .unwrap();
    rig.engine.reload().await.unwrap();
    let reply = rig.chat(chat_body("fast", "hi", false)).await;
    assert_eq!(reply.status(), 502);
}

#[tokio::test]
async fn request_faults_are_not_tried_elsewhere() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    add_account(rig.engine.vault(), "c", Some("second"), Script::KEY);
    rig.engine.accounts_changed().await.unwrap();
    let reply = rig
        .chat(chat_body("c/x", "[[sim status=400]]", false))
        .await;
    assert_eq!(reply.status(), 400);
    assert_eq!(sim.requests().len(), 1);
}

#[tokio::test]
async fn odd_error_replies_are_read() {
    for (status, body, expected) in [
        (500, "", 502),
        (500, "<html><title>Bad</title></html>", 502),
        (
            503,
            r#"{"error":{"message":"busy","type":"server_error"}}"#,
            503,
        ),
        (401, r#"{"error":{"message":"no"}}"#, 502),
        (402, r#"{"error":{"message":"pay"}}"#, 402),
    ] {
        let script = Script::default().reply(
            Reply::new(status)
                .header("content-type", "application/json")
                .part(byokey_sim::Part::Bytes(body.into())),
        );
        let sim = Sim::start(Kind::Chat, script).await;
        let rig = Rig::start(&[("c", &sim)], "").await;
        let reply = rig.chat(chat_body("c/x", "hi", false)).await;
        assert_eq!(reply.status(), expected, "{status} {body}");
        let error: Value = reply.json().await.unwrap();
        assert!(error["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn single_bytes_change_nothing() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let trouble = || Trouble {
        single_bytes: true,
        ..Trouble::default()
    };
    let slow_chat = Chaos::start(&chat, trouble()).await;
    let slow_messages = Chaos::start(&messages, trouble()).await;
    let providers = [
        ("c", "chat", slow_chat.base_url().to_owned()),
        ("m", "messages", slow_messages.base_url().to_owned()),
    ];
    let rig = Rig::with(&providers, "").await;
    for model in ["c/x", "m/x"] {
        let reply = rig
            .chat(chat_body(model, "hi", true))
            .await
            .text()
            .await
            .unwrap();
        assert!(reply.trim_end().ends_with("[DONE]"), "{reply}");
        let reply = rig
            .messages(messages_body(model, "hi", true))
            .await
            .text()
            .await
            .unwrap();
        assert!(reply.contains("message_stop"), "{reply}");
    }
}

#[tokio::test]
async fn a_reset_is_an_error_whenever_it_comes() {
    let sim = chat_sim().await;
    for at in [0, 10, 60, 200, 400] {
        let trouble = Trouble {
            end: Some(End::Reset(at)),
            ..Trouble::default()
        };
        let chaos = Chaos::start(&sim, trouble).await;
        let rig = Rig::with(&[("c", "chat", chaos.base_url().to_owned())], "").await;
        for stream in [true, false] {
            let reply = rig.chat(chat_body("c/x", "hi", stream)).await;
            let status = reply.status();
            let body = reply.text().await.unwrap_or_default();
            assert!(body.contains("\"error\""), "{at} {stream}: {status} {body}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_says_it_failed_is_recorded_as_failed() {
    everywhere("[[sim error_in_stream]]", true, "", |pair, status, body| {
        assert_eq!(status, 200, "{pair}");
        assert!(body.contains("error"), "{pair}: {body}");
    })
    .await;
}

#[tokio::test]
async fn a_huge_whole_reply_passes_without_being_held() {
    let big = json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "y".repeat(3 << 20) },
            "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 },
    });
    let script = Script::default().reply(Reply::json(200, &big));
    let sim = Sim::start(Kind::Chat, script).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let reply: Value = rig
        .chat(chat_body("c/x", "hi", false))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(reply, big);
    let row = &rig.usage(1).await[0];
    assert_eq!((row.usage.input, row.usage.output), (Some(3), Some(4)));
    assert_eq!(row.outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_short_wait_is_waited_and_a_long_one_told() {
    let busy = |seconds: &str| {
        Reply::json(429, &json!({ "error": { "message": "slow down" } }))
            .header("retry-after", seconds)
    };
    let script = Script::default().reply(busy("1")).reply(busy("60"));
    let sim = Sim::start(Kind::Chat, script).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let reply = rig.chat(chat_body("c/x", "hi", false)).await;
    assert_eq!(reply.status(), 429);
    assert_eq!(reply.headers()["retry-after"], "60");
    assert_eq!(sim.requests().len(), 2, "waited once, then told");
    assert_eq!(rig.chat(chat_body("c/x", "hi", false)).await.status(), 200);
}

#[tokio::test]
async fn accounts_take_turns_without_affinity() {
    let sim = chat_sim().await;
    for (settings, expected) in [("", 1), ("routing: { affinity: false }", 2)] {
        let rig = Rig::start(&[("c", &sim)], settings).await;
        add_account(rig.engine.vault(), "c", Some("second"), Script::KEY);
        rig.engine.accounts_changed().await.unwrap();
        let mut routes = std::collections::BTreeSet::new();
        for _ in 0..4 {
            let reply = rig.chat(chat_body("c/x", "hi", false)).await;
            routes.insert(
                reply.headers()["x-byokey-route"]
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        assert_eq!(routes.len(), expected, "{routes:?}");
    }
}
