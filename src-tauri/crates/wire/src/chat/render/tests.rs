use serde_json::{Value, json};

use super::*;
use crate::{
    Block, Body, CacheMark, Call, CallResult, Capabilities, Effort, FaultKind, File, Image,
    Message, Reasoning, Role, Sampling, Source, Thinking, ThinkingSupport,
};

fn rendered(turn: &Turn<'_>, caps: &Capabilities) -> (Value, Vec<String>) {
    let target = Target::new("up", caps, "o");
    let names = ToolNames::of(turn, crate::Dialect::Chat);
    let mut ledger = Ledger::default();
    let body = render_request(turn, &target, &names, &mut ledger).unwrap();
    let losses = ledger
        .entries()
        .iter()
        .map(|loss| format!("{} {}", loss.path, loss.action.name()));
    (serde_json::from_slice(&body).unwrap(), losses.collect())
}

fn message<'a>(role: Role, blocks: Vec<Body<'a>>) -> Message<'a> {
    Message::new(role, 3, blocks.into_iter().map(Block::new).collect())
}

fn call<'a>(id: &'a str, arguments: &'a str) -> Body<'a> {
    Body::Call(Call::new(id, "f", arguments))
}

fn result<'a>(id: &'a str, blocks: Vec<Body<'a>>, is_error: bool) -> Body<'a> {
    let blocks = blocks.into_iter().map(Block::new).collect();
    Body::Result(CallResult {
        call_id: id.into(),
        name: None,
        blocks,
        is_error,
    })
}

fn image<'a>(source: Source<'a>) -> Body<'a> {
    Body::Image(Image {
        source,
        detail: None,
    })
}

fn base64<'a>(media_type: &'a str) -> Source<'a> {
    Source::Base64 {
        media_type: media_type.into(),
        data: "QUJD".into(),
    }
}

