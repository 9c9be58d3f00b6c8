//! The Responses simulator.

use super::*;

fn asked(text: &str) -> Value {
    json!({"model": "m", "input": [{"role": "user", "content": text}]})
}

fn tools() -> Value {
    json!([
        {"type": "function", "name": "f", "strict": false,
         "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
        {"type": "custom", "name": "patch"}])
}

async fn sim() -> Sim {
    Sim::start(Kind::Responses, Script::default().strict()).await
}

async fn events(sim: &Sim, path: &str, body: &Value) -> Vec<Value> {
    let url = sim.url("");
    let (data, clean) = frames(send(&url, Script::KEY, path, body).await.unwrap()).await;
    assert!(clean, "{data:?}");
    let parsed = data.iter().map(|data| serde_json::from_str(data).unwrap());
    parsed.collect()
}

#[tokio::test]
async fn a_stream_opens_fills_and_closes_every_item() {
    let sim = sim().await;
    let mut body = asked("x [[sim think parallel]]");
    body["stream"] = json!(true);
    body["tools"] = tools();
    let events = events(&sim, "/v1/responses", &body).await;
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let kinds: Vec<_> = of("response.output_item.done")
        .map(|event| event["item"]["type"].clone())
        .collect();
    assert_eq!(
        kinds,
        ["reasoning", "message", "function_call", "custom_tool_call"]
    );
    let last = &events.last().unwrap()["response"];
    let done: Vec<_> = of("response.output_item.done")
        .map(|event| event["item"].clone())
        .collect();
    assert_eq!(
        (&last["output"], &last["status"]),
        (&json!(done), &json!("completed"))
    );
    let arguments: String = of("response.function_call_arguments.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(arguments, done[2]["arguments"].as_str().unwrap());
    let input: String = of("response.custom_tool_call_input.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(input, done[3]["input"].as_str().unwrap());
    assert_eq!(of("response.reasoning_summary_text.done").count(), 1);
}

#[tokio::test]
async fn what_it_said_can_be_said_back_and_nothing_else() {
    let sim = sim().await;
    let mut body = asked("x [[sim think]]");
    body["tools"] = tools();
    let first = whole(post(&sim, "/responses", &body).await).await;
    let call = first["output"].as_array().unwrap().last().unwrap().clone();
    let mut input = vec![body["input"][0].clone()];
    input.extend(first["output"].as_array().unwrap().iter().cloned());
    input.push(
        json!({"type": "function_call_output", "call_id": call["call_id"], "output": "21 °C"}),
    );
    body["input"] = json!(input);
    let second = whole(post(&sim, "/responses", &body).await).await;
    let text = &second["output"].as_array().unwrap().last().unwrap()["content"][0]["text"];
    assert_eq!(text, "The tool said: 21 °C");
    body["input"][1]["encrypted_content"] = json!("Zm9yZWlnbg==");
    let refused = post(&sim, "/responses", &body).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        whole(refused).await["error"]["code"],
        "invalid_encrypted_content"
    );
    let output = json!([input.last().unwrap()]);
    let gone_on = json!({"model": "m", "input": output, "previous_response_id": first["id"]});
    assert_eq!(
        post(&sim, "/responses", &gone_on).await.status(),
        StatusCode::OK
    );
    let counts = sim.counts();
    assert_eq!(counts.len(), 3);
    assert_eq!(first["usage"]["input_tokens"], counts[0].prompt);
    assert_eq!(first["usage"]["output_tokens"], counts[0].output);
}

#[tokio::test]
async fn a_plan_streams_and_ends_without_its_output() {
    let sim = sim().await;
    let mut body = asked("x");
    body["stream"] = json!(true);
    body["store"] = json!(false);
    body["instructions"] = json!("");
    let events = events(&sim, "/backend-api/codex/responses", &body).await;
    let last = &events.last().unwrap()["response"];
    assert_eq!(
        (&last["output"], &last["status"]),
        (&json!([]), &json!("completed"))
    );
    body["temperature"] = json!(1);
    let refused = send(&sim.plan_base_url(), Script::KEY, "/responses", &body)
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(
        whole(refused).await["detail"]
            .as_str()
            .unwrap()
            .contains("temperature")
    );
}

#[tokio::test]
async fn endings_have_their_own_events() {
    let sim = sim().await;
    let last = async |text: &str| {
        let mut body = asked(text);
        body["stream"] = json!(true);
        events(&sim, "/v1/responses", &body).await.pop().unwrap()
    };
    let length = last("[[sim length]]").await;
    assert_eq!(length["type"], "response.incomplete");
    assert_eq!(
        length["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    let refused = last("[[sim refusal]]").await;
    assert_eq!(
        refused["response"]["output"][0]["content"][0]["type"],
        "refusal"
    );
    let failed = last("[[sim error_in_stream]]").await;
    assert_eq!(failed["type"], "response.failed");
    assert!(failed["response"]["error"]["message"].is_string());
}

#[tokio::test]
async fn a_long_talk_is_made_short() {
    let sim = sim().await;
    let short = whole(post(&sim, "/responses/compact", &asked("x")).await).await;
    assert_eq!(short["object"], "response.compaction");
    let items = short["output"].as_array().unwrap();
    assert_eq!(items.last().unwrap()["type"], "compaction");
    let mut again = items.clone();
    again.push(json!({"role": "user", "content": "y"}));
    let body = json!({"model": "m", "input": again});
    assert_eq!(
        post(&sim, "/responses", &body).await.status(),
        StatusCode::OK
    );
}
