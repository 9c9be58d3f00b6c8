use byokey_sim::{Kind, Script, Sim};
use byokey_vault::Outcome;
use byokey_wire::Plan;
use serde_json::{Value, json};

use super::rig::{Rig, chat_sim, events};

fn body() -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }] })
}

fn text(chunks: &[Value]) -> String {
    let parts = chunks
        .iter()
        .filter_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array());
    parts
        .flatten()
        .filter_map(|part| part["text"].as_str())
        .collect()
}

#[tokio::test]
async fn gemini_passes_under_all_its_paths() {
    let sim = Sim::start(Kind::Gemini, Script::default()).await;
    let rig = Rig::start(&[("g", &sim)], "").await;
    let mut whole = None;
    for base in ["/v1beta/models", "/v1/models", "/models"] {
        for model in ["g/m", "g%2Fm"] {
            let sent = r#"{"contents" : [{"parts":[{"text":"h\u00e9"}]}]}"#;
            let path = format!("{base}/{model}:generateContent");
            let reply = rig.post(&path, sent).send().await.unwrap();
            assert_eq!(reply.status(), 200, "{path}");
            assert_eq!(reply.headers()["x-byokey-route"], "g/default");
            whole = Some(reply.json::<Value>().await.unwrap());
            let seen = sim.requests().pop().unwrap();
            assert_eq!(seen.body, sent.as_bytes());
            assert!(
                seen.path.ends_with("/models/m:generateContent"),
                "{}",
                seen.path
            );
            assert_eq!(seen.header("x-goog-api-key"), Script::KEY);
        }
    }
    assert!(!text(&[whole.unwrap()]).is_empty());
    for row in rig.usage(6).await {
        assert_eq!((row.outcome, row.plan), (Outcome::Ok, Some(Plan::Pass)));
        assert!(row.usage.output.unwrap() > 0);
        assert_eq!(row.asked_model, "g/m");
    }
}

#[tokio::test]
async fn a_stream_is_one_array_unless_events_are_asked_for() {
    let (gemini, chat) = (
        Sim::start(Kind::Gemini, Script::default()).await,
        chat_sim().await,
    );
    let rig = Rig::start(&[("g", &gemini), ("c", &chat)], "").await;
    for model in ["g/m", "c/m"] {
        let path = format!("/v1beta/models/{model}:streamGenerateContent");
        let ask = |query: &str| {
            rig.post(&format!("{path}{query}"), body().to_string())
                .send()
        };
        let stream = ask("?alt=sse").await.unwrap();
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        let stream = events(&stream.text().await.unwrap());
        let array = ask("").await.unwrap();
        assert_eq!(array.headers()["content-type"], "application/json");
        let array: Vec<Value> = array.json().await.unwrap();
        assert!(!text(&array).is_empty());
        assert_eq!(text(&array), text(&stream), "{model}");
    }
    let rows = rig.usage(4).await;
    assert!(
        rows.iter()
            .all(|row| row.stream && row.outcome == Outcome::Ok)
    );
}

#[tokio::test]
async fn errors_come_in_geminis_form() {
    let rig = Rig::start(&[], "").await;
    let path = "/v1beta/models/nobody/has:generateContent";
    let reply = rig.post(path, body().to_string()).send().await.unwrap();
    assert_eq!(reply.status(), 404);
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["error"]["status"], "NOT_FOUND");

    // A key in the URL is not taken, and the caller is told where to put it.
    let url = format!("{}{path}?key={}", rig.url, rig.key);
    let reply = rig.http.post(url).send().await.unwrap();
    assert_eq!(reply.status(), 401);
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["error"]["status"], "UNAUTHENTICATED");
    let message = reply["error"]["message"].as_str().unwrap();
    assert!(message.contains("x-goog-api-key") && !message.contains(&rig.key));
}
