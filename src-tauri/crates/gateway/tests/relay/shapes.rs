//! Providers that take a narrower form of their dialect than the published one.

use byokey_catalog::Catalog;
use byokey_sim::{Kind, Script, Sim};
use byokey_vault::{Actor, NewAccount, Secret, Vault};
use byokey_wire::Plan;
use serde_json::{Value, json};

use super::rig::{Rig, chat_body, events, messages_body};

/// An account as a sign-in by this route leaves it.
fn sign_in(vault: &Vault, provider: &str, route: &str, fields: &[(&str, &str)]) {
    let new = NewAccount {
        provider,
        name: None,
        route,
        base_origin: None,
        limited: false,
        fields,
    };
    vault
        .add_key(new, Secret::new(Script::KEY), Actor::Cli)
        .unwrap();
}

fn sent(sim: &Sim) -> Value {
    let requests = sim.requests();
    serde_json::from_slice(&requests.last().unwrap().body).unwrap()
}

#[tokio::test]
async fn a_plan_gets_what_it_takes_and_answers_whole_to_whoever_wants_no_stream() {
    let sim = Sim::start(Kind::Responses, Script::default()).await;
    let config = format!(
        "providers:\n  openai: {{ base_url: {} }}",
        sim.plan_base_url()
    );
    let rig = Rig::configured(&config, |vault| sign_in(vault, "openai", "siwc", &[])).await;

    let ask = |stream| {
        json!({
            "model": "openai/gpt-5.5", "stream": stream, "store": true, "temperature": 0.5,
            "max_output_tokens": 99, "input": [{ "role": "system", "content": "be brief" },
                { "role": "user", "content": "hi" }],
        })
    };
    let reply = rig.post("/v1/responses", ask(false).to_string()).send();
    let reply = reply.await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], "application/json");
    let dropped = reply.headers()["x-byokey-dropped"].to_str().unwrap();
    assert!(dropped.contains("temperature=dropped"), "{dropped}");
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(
        (&reply["object"], &reply["status"]),
        (&json!("response"), &json!("completed"))
    );
    // The plan's own last word has an empty list of items.
    assert!(
        reply["output"][0]["content"][0]["text"].is_string(),
        "{reply}"
    );
    let body = sent(&sim);
    assert_eq!(
        (&body["stream"], &body["store"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(body["input"][0]["role"], "developer");

    let stream = rig.post("/v1/responses", ask(true).to_string()).send();
    let stream = stream.await.unwrap().text().await.unwrap();
    assert_eq!(
        events(&stream).last().unwrap()["type"],
        "response.completed"
    );

    for body in [
        chat_body("openai/gpt-5.5", "hi", false),
        chat_body("openai/gpt-5.5", "hi", true),
    ] {
        let streams = body["stream"] == true;
        let reply = rig.chat(body).await;
        assert_eq!(reply.status(), 200);
        let text = reply.text().await.unwrap();
        assert_eq!(text.trim_end().ends_with("data: [DONE]"), streams, "{text}");
        assert_eq!(text.starts_with('{'), !streams, "{text}");
    }
    let plans: Vec<_> = rig.usage(4).await.iter().map(|row| row.plan).collect();
    assert_eq!(
        plans,
        [
            Some(Plan::Pass),
            Some(Plan::Pass),
            Some(Plan::Via),
            Some(Plan::Via)
        ]
    );
}

#[tokio::test]
async fn googles_envelope_goes_on_and_comes_off() {
    let sim = Sim::start(Kind::Gemini, Script::default()).await;
    let config = format!("providers:\n  antigravity: {{ base_url: {} }}", sim.url(""));
    let rig = Rig::configured(&config, |vault| {
        let notice = Catalog::bundled()
            .unwrap()
            .notices()
            .iter()
            .find_map(|notice| (notice.id == "antigravity").then_some(notice.version));
        vault
            .accept_notice("antigravity", notice.unwrap(), Actor::Cli)
            .unwrap();
        sign_in(
            vault,
            "antigravity",
            "google-oauth",
            &[("project", "my-project")],
        );
    })
    .await;

    let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }] });
    let path = "/v1beta/models/antigravity/gemini-3-pro:";
    let whole = rig.post(&format!("{path}generateContent"), body.to_string());
    let whole: Value = whole.send().await.unwrap().json().await.unwrap();
    assert!(
        whole["candidates"][0]["content"]["parts"][0]["text"].is_string(),
        "{whole}"
    );
    let wrapped = sent(&sim);
    assert_eq!(wrapped["project"], "my-project");
    assert_eq!(wrapped["model"], "gemini-3-pro");
    assert_eq!(wrapped["request"]["contents"], body["contents"]);

    let stream = rig.post(
        &format!("{path}streamGenerateContent?alt=sse"),
        body.to_string(),
    );
    let stream = stream.send().await.unwrap().text().await.unwrap();
    let chunks = events(&stream);
    assert!(
        !chunks.is_empty() && chunks.iter().all(|chunk| chunk["candidates"].is_array()),
        "{stream}"
    );
    let array = rig.post(&format!("{path}streamGenerateContent"), body.to_string());
    let array: Vec<Value> = array.send().await.unwrap().json().await.unwrap();
    assert_eq!(array.len(), chunks.len());

    let reply = rig
        .messages(messages_body("antigravity/gemini-3-pro", "hi", false))
        .await;
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["stop_reason"], "end_turn", "{reply}");
    assert_eq!(sent(&sim)["project"], "my-project");
    assert!(
        rig.usage(4)
            .await
            .iter()
            .all(|row| row.usage.output.is_some())
    );
}
