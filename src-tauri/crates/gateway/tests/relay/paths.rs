use serde_json::{Value, json};

use super::rig::{Rig, chat_body, chat_sim, events, messages_sim};

#[tokio::test]
async fn azures_deployment_is_the_model() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], "").await;
    let with_body = |model: &str, body: &str| {
        rig.http
            .post(format!(
                "{}/openai/deployments/{model}/chat/completions?api-version=2025-04-01-preview",
                rig.url
            ))
            .header("api-key", &rig.key)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
    };
    let messages_only = r#"{ "messages":[{"role":"user","content":"hi"}]}"#;
    let reply = with_body("c%2Fm", messages_only).await.unwrap();
    assert_eq!(reply.status(), 200);
    let seen = chat.requests().pop().unwrap();
    let seen = std::str::from_utf8(&seen.body).unwrap().to_owned();
    assert_eq!(seen, messages_only.replacen('"', r#""model":"m",""#, 1));

    let body = chat_body("ignored", "hi", true).to_string();
    let reply = with_body("c/m", &body).await.unwrap();
    assert!(reply.text().await.unwrap().contains("[DONE]"));
    assert_eq!(chat.requests().pop().unwrap().json()["model"], "m");

    let reply = with_body("m/x", messages_only).await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(messages.requests()[0].json()["model"], "x");
}

#[tokio::test]
async fn text_completions_go_through_chat() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], "").await;
    for model in ["c/x", "m/x"] {
        let ask = |stream: bool| {
            let body = json!({ "model": model, "prompt": "hi", "echo": true, "stream": stream });
            rig.post("/v1/completions", body.to_string()).send()
        };
        let whole = ask(false).await.unwrap();
        assert_eq!(whole.status(), 200);
        assert!(whole.headers().contains_key("x-byokey-route"));
        let whole: Value = whole.json().await.unwrap();
        assert_eq!(whole["object"], "text_completion");
        assert_eq!(whole["model"], if model == "c/x" { "x" } else { "m/x" });
        assert!(whole["usage"]["total_tokens"].as_u64().unwrap() > 0);
        let stream = ask(true).await.unwrap().text().await.unwrap();
        assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
        let text: String = events(&stream)
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["text"].as_str())
            .collect();
        assert!(text.starts_with("hi") && text.len() > 2);
        assert_eq!(whole["choices"][0]["text"], text);
    }
    let refused = rig.post("/v1/completions", r#"{"model":"c/x","prompt":[1]}"#);
    let refused: Value = refused.send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["error"]["param"], "prompt");
}

#[tokio::test]
async fn ollamas_clients_find_models_and_talk_to_them() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], "").await;
    let get = |path: &str| {
        let url = format!("{}{path}", rig.url);
        rig.http.get(url).bearer_auth(&rig.key).send()
    };
    let tags: Value = get("/api/tags").await.unwrap().json().await.unwrap();
    let names: Vec<_> = tags["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["c-model", "sim-large", "sim-small", "m-model"]);
    let version: Value = get("/api/version").await.unwrap().json().await.unwrap();
    assert!(version["version"].is_string());
    let show = rig.post("/api/show", r#"{"model":"c-model:latest"}"#);
    let show: Value = show.send().await.unwrap().json().await.unwrap();
    assert_eq!(show["capabilities"][1], "tools");

    for model in ["c-model", "m-model:latest"] {
        let ask = |stream: Option<bool>| {
            let mut body = json!({
                "model": model, "options": { "num_ctx": 4096 },
                "messages": [{ "role": "user", "content": "hi" }],
            });
            if let Some(stream) = stream {
                body["stream"] = stream.into();
            }
            rig.post("/api/chat", body.to_string()).send()
        };
        let whole = ask(Some(false)).await.unwrap();
        let dropped = whole.headers()["x-byokey-dropped"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(dropped.contains("options.num_ctx=dropped"), "{dropped}");
        let whole: Value = whole.json().await.unwrap();
        assert_eq!(
            (&whole["model"], &whole["done"]),
            (&model.into(), &true.into())
        );
        assert!(whole["eval_count"].as_u64().unwrap() > 0);
        let stream = ask(None).await.unwrap();
        assert_eq!(stream.headers()["content-type"], "application/x-ndjson");
        let stream = stream.text().await.unwrap();
        let lines: Vec<Value> = stream
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let text: String = lines
            .iter()
            .filter_map(|line| line["message"]["content"].as_str())
            .collect();
        assert_eq!(whole["message"]["content"], text);
        let last = lines.last().unwrap();
        assert_eq!(
            (&last["done"], &last["done_reason"]),
            (&true.into(), &"stop".into())
        );
        assert!(last["eval_count"].as_u64().unwrap() > 0);
    }
    let generate = r#"{"model":"c-model","prompt":"hi","stream":false}"#;
    let generate = rig.post("/api/generate", generate).send().await.unwrap();
    let generate: Value = generate.json().await.unwrap();
    assert!(!generate["response"].as_str().unwrap().is_empty());

    for (path, body, status) in [
        (
            "/api/chat",
            r#"{"model":"nobody/x","messages":[{"role":"user","content":"a"}]}"#,
            404,
        ),
        ("/api/chat", "{", 400),
        ("/api/tags", "{}", 405),
    ] {
        let reply = rig.post(path, body).send().await.unwrap();
        assert_eq!(reply.status(), status, "{path} {body}");
        let reply: Value = reply.json().await.unwrap();
        assert!(reply["error"].is_string(), "{reply}");
    }
}

#[tokio::test]
async fn programs_may_ask_whether_anybody_is_there() {
    let rig = Rig::start(&[], "").await;
    let reply = rig.http.head(format!("{}/", rig.url)).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let reply = rig
        .post("/v1/messages?beta=true", "{")
        .send()
        .await
        .unwrap();
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["type"], "error");
}
