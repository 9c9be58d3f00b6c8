//! What OpenAI serves besides conversations.

use super::*;

#[tokio::test]
async fn embeddings_are_one_for_each_input() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 4});
    let list = whole(post(&sim, "/embeddings", &body).await).await;
    let (first, second) = (&list["data"][0]["embedding"], &list["data"][1]["embedding"]);
    assert_eq!(first.as_array().unwrap().len(), 4);
    assert_ne!(first, second);
    let packed = json!({"model": "m", "input": "a", "encoding_format": "base64"});
    let list = whole(post(&sim, "/embeddings", &packed).await).await;
    assert!(list["data"][0]["embedding"].is_string());
    let empty = post(&sim, "/embeddings", &json!({"model": "m", "input": []})).await;
    assert_eq!(empty.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn speech_has_its_format_and_pictures_their_number() {
    let sim = Sim::start(Kind::Responses, Script::default()).await;
    let body = json!({"model": "m", "input": "hello", "voice": "alloy", "response_format": "wav"});
    let reply = post(&sim, "/audio/speech", &body).await;
    assert_eq!(reply.headers()["content-type"], "audio/wav");
    let sound = reply.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(sound, "RIFFhello");
    let body = json!({"model": "m", "prompt": "a dot", "n": 2});
    let made = whole(post(&sim, "/images/generations", &body).await).await;
    assert_eq!(made["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_transcription_tells_what_was_heard() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nw\r\n--x\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
        content-type: audio/wav\r\n\r\nRIFF\r\n--x--\r\n";
    let request = Request::builder()
        .method(Method::POST)
        .uri(sim.url("/v1/audio/transcriptions"))
        .header("authorization", format!("Bearer {}", Script::KEY))
        .header("content-type", "multipart/form-data; boundary=x")
        .body(Full::<Bytes>::from(form))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let reply = whole(client.request(request).await.unwrap()).await;
    assert_eq!(reply["text"], "heard 4 bytes of audio/wav named a.wav");
}
