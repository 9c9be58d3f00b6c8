use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byokey_sim::{Kind, Script, Sim};
use byokey_vault::Outcome;
use byokey_wire::Plan;
use serde_json::{Value, json};

use super::plain::{Plain, json};
use super::rig::{Rig, add_account};

const KEY: &str = "a-key-of-16-chars";

async fn sims() -> (Sim, Sim, Rig) {
    let chat = Sim::start(Kind::Chat, Script::default()).await;
    let gemini = Sim::start(Kind::Gemini, Script::default()).await;
    let rig = Rig::start(&[("c", &chat), ("g", &gemini)], "").await;
    (chat, gemini, rig)
}

/// An engine with one provider of the catalogue at this server.
async fn with(provider: &str, server: &Plain) -> Rig {
    let config = format!("providers: {{{provider}: {{base_url: {}}}}}", server.url);
    Rig::configured(&config, |vault| add_account(vault, provider, None, KEY)).await
}

async fn ok(rig: &Rig, path: &str, body: Value) -> reqwest::Response {
    let sent = rig.post(path, body.to_string()).send().await.unwrap();
    assert_eq!(sent.status(), 200, "{:?}", sent.text().await);
    sent
}

#[tokio::test]
async fn embeddings_pass_with_the_providers_name_of_the_model() {
    let (chat, _gemini, rig) = sims().await;
    let body = r#"{ "input": ["a", "b"], "model": "c/c-model", "dimensions": 4, "x": 1e3 }"#;
    let sent = rig.post("/v1/embeddings", body).send().await.unwrap();
    assert_eq!(sent.headers()["x-byokey-route"], "c/default");
    let reply: Value = sent.json().await.unwrap();
    assert_eq!(reply["data"].as_array().unwrap().len(), 2);
    let asked = chat.requests().pop().unwrap();
    assert_eq!(asked.path, "/v1/embeddings");
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        body.replace("c/c-model", "c-model")
    );
    let row = &rig.usage(1).await[0];
    assert_eq!((row.plan, row.outcome), (Some(Plan::Pass), Outcome::Ok));
    assert_eq!(row.usage.input, reply["usage"]["prompt_tokens"].as_u64());
    assert_eq!(row.model.as_deref(), Some("c-model"));
}

