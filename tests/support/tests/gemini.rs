//! The Gemini simulator.

use super::*;

fn asked(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

fn with_tool(text: &str) -> Value {
    let mut body = asked(text);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    body["tools"] =
        json!([{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}]);
    body
}

async fn sim() -> Sim {
    Sim::start(Kind::Gemini, Script::default()).await
}

#[tokio::test]
async fn streams_come_as_events_or_as_one_array() {
    let sim = sim().await;
    let path = "/models/m:streamGenerateContent";
    let (data, clean) = frames(
        post(
            &sim,
            &format!("{path}?alt=sse"),
            &asked("a b [[sim think]]"),
        )
        .await,
    )
    .await;
    assert!(clean);
    let chunks: Vec<Value> = data
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let array = whole(post(&sim, path, &asked("a b [[sim think]]")).await).await;
    let said = |chunks: &[Value], thought: bool| -> String {
        let parts = chunks.iter().flat_map(|chunk| {
            chunk["candidates"][0]["content"]["parts"]
                .as_array()
                .unwrap()
        });
        let wanted = parts.filter(|part| part.get("thought").is_some() == thought);
        wanted.map(|part| part["text"].as_str().unwrap()).collect()
    };
    assert_eq!(said(&chunks, false), "You said: a b");
    assert!(!said(&chunks, true).is_empty());
    assert_eq!(said(&chunks, false), said(array.as_array().unwrap(), false));
    let finished = |chunk: &Value| chunk["candidates"][0]["finishReason"] == "STOP";
    assert!(
        finished(chunks.last().unwrap())
            && chunks.iter().filter(|chunk| finished(chunk)).count() == 1
    );
}

#[tokio::test]
async fn a_call_comes_back_with_its_signature_or_not_at_all() {
    let sim = sim().await;
    let path = "/models/m:generateContent";
    let first = whole(post(&sim, path, &with_tool("x [[sim ids]]")).await).await;
    let content = first["candidates"][0]["content"].clone();
    let part = content["parts"].as_array().unwrap().last().unwrap();
    assert!(part["functionCall"]["id"].is_string() && part["thoughtSignature"].is_string());
    let mut body = with_tool("x");
    let response = json!({"functionResponse": {"name": "f", "response": {"result": "21 °C"}}});
    body["contents"]
        .as_array_mut()
        .unwrap()
        .extend([content, json!({"role": "user", "parts": [response]})]);
    let second = whole(post(&sim, path, &body).await).await;
    assert_eq!(
        second["candidates"][0]["content"]["parts"][0]["text"],
        "The tool said: 21 °C"
    );
    let parts = body["contents"][1]["parts"].as_array_mut().unwrap();
    parts
        .last_mut()
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("thoughtSignature");
    let refused = post(&sim, path, &body).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(
        whole(refused).await["error"]["message"]
            .as_str()
            .unwrap()
            .contains("thought_signature")
    );
}

#[tokio::test]
async fn snake_case_is_as_good() {
    let sim = sim().await;
    let body = json!({"contents": [{"parts": [{"text": "what?"}, {"inline_data": {"mime_type": "image/png", "data": "aGVsbG8="}}]}],
        "generation_config": {"max_output_tokens": 100}});
    let reply = whole(post(&sim, "/models/m:generateContent", &body).await).await;
    let text = "You said: what? [image image/png of 5 bytes]";
    assert_eq!(reply["candidates"][0]["content"]["parts"][0]["text"], text);
}

#[tokio::test]
async fn code_assist_wraps_both_ways() {
    let sim = sim().await;
    let body = json!({"project": "p", "model": "m", "request": asked("a")});
    let base = sim.url("");
    let reply = send(&base, Script::KEY, "/v1internal:generateContent", &body)
        .await
        .unwrap();
    let reply = whole(reply).await;
    assert_eq!(
        reply["response"]["candidates"][0]["content"]["parts"][0]["text"],
        "You said: a"
    );
    let path = "/v1internal:streamGenerateContent?alt=sse";
    let (data, _) = frames(send(&base, Script::KEY, path, &body).await.unwrap()).await;
    assert!(data.iter().all(|data| data.contains("\"response\":{")));
}

#[tokio::test]
async fn the_rest_of_its_methods_answer() {
    let sim = sim().await;
    let count = whole(post(&sim, "/models/m:countTokens", &asked("x")).await).await;
    assert!(count["totalTokens"].as_u64().unwrap() > 0);
    let content = json!({"parts": [{"text": "x"}]});
    let one = json!({"content": content, "outputDimensionality": 3});
    let embedded = whole(post(&sim, "/models/m:embedContent", &one).await).await;
    assert_eq!(embedded["embedding"]["values"].as_array().unwrap().len(), 3);
    let many = json!({"requests": [one, one]});
    let embedded = whole(post(&sim, "/models/m:batchEmbedContents", &many).await).await;
    assert_eq!(embedded["embeddings"].as_array().unwrap().len(), 2);
    let mut spoken = asked("hello");
    spoken["generationConfig"] = json!({"responseModalities": ["AUDIO"]});
    let sound = whole(post(&sim, "/models/m:generateContent", &spoken).await).await;
    let data = &sound["candidates"][0]["content"]["parts"][0]["inlineData"];
    assert!(data["mimeType"].as_str().unwrap().starts_with("audio/L16"));
    let wrong = send(
        &sim.base_url(),
        "wrong",
        "/models/m:generateContent",
        &asked("x"),
    )
    .await
    .unwrap();
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        whole(wrong).await["error"]["details"][0]["reason"],
        "API_KEY_INVALID"
    );
}
