use byokey_sim::Script;
use byokey_vault::Outcome;
use byokey_wire::Plan;

use super::rig::{Rig, chat_body, chat_sim, messages_body, messages_sim};

#[tokio::test]
async fn bytes_pass_untouched_but_for_the_model() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "").await;
    let odd = |model: &str| {
        format!(
            "{{ \"model\" :{model},\n\"n\":1e0, \"x\":{{\"a\":2.50,\"a\":123456789012345678901234}},\
             \"messages\":[{{\"role\":\"user\",\"content\":\"h\\u00e9 \\/ \u{1F600}\"}}] }}"
        )
    };
    let reply = rig
        .post("/v1/chat/completions", odd(r#""mine/m\u006f""#))
        .send()
        .await
        .unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["x-byokey-route"], "mine/default");
    assert!(!reply.headers().contains_key("x-byokey-dropped"));
    let seen = &sim.requests()[0];
    assert_eq!(std::str::from_utf8(&seen.body).unwrap(), odd(r#""mo""#));
}

#[tokio::test]
async fn the_provider_sees_byokey_and_only_listed_headers() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "").await;
    let body = chat_body("mine/m", "hi", false).to_string();
    let request = rig
        .post("/v1/chat/completions", body)
        .header("user-agent", "SomeTool/1")
        .header("cookie", "a=b")
        .header("x-forwarded-for", "1.2.3.4")
        .header("x-stainless-lang", "rust")
        .header("x-api-key", "byk_other");
    assert_eq!(request.send().await.unwrap().status(), 200);
    let seen = &sim.requests()[0];
    let mut names: Vec<_> = seen.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ];
    assert_eq!(names, expected);
    assert!(seen.header("user-agent").starts_with("byokey/"));
    assert_eq!(
        seen.header("authorization"),
        format!("Bearer {}", Script::KEY)
    );
}

#[tokio::test]
async fn a_large_body_is_streamed_whole() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "").await;
    for model_first in [true, false] {
        let text = "word ".repeat(600_000);
        let messages = format!(r#""messages":[{{"role":"user","content":"{text}"}}]"#);
        let body = |model: &str| {
            if model_first {
                format!(r#"{{"model":"{model}",{messages}}}"#)
            } else {
                format!(r#"{{{messages},"model":"{model}"}}"#)
            }
        };
        let reply = rig
            .post("/v1/chat/completions", body("mine/m"))
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 200);
        let seen = sim.requests().pop().unwrap();
        assert!(seen.body == body("m"), "the body changed on its way");
    }
}

#[tokio::test]
async fn counts_tokens_of_plain_and_streamed_replies() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], "").await;
    for stream in [false, true] {
        let mut body = chat_body("c/x", "hi", stream);
        if stream {
            body["stream_options"] = serde_json::json!({ "include_usage": true });
        }
        assert!(rig.chat(body).await.text().await.unwrap().contains("usage"));
        let body = messages_body("m/x", "hi", stream);
        assert!(
            rig.messages(body)
                .await
                .text()
                .await
                .unwrap()
                .contains("usage")
        );
    }
    for row in rig.usage(4).await {
        assert_eq!(row.outcome, Outcome::Ok);
        assert_eq!(row.plan, Some(Plan::Pass));
        assert_eq!(row.status, 200);
        assert!(row.usage.input.unwrap() > 0, "{row:?}");
        assert!(row.usage.output.unwrap() > 0, "{row:?}");
        assert_eq!(row.client_name.as_deref(), Some("test"));
        assert!(row.bytes_in > 0 && row.bytes_out > 0 && row.ttft_ms.is_some());
    }
}

#[tokio::test]
async fn a_caller_that_leaves_frees_the_provider_and_is_counted() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "").await;
    let mut reply = rig
        .chat(chat_body(
            "mine/m",
            "[[sim chunks=100000 delay_ms=5]]",
            true,
        ))
        .await;
    assert!(reply.chunk().await.unwrap().is_some());
    drop(reply);
    sim.wait_until(|sim| sim.open_streams() == 0).await;
    let rows = rig.usage(1).await;
    assert_eq!(rows[0].outcome, Outcome::ClientGone);
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_reply_frees_the_provider_too() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "").await;
    let asked = tokio::spawn(
        rig.post(
            "/v1/chat/completions",
            chat_body("mine/m", "[[sim silent]]", false).to_string(),
        )
        .send(),
    );
    sim.wait_until(|sim| sim.open_streams() == 1).await;
    asked.abort();
    sim.wait_until(|sim| sim.open_streams() == 0).await;
    let rows = rig.usage(1).await;
    assert_eq!(
        (rows[0].outcome, rows[0].status),
        (Outcome::ClientGone, 499)
    );
}

#[tokio::test]
async fn a_new_configuration_takes_effect_and_a_wrong_one_does_not() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "").await;
    let good = std::fs::read_to_string(rig.config_path()).unwrap();

    let alias = format!("{good}models:\n  aliases: {{ fast: [mine/m] }}\n");
    std::fs::write(rig.config_path(), &alias).unwrap();
    rig.engine.reload().await.unwrap();
    assert_eq!(rig.chat(chat_body("fast", "hi", false)).await.status(), 200);

    std::fs::write(rig.config_path(), format!("{alias}oops: 1\n")).unwrap();
    let error = rig.engine.reload().await.unwrap_err().to_string();
    assert!(error.contains("`oops`"), "{error}");
    assert_eq!(rig.engine.config_error(), Some(error));
    assert_eq!(rig.chat(chat_body("fast", "hi", false)).await.status(), 200);
}

#[tokio::test]
async fn a_key_in_the_configuration_moves_into_the_vault() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "").await;
    let config = std::fs::read_to_string(rig.config_path()).unwrap();
    let second = format!(
        "{config}  second:\n    dialect: chat\n    base_url: {}\n    api_key: {}\n",
        sim.base_url(),
        Script::KEY
    );
    std::fs::write(rig.config_path(), second).unwrap();
    rig.engine.reload().await.unwrap();
    let reply = rig.chat(chat_body("second/m", "hi", false)).await;
    assert_eq!(reply.headers()["x-byokey-route"], "second/config");
    // The account stays when the key leaves the file.
    let accounts = rig.engine.vault().accounts().unwrap();
    assert!(accounts.iter().any(|account| account.name == "config"));
    assert!(rig.folder().exists());
}