#[tokio::test]
async fn embeddings_of_gemini_come_in_openais_form() {
    let (_chat, gemini, rig) = sims().await;
    let ask = |format: &str| {
        json!({"model": "g/g-model", "input": ["a", "b"], "dimensions": 4,
            "encoding_format": format, "user": "me"})
    };
    let numbers = ok(&rig, "/v1/embeddings", ask("float")).await;
    assert_eq!(numbers.headers()["x-byokey-dropped"], "1; user=dropped");
    let numbers: Value = numbers.json().await.unwrap();
    assert_eq!(numbers["object"], "list");
    assert_eq!(numbers["model"], "g/g-model");
    assert_eq!(numbers["data"][1]["index"], 1);
    let vector: Vec<f32> = serde_json::from_value(numbers["data"][1]["embedding"].clone()).unwrap();
    assert_eq!(vector.len(), 4);

    let packed: Value = ok(&rig, "/v1/embeddings", ask("base64"))
        .await
        .json()
        .await
        .unwrap();
    let bytes = STANDARD
        .decode(packed["data"][1]["embedding"].as_str().unwrap())
        .unwrap();
    let floats: Vec<f32> = bytes
        .chunks(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(floats, vector);
    let asked = gemini.requests().pop().unwrap();
    assert_eq!(asked.path, "/v1beta/models/g-model:batchEmbedContents");
    assert_eq!(asked.json()["requests"][0]["model"], "models/g-model");
    assert_eq!(asked.json()["requests"][0]["outputDimensionality"], 4);
}

#[tokio::test]
async fn geminis_embeddings_reach_gemini_and_openai() {
    let (chat, gemini, rig) = sims().await;
    let one = json!({"model": "models/g/g-model", "content": {"parts": [{"text": "a"}]},
        "taskType": "RETRIEVAL_QUERY"});
    let reply: Value = ok(&rig, "/v1beta/models/g/g-model:embedContent", one.clone())
        .await
        .json()
        .await
        .unwrap();
    assert!(reply["embedding"]["values"].is_array());
    let asked = gemini.requests().pop().unwrap().json();
    assert_eq!(asked["model"], "models/g-model");
    assert_eq!(asked["taskType"], "RETRIEVAL_QUERY");

    let sent = ok(&rig, "/v1beta/models/c%2Fc-model:embedContent", one.clone()).await;
    assert_eq!(sent.headers()["x-byokey-dropped"], "1; taskType=dropped");
    let reply: Value = sent.json().await.unwrap();
    assert!(reply["embedding"]["values"].is_array());
    assert_eq!(chat.requests().pop().unwrap().json()["input"], json!(["a"]));

    let many = json!({"requests": [one.clone(), one]});
    let sent = ok(&rig, "/v1beta/models/c/c-model:batchEmbedContents", many).await;
    let reply: Value = sent.json().await.unwrap();
    assert_eq!(reply["embeddings"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn wrong_requests_name_the_member() {
    let (chat, gemini, rig) = sims().await;
    for (path, body, param) in [
        ("/v1/embeddings", json!({"input": "a"}), "model"),
        (
            "/v1/embeddings",
            json!({"model": "g/m", "input": [[1, 2]]}),
            "input[0]",
        ),
        (
            "/v1/embeddings",
            json!({"model": "g/m", "input": ""}),
            "input",
        ),
        (
            "/v1/embeddings",
            json!({"model": "g/m", "input": "a", "encoding_format": "x"}),
            "encoding_format",
        ),
        (
            "/v1/audio/speech",
            json!({"model": "g/m", "voice": "Kore"}),
            "input",
        ),
        (
            "/v1/audio/speech",
            json!({"model": "g/m", "voice": "Kore", "input": "a", "response_format": "mp3"}),
            "response_format",
        ),
        (
            "/v1/images/generations",
            json!({"model": "g/m", "prompt": "a", "n": 11}),
            "n",
        ),
        (
            "/v1/images/generations",
            json!({"model": "g/m", "prompt": "a", "size": "big"}),
            "size",
        ),
    ] {
        let sent = rig.post(path, body.to_string()).send().await.unwrap();
        assert_eq!(sent.status(), 400, "{path} {body}");
        let told: Value = sent.json().await.unwrap();
        assert_eq!(told["error"]["param"], param, "{told}");
    }
    let unknown = rig.post("/v1/embeddings", r#"{"model":"nobody","input":"a"}"#);
    assert_eq!(unknown.send().await.unwrap().status(), 404);
    assert!(chat.requests().is_empty() && gemini.requests().is_empty());
}

#[tokio::test]
async fn speech_passes_as_it_comes() {
    let (_chat, _gemini, rig) = sims().await;
    let body = json!({"model": "c/c-model", "input": "x".repeat(3000), "voice": "alloy"});
    let sent = ok(&rig, "/v1/audio/speech", body).await;
    assert_eq!(sent.headers()["content-type"], "audio/mpeg");
    let sound = sent.bytes().await.unwrap();
    assert!(sound.starts_with(b"ID3"));
    let row = &rig.usage(1).await[0];
    assert_eq!(row.bytes_out, sound.len() as u64);
}

#[tokio::test]
async fn gemini_speaks_as_wav_and_pcm() {
    let (_chat, _gemini, rig) = sims().await;
    let ask = |format: Value| json!({"model": "g/g-model", "input": "hello", "voice": "alloy", "response_format": format});
    let sent = ok(&rig, "/v1/audio/speech", ask(json!("pcm"))).await;
    assert_eq!(sent.headers()["content-type"], "audio/pcm");
    assert_eq!(sent.headers()["x-byokey-dropped"], "1; voice=approximated");
    let pcm = sent.bytes().await.unwrap();
    let wav = ok(&rig, "/v1/audio/speech", ask(Value::Null)).await;
    assert_eq!(wav.headers()["content-type"], "audio/wav");
    let wav = wav.bytes().await.unwrap();
    assert_eq!((&wav[..4], &wav[44..]), (&b"RIFF"[..], &pcm[..]));
}

#[tokio::test]
async fn elevenlabs_speaks() {
    let server = Plain::start(|_| {
        Response::builder()
            .header("content-type", "audio/mpeg")
            .header("character-cost", "5")
            .body(Body::from("sound"))
            .unwrap()
    })
    .await;
    let rig = with("elevenlabs", &server).await;
    let body = json!({"model": "elevenlabs/eleven_v3", "input": "hello", "voice": "My/Voice",
        "response_format": "opus", "speed": 1.1, "instructions": "calm"});
    let sent = ok(&rig, "/v1/audio/speech", body).await;
    assert_eq!(sent.headers()["content-type"], "audio/ogg");
    assert_eq!(
        sent.headers()["x-byokey-dropped"],
        "1; instructions=dropped"
    );
    assert_eq!(sent.text().await.unwrap(), "sound");
    let asked = server.last();
    assert_eq!(
        asked.target,
        "/v1/text-to-speech/My%2FVoice/stream?output_format=opus_48000_128"
    );
    assert_eq!(asked.header("xi-api-key"), KEY);
    assert_eq!(
        asked.json(),
        json!({"text": "hello", "model_id": "eleven_v3", "voice_settings": {"speed": 1.1}})
    );
    assert_eq!(rig.usage(1).await[0].units.characters, Some(5));
}

#[tokio::test]
async fn deepgram_speaks() {
    let server = Plain::start(|_| {
        let reply = Response::builder().header("content-type", "audio/x-mulaw");
        reply.body(Body::from("sound")).unwrap()
    })
    .await;
    let rig = with("deepgram", &server).await;
    let body = json!({"model": "deepgram/aura-2", "input": "hello", "voice": "thalia",
        "response_format": "pcm"});
    let sent = ok(&rig, "/v1/audio/speech", body).await;
    assert_eq!(sent.headers()["content-type"], "audio/pcm");
    let asked = server.last();
    assert_eq!(
        asked.target,
        "/v1/speak?model=aura-2-thalia-en&encoding=linear16&container=none&sample_rate=24000"
    );
    assert_eq!(asked.header("authorization"), format!("Token {KEY}"));
    assert_eq!(asked.json(), json!({"text": "hello"}));
}

#[tokio::test]
async fn pictures_pass_and_are_translated() {
    let (chat, gemini, rig) = sims().await;
    let body = json!({"model": "c/c-model", "prompt": "a", "n": 2});
    let reply: Value = ok(&rig, "/v1/images/generations", body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(reply["data"].as_array().unwrap().len(), 2);
    assert_eq!(chat.requests().len(), 1);

    let body =
        json!({"model": "g/g-model", "prompt": "a", "response_format": "url", "style": "vivid"});
    let sent = ok(&rig, "/v1/images/generations", body).await;
    assert_eq!(
        sent.headers()["x-byokey-dropped"],
        "2; style=dropped; response_format=emulated"
    );
    let reply: Value = sent.json().await.unwrap();
    let url = reply["data"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("data:image/png;base64,"), "{url}");
    assert_eq!(
        gemini.requests().pop().unwrap().json()["generationConfig"]["responseModalities"],
        json!(["TEXT", "IMAGE"])
    );
    let rows = rig.usage(2).await;
    assert_eq!(
        (rows[0].units.images, rows[1].units.images),
        (Some(2), Some(1))
    );
}

#[tokio::test]
async fn imagen_is_asked_to_predict() {
    let server = Plain::json(
        json!({"predictions": [{"bytesBase64Encoded": "AA==", "mimeType": "image/png"}]}),
    )
    .await;
    let rig = with("gemini", &server).await;
    let body = json!({"model": "gemini/imagen-4.0", "prompt": "a", "n": 1, "size": "1792x1024"});
    let reply: Value = ok(&rig, "/v1/images/generations", body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(reply["data"], json!([{"b64_json": "AA=="}]));
    let asked = server.last();
    assert_eq!(asked.target, "/models/imagen-4.0:predict");
    assert_eq!(
        asked.json(),
        json!({"instances": [{"prompt": "a"}],
            "parameters": {"sampleCount": 1, "aspectRatio": "16:9"}})
    );
}

#[tokio::test]
async fn strict_mode_refuses_what_would_be_lost() {
    let (_chat, gemini, rig) = sims().await;
    let body = json!({"model": "g/g-model", "input": "a", "user": "me"}).to_string();
    let sent = rig
        .post("/v1/embeddings", body)
        .header("x-byokey-strict", "1");
    let sent = sent.send().await.unwrap();
    assert_eq!(sent.status(), 400);
    assert!(sent.text().await.unwrap().contains("user=dropped"));
    assert!(gemini.requests().is_empty());
}

#[tokio::test]
async fn a_second_account_helps_out() {
    let server = Plain::start(|asked| match asked.header("xi-api-key") {
        KEY => json(
            401,
            &json!({"detail": {"status": "quota_exceeded", "message": "no characters left"}}),
        ),
        _ => Response::new(Body::from("sound")),
    })
    .await;
    let config = format!("providers: {{elevenlabs: {{base_url: {}}}}}", server.url);
    let rig = Rig::configured(&config, |vault| {
        add_account(vault, "elevenlabs", None, KEY);
        add_account(vault, "elevenlabs", None, "another-key-0123");
    })
    .await;
    let body = json!({"model": "elevenlabs/e", "input": "a", "voice": "v"});
    let sent = ok(&rig, "/v1/audio/speech", body.clone()).await;
    assert_eq!(sent.headers()["x-byokey-route"], "elevenlabs/2");
    let mut alone = body;
    alone["model"] = json!("elevenlabs/default/e");
    let sent = rig
        .post("/v1/audio/speech", alone.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 429);
    let told = sent.text().await.unwrap();
    assert!(told.contains("no characters left"), "{told}");
}

#[tokio::test]
async fn fields_of_an_account_make_its_address() {
    let config = "providers: {}";
    let rig = Rig::configured(config, |vault| {
        let new = byokey_vault::NewAccount {
            provider: "azure-openai",
            name: None,
            route: "api-key",
            base_origin: None,
            limited: false,
            fields: &[("resource", "byokey-test.invalid")],
        };
        let key = byokey_vault::Secret::new(KEY);
        vault.add_key(new, key, byokey_vault::Actor::Cli).unwrap();
    })
    .await;
    assert!(rig.engine.idle_accounts().is_empty());
}
