use byokey_sim::{Kind, Script, Sim};
use byokey_wire::Plan;
use serde_json::{Value, json};

use super::plain::Plain;
use super::rig::{Rig, add_account};

const KEY: &str = "a-key-of-16-chars";
const BOUNDARY: &str = "----test-boundary";

/// A form of these fields, the file where its name stands.
fn form(fields: &[(&str, &str)], sound: &[u8]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in fields {
        form.extend(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"").bytes(),
        );
        if *name == "file" {
            form.extend(b"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n");
            form.extend(sound);
        } else {
            form.extend(b"\r\n\r\n");
            form.extend(value.bytes());
        }
        form.extend(b"\r\n");
    }
    form.extend(format!("--{BOUNDARY}--\r\n").bytes());
    form
}

async fn send(rig: &Rig, body: impl Into<reqwest::Body>) -> reqwest::Response {
    rig.http
        .post(format!("{}/v1/audio/transcriptions", rig.url))
        .bearer_auth(&rig.key)
        .header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(body)
        .send()
        .await
        .unwrap()
}

fn sound(length: usize) -> Vec<u8> {
    // With things in it that look like the end of a part.
    let mut sound: Vec<u8> = b"\r\n--\r\n----test-boundar\r\n"
        .iter()
        .copied()
        .cycle()
        .take(length)
        .collect();
    sound[length / 2] = 0xff;
    sound
}

async fn with(provider: &str, reply: Value) -> (Plain, Rig) {
    let server = Plain::json(reply).await;
    let config = format!("providers: {{{provider}: {{base_url: {}}}}}", server.url);
    let rig = Rig::configured(&config, |vault| add_account(vault, provider, None, KEY)).await;
    (server, rig)
}

#[tokio::test]
async fn a_form_passes_with_the_providers_name_of_the_model() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    for (fields, length) in [
        (&[("model", "c/c-model"), ("file", "")][..], 100),
        (
            &[("file", ""), ("model", "c/c-model"), ("language", "de")][..],
            100,
        ),
        (
            &[("model", "c/c-model"), ("file", ""), ("prompt", "x")][..],
            3 << 20,
        ),
        (&[("file", ""), ("model", "c/c-model")][..], 3 << 20),
    ] {
        let body = form(fields, &sound(length));
        let reply = send(&rig, body.clone()).await;
        assert_eq!(reply.status(), 200);
        let told: Value = reply.json().await.unwrap();
        assert_eq!(
            told["text"],
            format!("heard {length} bytes of audio/wav named a.wav")
        );
        let seen = sim.requests().pop().unwrap();
        let at = |what: &[u8], body: &[u8]| body.windows(what.len()).position(|it| it == what);
        let start = at(b"c/c-model", &body).unwrap();
        let expected = [&body[..start], b"c-model", &body[start + 9..]].concat();
        assert!(seen.body == expected, "the form was changed elsewhere");
        assert_eq!(seen.header("content-length"), expected.len().to_string());
    }
    let row = &rig.usage(4).await[0];
    assert_eq!(
        (row.plan, row.units.audio_ms),
        (Some(Plan::Pass), Some(1000))
    );
}

#[tokio::test]
async fn a_streamed_transcription_passes_as_a_stream() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let fields = [("model", "c/c-model"), ("stream", "true"), ("file", "")];
    let reply = send(&rig, form(&fields, b"abc")).await;
    assert_eq!(
        reply.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert!(reply.text().await.unwrap().contains("transcript.text.done"));
}

#[tokio::test]
async fn deepgram_gets_the_sound_alone() {
    let heard = json!({"metadata": {"duration": 1.5}, "results": {"channels": [{
        "detected_language": "en",
        "alternatives": [{"transcript": "Hi there.", "words": [
            {"word": "hi", "punctuated_word": "Hi", "start": 0.1, "end": 0.5},
            {"word": "there", "punctuated_word": "there.", "start": 0.6, "end": 1.2}]}]}]}});
    let (server, rig) = with("deepgram", heard).await;
    for length in [100, 3 << 20] {
        let sound = sound(length);
        let fields = [
            ("model", "deepgram/nova-3"),
            ("prompt", "x"),
            ("file", ""),
            ("response_format", "verbose_json"),
        ];
        let reply = send(&rig, form(&fields, &sound)).await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["x-byokey-route"], "deepgram/default");
        assert!(
            reply.headers()["x-byokey-dropped"]
                .to_str()
                .unwrap()
                .contains("prompt=dropped")
        );
        let told: Value = reply.json().await.unwrap();
        assert_eq!(
            (told["text"].as_str(), &told["duration"]),
            (Some("Hi there."), &json!(1.5))
        );
        assert_eq!(
            told["words"][1],
            json!({"word": "there.", "start": 0.6, "end": 1.2})
        );
        let asked = server.last();
        assert_eq!(
            asked.target,
            "/v1/listen?model=nova-3&smart_format=true&detect_language=true"
        );
        assert_eq!(asked.header("content-type"), "audio/wav");
        assert!(asked.body == sound, "the sound was changed");
    }
    let subtitles = [
        ("model", "deepgram/nova-3"),
        ("response_format", "srt"),
        ("file", ""),
    ];
    let reply = send(&rig, form(&subtitles, b"abc")).await;
    assert_eq!(
        reply.text().await.unwrap(),
        "1\n00:00:00,100 --> 00:00:01,200\nHi there.\n\n"
    );
    let streamed = [
        ("model", "deepgram/nova-3"),
        ("stream", "true"),
        ("file", ""),
    ];
    let reply = send(&rig, form(&streamed, b"abc")).await;
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    assert_eq!(rig.usage(4).await[0].units.audio_ms, Some(1500));
}