#[test]
fn conversation() {
    let thinking = Body::Thinking(Thinking {
        text: "hm".into(),
        proof: None,
    });
    let turn = Turn {
        system: vec![
            Block::text("S1"),
            Block {
                cache: Some(CacheMark::Hour),
                ..Block::text("S2")
            },
        ],
        messages: vec![
            message(
                Role::User,
                vec![Body::Text("a \"q\"".into()), image(base64("image/png"))],
            ),
            message(
                Role::Assistant,
                vec![
                    thinking,
                    Body::Text("t1".into()),
                    call("1", ""),
                    Body::Text("t2".into()),
                ],
            ),
            message(
                Role::User,
                vec![
                    result("1", vec![Body::Text("r".into())], true),
                    result(
                        "2",
                        vec![
                            Body::Text("p".into()),
                            image(Source::Url("https://x/y".into())),
                        ],
                        false,
                    ),
                    result("3", vec![], false),
                    Body::Text("u".into()),
                ],
            ),
            message(Role::System, vec![Body::Text("mid".into())]),
            message(Role::Assistant, vec![call("4", r#"{"x":1.50}"#)]),
            message(
                Role::User,
                vec![
                    Body::File(File {
                        source: base64("application/pdf"),
                        name: Some("d".into()),
                    }),
                    Body::File(File {
                        source: Source::Text("plain".into()),
                        name: None,
                    }),
                    Body::Audio {
                        data: "QQ".into(),
                        format: "wav".into(),
                    },
                ],
            ),
        ],
        ..Turn::default()
    };
    let (body, losses) = rendered(&turn, &Capabilities::default());
    let tool =
        |id: &str, content: Value| json!({"role": "tool", "tool_call_id": id, "content": content});
    let call = |id: &str, arguments: &str| json!([{"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}}]);
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "system", "content": "S1\n\nS2"},
            {"role": "user", "content": [text("a \"q\""), {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]},
            {"role": "assistant", "content": [text("t1"), text("t2")], "reasoning_content": "hm", "tool_calls": call("1", "{}")},
            tool("1", json!("r")),
            tool("2", json!([text("p"), {"type": "image_url", "image_url": {"url": "https://x/y"}}])),
            tool("3", json!("")),
            {"role": "user", "content": "u"},
            {"role": "system", "content": "mid"},
            {"role": "assistant", "content": null, "tool_calls": call("4", r#"{"x":1.50}"#)},
            {"role": "user", "content": [
                {"type": "file", "file": {"filename": "d", "file_data": "data:application/pdf;base64,QUJD"}},
                text("plain"),
                {"type": "input_audio", "input_audio": {"data": "QQ", "format": "wav"}},
            ]},
        ])
    );
    assert_eq!(
        losses,
        [
            "messages.cache_control dropped",
            "messages[3].is_error dropped"
        ]
    );
}

#[test]
fn what_cannot_be_said_is_refused() {
    for body in [
        image(Source::FileId("f".into())),
        Body::File(File {
            source: Source::Url("https://x/d.pdf".into()),
            name: None,
        }),
        Body::File(File {
            source: Source::FileId("f".into()),
            name: None,
        }),
    ] {
        let turn = Turn {
            messages: vec![message(Role::User, vec![body])],
            ..Turn::default()
        };
        let caps = Capabilities::default();
        let target = Target::new("up", &caps, "o");
        let names = ToolNames::of(&turn, crate::Dialect::Chat);
        let fault = render_request(&turn, &target, &names, &mut Ledger::default()).unwrap_err();
        assert_eq!(
            (fault.kind, fault.param.as_deref()),
            (FaultKind::BadRequest, Some("messages[3]"))
        );
    }
}

fn settings<'a>() -> Turn<'a> {
    Turn {
        stream: true,
        max_output: Some(9000),
        sampling: Sampling {
            temperature: Some(1.7),
            top_p: Some(0.5),
            top_k: Some(3),
            seed: Some(-1),
            stop: ["a", "b", "c", "d", "e"].map(Cow::from).to_vec(),
            ..Sampling::default()
        },
        reasoning: Some(Reasoning::Effort(Effort::Xhigh)),
        user: Some("someone@example.org".into()),
        service_tier: Some("standard_only".into()),
        parallel_tools: Some(false),
        ..Turn::default()
    }
}

#[test]
fn an_unknown_model_gets_everything() {
    let (body, losses) = rendered(&settings(), &Capabilities::default());
    let user = body["user"].as_str().unwrap();
    assert!(user.len() == 32 && !user.contains('@'));
    assert_eq!(
        body,
        json!({
            "model": "up", "messages": [], "stream": true, "stream_options": {"include_usage": true},
            "max_tokens": 9000, "temperature": 1.7, "top_p": 0.5, "seed": -1, "stop": ["a", "b", "c", "d"],
            "reasoning_effort": "xhigh", "service_tier": "default", "user": user,
        })
    );
    assert_eq!(
        losses,
        [
            "parallel_tool_calls dropped",
            "top_k dropped",
            "stop clamped"
        ]
    );
}

#[test]
fn a_known_model_gets_what_it_takes() {
    let caps = Capabilities {
        sampling: SamplingSupport::OneOf,
        temperature_max: Some(1.0),
        max_output: Some(8000),
        max_completion_tokens: true,
        thinking: Some(ThinkingSupport {
            levels: vec![Effort::Low, Effort::High],
            ..ThinkingSupport::default()
        }),
        ..Capabilities::default()
    };
    let (body, losses) = rendered(&settings(), &caps);
    assert_eq!(body["max_completion_tokens"], 8000);
    assert_eq!(
        (&body["temperature"], &body["top_p"]),
        (&json!(1.0), &Value::Null)
    );
    assert_eq!(body["reasoning_effort"], "high");
    assert_eq!(
        losses,
        [
            "parallel_tool_calls dropped",
            "max_tokens clamped",
            "temperature clamped",
            "top_p dropped",
            "top_k dropped",
            "stop clamped",
            "reasoning_effort approximated",
        ]
    );
    let none = Capabilities {
        sampling: SamplingSupport::None,
        ..Capabilities::default()
    };
    let (body, _) = rendered(&settings(), &none);
    assert!(body.get("temperature").is_none() && body.get("top_p").is_none());
    for (wanted, expected) in [
        (Reasoning::Effort(Effort::None), json!("none")),
        (Reasoning::Budget(64_000), json!("xhigh")),
        (Reasoning::Auto, json!("medium")),
    ] {
        let turn = Turn {
            reasoning: Some(wanted),
            ..Turn::default()
        };
        assert_eq!(
            rendered(&turn, &Capabilities::default()).0["reasoning_effort"],
            expected
        );
    }
}

#[test]
fn tools_choices_and_formats() {
    let schema: &serde_json::value::RawValue =
        serde_json::from_str(r#"{"type":"object"}"#).unwrap();
    let long = "n".repeat(80);
    let tool = |name: &str, input| Tool::new(name.to_owned(), input);
    let mut turn = Turn {
        tools: vec![
            Tool {
                strict: Some(true),
                description: Some("D".into()),
                ..tool(&long, ToolInput::Schema(Some(schema)))
            },
            tool("b", ToolInput::Schema(None)),
            tool("c", ToolInput::FreeText),
        ],
        parallel_tools: Some(false),
        format: Some(Format::JsonSchema {
            name: None,
            description: None,
            schema,
            strict: Some(true),
        }),
        ..Turn::default()
    };
    let (body, losses) = rendered(&turn, &Capabilities::default());
    let short = body["tools"][0]["function"]["name"].clone();
    assert!(short.as_str().unwrap().len() <= 64);
    assert_eq!(
        body["tools"],
        json!([
            {"type": "function", "function": {"name": short, "description": "D", "parameters": {"type": "object", "properties": {}}, "strict": true}},
            {"type": "function", "function": {"name": "b", "parameters": {"type": "object", "properties": {}}}},
            {"type": "function", "function": {"name": "c", "parameters": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}}},
        ])
    );
    assert_eq!(body["parallel_tool_calls"], false);
    assert_eq!(
        body["response_format"],
        json!({"type": "json_schema", "json_schema": {"name": "reply", "schema": {"type": "object"}, "strict": true}})
    );
    assert!(losses.is_empty());
    let function = |name: &Value| json!({"type": "function", "function": {"name": name}});
    for (choice, expected) in [
        (ToolChoice::Auto, json!("auto")),
        (ToolChoice::None, json!("none")),
        (ToolChoice::Required, json!("required")),
        (ToolChoice::Named(long.as_str().into()), function(&short)),
        (
            ToolChoice::Allowed(vec!["b".into()], true),
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function(&json!("b"))]}}),
        ),
    ] {
        turn.tool_choice = Some(choice);
        assert_eq!(
            rendered(&turn, &Capabilities::default()).0["tool_choice"],
            expected
        );
    }
    turn.tools.clear();
    let (body, losses) = rendered(
        &turn,
        &Capabilities {
            json_schema: Some(false),
            ..Capabilities::default()
        },
    );
    assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert_eq!(
        losses,
        [
            "tool_choice dropped",
            "parallel_tool_calls dropped",
            "response_format emulated"
        ]
    );
}
