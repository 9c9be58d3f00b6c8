//! The Kiro simulator.

use super::*;

fn asked(text: &str) -> Value {
    let tool = json!({"toolSpecification": {"name": "f", "description": "f",
        "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}}});
    json!({"conversationState": {"conversationId": "c", "chatTriggerType": "MANUAL", "history": [],
        "currentMessage": {"userInputMessage": {"content": text, "modelId": "m", "origin": "CLI",
            "userInputMessageContext": {"tools": [tool]}}}}})
}

/// The events of a reply: name and payload, checksums trusted.
async fn events(sim: &Sim, body: &Value) -> Vec<(String, Value)> {
    let reply = post(sim, "/generateAssistantResponse", body).await;
    assert_eq!(
        reply.headers()["content-type"],
        "application/vnd.amazon.eventstream"
    );
    let bytes = reply.into_body().collect().await.unwrap().to_bytes();
    let mut rest = &bytes[..];
    let mut events = Vec::new();
    while !rest.is_empty() {
        let number = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
        let (total, headers) = (number(0), number(4));
        let head = String::from_utf8_lossy(&rest[12..12 + headers]).into_owned();
        let payload = serde_json::from_slice(&rest[12 + headers..total - 4]).unwrap();
        let names = [
            "reasoningContentEvent",
            "assistantResponseEvent",
            "toolUseEvent",
            "metadataEvent",
            "ThrottlingException",
        ];
        let name = names
            .into_iter()
            .find(|name| head.contains(name))
            .unwrap_or_default();
        events.push((name.to_owned(), payload));
        rest = &rest[total..];
    }
    events
}

#[tokio::test]
async fn text_thoughts_and_calls_are_events() {
    let sim = Sim::start(Kind::Kiro, Script::default()).await;
    let events = events(&sim, &asked("x [[sim think]]")).await;
    let joined = |name: &str, member: &str| -> String {
        let of = events.iter().filter(|event| event.0 == name);
        of.filter_map(|event| event.1[member].as_str()).collect()
    };
    assert_eq!(
        joined("assistantResponseEvent", "content"),
        "Let me look that up."
    );
    assert!(!joined("reasoningContentEvent", "text").is_empty());
    let arguments: Value = serde_json::from_str(&joined("toolUseEvent", "input")).unwrap();
    assert!(arguments["city"].is_string());
    let usage = &events.last().unwrap().1["tokenUsage"];
    assert_eq!(usage["outputTokens"], sim.counts()[0].output);
}

#[tokio::test]
async fn a_busy_provider_says_so_in_the_middle() {
    let sim = Sim::start(Kind::Kiro, Script::default()).await;
    let mut body = asked("x [[sim error_in_stream]]");
    body["conversationState"]["currentMessage"]["userInputMessage"]["userInputMessageContext"] =
        json!({});
    let events = events(&sim, &body).await;
    assert_eq!(events.last().unwrap().0, "ThrottlingException");
    let mut wrong = asked("x");
    wrong["temperature"] = json!(1);
    let refused = post(&sim, "/generateAssistantResponse", &wrong).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}