#[tokio::test]
async fn fields_behind_a_large_file_are_heeded_or_named() {
    let heard = json!({"results": {"channels": [{"alternatives": [{"transcript": "Hi"}]}]}});
    let (server, rig) = with("deepgram", heard).await;
    let fields = [
        ("model", "deepgram/nova-3"),
        ("prompt", "x"),
        ("file", ""),
        ("language", "de"),
        ("response_format", "text"),
    ];
    let reply = send(&rig, form(&fields, &sound(3 << 20))).await;
    assert_eq!(
        reply.headers()["x-byokey-dropped"],
        "2; prompt=dropped; language=dropped"
    );
    assert_eq!(reply.text().await.unwrap(), "Hi\n");
    assert!(server.last().target.ends_with("detect_language=true"));
    // A small form is read whole first, so nothing comes too late.
    let reply = send(&rig, form(&fields, b"abc")).await;
    assert_eq!(reply.headers()["x-byokey-dropped"], "1; prompt=dropped");
    assert!(server.last().target.ends_with("language=de"));
}

#[tokio::test]
async fn elevenlabs_gets_a_form_of_its_own() {
    let heard = json!({"text": "Hi", "language_code": "en", "words": [
        {"text": "Hi", "type": "word", "start": 0.0, "end": 0.5},
        {"text": " ", "type": "spacing"}]});
    let (server, rig) = with("elevenlabs", heard).await;
    let fields = [
        ("model", "elevenlabs/scribe_v1"),
        ("language", "de"),
        ("file", ""),
    ];
    let reply = send(&rig, form(&fields, &sound(5000))).await;
    let told: Value = reply.json().await.unwrap();
    assert_eq!(told["text"], "Hi");
    let asked = server.last();
    assert_eq!(asked.target, "/v1/speech-to-text");
    let own = [
        ("model_id", "scribe_v1"),
        ("language_code", "de"),
        ("timestamps_granularity", "word"),
        ("file", ""),
    ];
    assert!(
        asked.body == form(&own, &sound(5000)),
        "{}",
        String::from_utf8_lossy(&asked.body)
    );
    assert_eq!(asked.header("content-length"), asked.body.len().to_string());
}

#[tokio::test]
async fn gemini_gets_the_sound_in_base64() {
    use base64::Engine as _;
    let heard = json!({"candidates": [{"content": {"parts": [{"text": "Hi\n"}]}}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2}});
    let (server, rig) = with("gemini", heard).await;
    for length in [1000, 1001, 1002, (2 << 20) + 1] {
        let sound = sound(length);
        let fields = [("model", "gemini/gemini-3.5-flash"), ("file", "")];
        let reply = send(&rig, form(&fields, &sound)).await;
        assert_eq!(reply.json::<Value>().await.unwrap()["text"], "Hi");
        let asked = server.last().json();
        let part = &asked["contents"][0]["parts"][1]["inlineData"];
        let data = base64::engine::general_purpose::STANDARD
            .decode(part["data"].as_str().unwrap())
            .unwrap();
        assert_eq!(part["mimeType"], "audio/wav");
        assert!(data == sound);
    }
    assert_eq!(rig.usage(4).await[0].usage.input, Some(9));
}

#[tokio::test]
async fn bad_forms_are_told_before_anybody_is_asked() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let whole = form(&[("model", "c/c-model"), ("file", "")], b"abc");
    for (body, told) in [
        (form(&[("file", "")], b"abc"), "`model`"),
        (form(&[("model", "c/c-model")], b""), "`file`"),
        (whole[..whole.len() - 8].to_vec(), "ends in the middle"),
        (b"nonsense".to_vec(), "ends in the middle"),
        (Vec::new(), "ends in the middle"),
    ] {
        let reply = send(&rig, body).await;
        assert_eq!(reply.status(), 400);
        let text = reply.text().await.unwrap();
        assert!(text.contains(told), "{text}");
    }
    let json = rig
        .post("/v1/audio/transcriptions", "{}")
        .send()
        .await
        .unwrap();
    assert_eq!(json.status(), 400);
    assert!(sim.requests().is_empty());
}
