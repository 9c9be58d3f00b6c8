use byokey_sim::{Kind, Script, Sim};
use byokey_vault::{Actor, KeyLimits, Outcome};
use byokey_wire::Plan;
use serde_json::{Value, json};

use super::rig::{Rig, chat_sim, events};

async fn responses_sim() -> Sim {
    Sim::start(Kind::Responses, Script::default()).await
}

fn body(model: &str, input: Value) -> Value {
    json!({ "model": model, "input": input })
}

async fn ask(rig: &Rig, body: &Value) -> reqwest::Response {
    rig.post("/v1/responses", body.to_string())
        .send()
        .await
        .unwrap()
}

async fn asked(rig: &Rig, body: &Value) -> Value {
    let reply = ask(rig, body).await;
    assert_eq!(reply.status(), 200);
    reply.json().await.unwrap()
}

async fn get(rig: &Rig, path: &str) -> reqwest::Response {
    let url = format!("{}{path}", rig.url);
    let request = rig.http.get(url).bearer_auth(&rig.key);
    request.send().await.unwrap()
}

#[tokio::test]
async fn responses_pass_to_a_provider_that_has_them() {
    let sim = responses_sim().await;
    let rig = Rig::start(&[("r", &sim)], "").await;
    let sent = r#"{ "model":"r/m", "input" : "h\u00e9", "x":1e0, "store":false}"#;
    let reply = rig.post("/v1/responses", sent).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["object"], "response");
    let seen = std::str::from_utf8(&sim.requests()[0].body)
        .unwrap()
        .to_owned();
    assert_eq!(seen, sent.replace("r/m", "m"));

    let mut stream = body("r/m", json!("hi"));
    stream["stream"] = true.into();
    let stream = ask(&rig, &stream).await.text().await.unwrap();
    let kinds: Vec<_> = events(&stream)
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("response.created"));
    assert_eq!(kinds.last().map(String::as_str), Some("response.completed"));
    for row in rig.usage(2).await {
        assert_eq!((row.outcome, row.plan), (Outcome::Ok, Some(Plan::Pass)));
        assert!(row.usage.output.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_stored_reply_leads_back_to_its_account() {
    let (first, second) = (responses_sim().await, responses_sim().await);
    let settings = "routing: { affinity: false }\nmodels: { aliases: { any: [a/m, b/m] } }";
    let rig = Rig::start(&[("a", &first), ("b", &second)], settings).await;
    for stream in [false, true] {
        let mut start = body("b/m", json!("remember me"));
        start["stream"] = stream.into();
        let reply = ask(&rig, &start).await.text().await.unwrap();
        let id = match stream {
            false => serde_json::from_str::<Value>(&reply).unwrap()["id"].clone(),
            true => events(&reply)[0]["response"]["id"].clone(),
        };
        let mut more = body("any", json!("go on"));
        more["previous_response_id"] = id.clone();
        let reply = ask(&rig, &more).await;
        assert_eq!(reply.headers()["x-byokey-route"], "b/default");
        assert_eq!(reply.status(), 200);
        let seen = second.requests().pop().unwrap().json();
        assert_eq!(seen["previous_response_id"], id);
        assert_eq!(seen["input"], "go on");

        // Another provider's model cannot know what went before.
        more["model"] = "a/m".into();
        let refused = ask(&rig, &more).await;
        assert_eq!(refused.status(), 400);
        let refused: Value = refused.json().await.unwrap();
        assert_eq!(refused["error"]["code"], "previous_response_not_found");

        // Calls about it go there as well, with the account's key.
        let path = format!("/v1/responses/{}", id.as_str().unwrap());
        get(&rig, &format!("{path}?include=x")).await;
        let seen = second.requests().pop().unwrap();
        assert_eq!(seen.method, http::Method::GET);
        assert_eq!(seen.path, format!("{path}?include=x"));
        assert_eq!(
            seen.header("authorization"),
            format!("Bearer {}", Script::KEY)
        );
    }
    assert!(first.requests().is_empty());
}

#[tokio::test]
async fn what_is_not_stored_cannot_be_gone_on_from() {
    let sim = responses_sim().await;
    let rig = Rig::start(&[("r", &sim)], "").await;
    let mut start = body("r/m", json!("hi"));
    start["store"] = false.into();
    let id = asked(&rig, &start).await["id"].clone();
    for previous in [id, json!("resp_foreign")] {
        // Also where it stands behind a body that is too long to be read first.
        let filler = "x".repeat(2 << 20);
        for input in ["short".to_owned(), filler] {
            let sent =
                format!(r#"{{"model":"r/m","input":"{input}","previous_response_id":{previous}}}"#);
            let reply = rig.post("/v1/responses", sent).send().await.unwrap();
            assert_eq!(reply.status(), 400);
            let reply: Value = reply.json().await.unwrap();
            assert_eq!(reply["error"]["code"], "previous_response_not_found");
            assert_eq!(reply["error"]["param"], "previous_response_id");
        }
    }
    let mut later = body("r/m", json!("hi"));
    later["background"] = true.into();
    let reply = ask(&rig, &later).await;
    assert_eq!(reply.status(), 400);
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["error"]["param"], "background");
}

#[tokio::test]
async fn a_translated_conversation_goes_on_from_its_id() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let first = asked(&rig, &body("c/m", json!("one"))).await;
    let said = first["output"][0]["content"][0]["text"].as_str().unwrap();
    let second = asked(&rig, &body("c/m", json!("one"))).await;
    assert_ne!(first["id"], second["id"]);

    let mut more = body("c/m", json!([{ "role": "user", "content": "two" }]));
    more["previous_response_id"] = first["id"].clone();
    more["stream"] = true.into();
    let stream = ask(&rig, &more).await.text().await.unwrap();
    let last = events(&stream).pop().unwrap();
    assert_eq!(last["type"], "response.completed");

    let mut third = body("c/m", json!("three"));
    third["previous_response_id"] = last["response"]["id"].clone();
    asked(&rig, &third).await;
    let seen = sim.requests().pop().unwrap().json();
    let said: Vec<_> = seen["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            (
                message["role"].as_str().unwrap(),
                message["content"].to_string(),
            )
        })
        .inspect(|(_, content)| assert!(content.len() > 2))
        .map(
            |(role, content)| match content.contains(said) && role == "assistant" {
                true => (role, "said".to_owned()),
                false => (role, content.trim_matches('"').to_owned()),
            },
        )
        .collect();
    let roles: Vec<_> = said.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    assert_eq!((&*said[0].1, &*said[1].1), ("one", "said"));
    assert_eq!((&*said[2].1, &*said[4].1), ("two", "three"));

    let path = format!("/v1/responses/{}", first["id"].as_str().unwrap());
    let again: Value = get(&rig, &path).await.json().await.unwrap();
    assert_eq!(again, first);
    let items: Value = get(&rig, &format!("{path}/input_items"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(items["data"][0]["content"], "one");
    let cancel = rig
        .post(&format!("{path}/cancel"), "{}")
        .send()
        .await
        .unwrap();
    assert_eq!(cancel.status(), 400);

    let (_, other) = rig
        .engine
        .vault()
        .create_client_key("other", KeyLimits::default(), Actor::Cli)
        .unwrap();
    rig.engine.accounts_changed().await.unwrap();
    let foreign = rig
        .http
        .get(format!("{}{path}", rig.url))
        .bearer_auth(other.expose());
    assert_eq!(foreign.send().await.unwrap().status(), 404);

    let delete = rig
        .http
        .delete(format!("{}{path}", rig.url))
        .bearer_auth(&rig.key);
    let deleted: Value = delete.send().await.unwrap().json().await.unwrap();
    assert_eq!(deleted["deleted"], true);
    assert_eq!(get(&rig, &path).await.status(), 404);
}

#[tokio::test]
async fn compacting_is_for_providers_that_can() {
    let (sim, chat) = (responses_sim().await, chat_sim().await);
    let rig = Rig::start(&[("r", &sim), ("c", &chat)], "").await;
    let input = json!([{ "role": "user", "content": "hi" }]);
    let compact = |model: &str| {
        rig.post(
            "/v1/responses/compact",
            body(model, input.clone()).to_string(),
        )
        .send()
    };
    let reply = compact("r/m").await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(sim.requests()[0].path, "/v1/responses/compact");
    let reply = compact("c/m").await.unwrap();
    assert_eq!(reply.status(), 400);
    assert!(chat.requests().is_empty());
}

#[tokio::test]
async fn responses_sent_to_chat_are_answered_in_chat() {
    let (chat, responses) = (chat_sim().await, responses_sim().await);
    let rig = Rig::start(&[("c", &chat), ("r", &responses)], "").await;
    for model in ["c/m", "r/m"] {
        for stream in [false, true] {
            let mixed = json!({
                "model": model, "stream": stream, "instructions": "be brief",
                "stream_options": { "include_usage": true },
                "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "hi" }] }],
                "tools": [{ "type": "function", "name": "look", "parameters": { "type": "object" } }],
            });
            let reply = rig.chat(mixed).await;
            assert_eq!(reply.status(), 200, "{model}");
            let reply = reply.text().await.unwrap();
            if stream {
                assert!(reply.trim_end().ends_with("data: [DONE]"), "{reply}");
                let events = events(&reply);
                assert_eq!(events[0]["object"], "chat.completion.chunk");
                let usage = &events.last().unwrap()["usage"];
                assert!(usage["total_tokens"].as_u64().unwrap() > 0, "{reply}");
            } else {
                let reply: Value = serde_json::from_str(&reply).unwrap();
                assert_eq!(reply["object"], "chat.completion");
            }
        }
    }
    let refused = json!({ "model": "c/m", "input": "x", "previous_response_id": "resp_1" });
    assert_eq!(rig.chat(refused).await.status(), 400);
}
