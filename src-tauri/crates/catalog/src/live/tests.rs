use serde_json::json;

use super::*;

fn read(shape: ListShape, reply: serde_json::Value) -> Vec<LiveModel> {
    shape.read(reply.to_string().as_bytes()).unwrap()
}

fn ids(shape: ListShape, reply: serde_json::Value) -> Vec<String> {
    read(shape, reply)
        .into_iter()
        .map(|model| model.id)
        .collect()
}

#[test]
fn every_shape_gives_its_ids() {
    use ListShape as S;
    for (shape, reply, expected) in [
        (
            S::Data,
            json!({"data": [{"id": "a"}, {"id": ""}, {"x": 1}, 7, {"id": "b"}]}),
            &["a", "b"][..],
        ),
        (
            S::Data,
            json!({"models": [{"slug": "a", "visibility": "list"}]}),
            &["a"],
        ),
        (
            S::Slugs,
            json!({"models": [{"slug": "a"}, {"slug": "b", "visibility": "hide"}]}),
            &["a"],
        ),
        (S::BareArray, json!([{"id": "a", "type": "chat"}]), &["a"]),
        (S::Gemini, json!({"models": [{"name": "models/a"}]}), &["a"]),
        (
            S::Tags,
            json!({"models": [{"name": "a:1b", "model": "a:1b"}]}),
            &["a:1b"],
        ),
        (
            S::LmStudio,
            json!({"models": [{"key": "a", "type": "llm"}]}),
            &["a"],
        ),
        (
            S::Copilot,
            json!({"data": [
                {"id": "a", "model_picker_enabled": true, "policy": {"state": "enabled"}},
                {"id": "b", "model_picker_enabled": false},
                {"id": "c", "model_picker_enabled": true, "policy": {"state": "disabled"}},
            ]}),
            &["a"],
        ),
        (
            S::Kiro,
            json!({"models": [{"modelId": "a", "modelName": "A"}]}),
            &["a"],
        ),
        (
            S::Antigravity,
            json!({"models": {"a": {"displayName": "A"}}}),
            &["a"],
        ),
        (
            S::ElevenLabs,
            json!([{"model_id": "a", "can_do_text_to_speech": true}]),
            &["a"],
        ),
        (
            S::Deepgram,
            json!({"stt": [{"canonical_name": "n"}, {"canonical_name": "n"}], "tts": [{"canonical_name": "t"}]}),
            &["n", "t"],
        ),
        (
            S::Bedrock,
            json!({"modelSummaries": [{"modelId": "a"}]}),
            &["a"],
        ),
    ] {
        assert_eq!(ids(shape, reply), expected, "{shape:?}");
    }
}

#[test]
fn what_is_no_list_is_none() {
    for body in ["", "null", "[]", "{}", r#"{"data":{}}"#, r#"{"error":"x"}"#] {
        assert_eq!(ListShape::Data.read(body.as_bytes()), None, "{body}");
    }
    assert_eq!(ListShape::Data.read(br#"{"data":[]}"#), Some(Vec::new()));
}

#[test]
fn facts_are_read_in_each_providers_words() {
    let anthropic = json!({"data": [{
        "type": "model", "id": "claude-x", "display_name": "Claude X", "created_at": "2026-11-21T00:00:00Z",
        "max_input_tokens": 1_000_000, "max_tokens": 64_000,
        "capabilities": {
            "thinking": {"supported": true, "types": {"enabled": {"supported": false}, "adaptive": {"supported": true}}},
            "effort": {"supported": true, "low": {"supported": true}, "high": {"supported": true}, "max": {"supported": false}},
            "image_input": {"supported": true}, "pdf_input": {"supported": true},
            "structured_outputs": {"supported": true},
        },
    }]});
    let expected = LiveModel {
        id: "claude-x".into(),
        name: Some("Claude X".into()),
        context: Some(1_000_000),
        max_output: Some(64_000),
        input: Some([Modality::Text, Modality::Image, Modality::Pdf].into()),
        reasoning: Some(true),
        levels: Some(vec![Effort::Low, Effort::High]),
        adaptive: Some(true),
        json_schema: Some(true),
        created_s: Some(1_795_219_200),
        ..LiveModel::default()
    };
    assert_eq!(read(ListShape::Data, anthropic), [expected]);

    let copilot = json!({"data": [{
        "id": "gpt-x", "name": "GPT X", "model_picker_enabled": true,
        "supported_endpoints": ["/responses", "ws:/responses"],
        "capabilities": {
            "type": "chat",
            "limits": {"max_context_window_tokens": 400_000, "max_output_tokens": 128_000},
            "supports": {"tool_calls": true, "vision": false, "max_thinking_budget": 32_000,
                "structured_outputs": true, "reasoning_effort": ["high", "low"]},
        },
    }]});
    let expected = LiveModel {
        id: "gpt-x".into(),
        name: Some("GPT X".into()),
        mode: Some(Mode::Chat),
        context: Some(400_000),
        max_output: Some(128_000),
        input: Some([Modality::Text].into()),
        tools: Some(true),
        reasoning: Some(true),
        levels: Some(vec![Effort::Low, Effort::High]),
        budget: Some((1024, 32_000)),
        json_schema: Some(true),
        dialects: Some(vec![Dialect::Responses]),
        ..LiveModel::default()
    };
    assert_eq!(read(ListShape::Copilot, copilot), [expected]);

    let router = json!({"data": [{
        "id": "z/y", "name": "Z: Y", "created": 1_700_000_000, "context_length": 200_000,
        "architecture": {"input_modalities": ["text", "image", "file"], "output_modalities": ["text"]},
        "top_provider": {"max_completion_tokens": 8192},
        "supported_parameters": ["tools", "temperature"],
    }]});
    let found = &read(ListShape::Data, router)[0];
    assert_eq!((found.tools, found.reasoning), (Some(true), Some(false)));
    assert_eq!(
        (found.context, found.max_output),
        (Some(200_000), Some(8192))
    );
    assert_eq!(found.mode, Some(Mode::Chat));

    let gemini = json!({"models": [{
        "name": "models/gemini-x", "displayName": "Gemini X", "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": true,
    }, {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]}]});
    let found = read(ListShape::Gemini, gemini);
    assert_eq!(
        (found[0].mode, found[1].mode),
        (Some(Mode::Chat), Some(Mode::Embedding))
    );
    assert_eq!(
        (found[0].context, found[0].reasoning),
        (Some(1_048_576), Some(true))
    );
}

#[test]
fn names_alone_keep_other_models_out_of_the_chat_list() {
    let openai = json!({"data": [
        {"id": "gpt-6-sol"}, {"id": "text-embedding-3-large"}, {"id": "whisper-1"},
        {"id": "gpt-4o-mini-tts"}, {"id": "gpt-image-1"}, {"id": "gpt-realtime"},
    ]});
    let modes: Vec<_> = read(ListShape::Data, openai)
        .iter()
        .map(|model| model.mode)
        .collect();
    assert_eq!(
        modes,
        [
            None,
            Some(Mode::Embedding),
            Some(Mode::Transcription),
            Some(Mode::Speech),
            Some(Mode::Image),
            Some(Mode::Realtime),
        ]
    );
}
