use super::*;
use crate::{Block, Body, CacheMark, Effort, Proof, Role, Source};

fn read(body: &str) -> (Turn<'_>, Vec<String>) {
    let (turn, ledger) = read_request(body.as_bytes()).unwrap();
    let losses = ledger
        .entries()
        .iter()
        .map(|loss| loss.path.clone())
        .collect();
    (turn, losses)
}

/// A request with this conversation.
fn talk(messages: &str) -> String {
    format!(r#"{{"model":"m","messages":{messages}}}"#)
}

fn short(block: &Block<'_>) -> String {
    let mark = match block.cache {
        None => "",
        Some(CacheMark::Default) => " *",
        Some(CacheMark::Hour) => " **",
    };
    let source = |source: &Source<'_>| match source {
        Source::Base64 { media_type, data } => format!("{media_type} {data}"),
        Source::Url(url) => format!("at {url}"),
        Source::FileId(id) => format!("id {id}"),
        Source::Text(text) => format!("text {text}"),
    };
    let body = match &block.body {
        Body::Text(text) => format!("{text:?}"),
        Body::Refusal(text) => format!("refusal {text}"),
        Body::Image(image) => format!("image {} {:?}", source(&image.source), image.detail),
        Body::File(file) => format!("file {} {:?}", source(&file.source), file.name),
        Body::Audio { data, format } => format!("audio {format} {data}"),
        Body::Thinking(thinking) => match &thinking.proof {
            None => format!("thinking {}", thinking.text),
            Some(Proof::Signature(proof)) => format!("thinking {} by {proof}", thinking.text),
            Some(Proof::Redacted(data)) => format!("redacted {data}"),
        },
        Body::Call(call) => format!("call {} {} {}", call.id, call.name, call.arguments),
        Body::Result(result) => {
            let inner: Vec<String> = result.blocks.iter().map(short).collect();
            format!(
                "result {:?} {} {}",
                result.call_id,
                result.is_error,
                inner.join(" ")
            )
        }
    };
    format!("{body}{mark}")
}

/// The conversation in short: one line per message.
fn lines(messages: &str) -> (Vec<String>, Vec<String>) {
    let body = talk(messages);
    let (turn, losses) = read(&body);
    let system = turn
        .system
        .iter()
        .map(|block| format!("system {}", short(block)));
    let said = turn.messages.iter().map(|message| {
        let role = match message.role {
            Role::System => "mid",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let blocks: Vec<String> = message.blocks.iter().map(short).collect();
        format!("{} {role} {}", message.at, blocks.join(" | "))
    });
    (system.chain(said).collect(), losses)
}

#[test]
fn conversations() {
    for (messages, expected, losses) in [
        (
            r#"[{"role":"system","content":"S1"},{"role":"developer","content":[{"type":"text","text":"D1"},{"type":"text","text":"D2"}],"cache_control":{"type":"ephemeral"}},{"role":"user","content":"u","name":"bob"},{"role":"system","content":"late"}]"#,
            &[
                r#"system "S1""#,
                r#"system "D1""#,
                r#"system "D2" *"#,
                r#"2 user "u""#,
                r#"3 mid "late""#,
            ][..],
            &["messages[2].name"][..],
        ),
        (
            r#"[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}],"cache_control":{"type":"ephemeral","ttl":"1h"}},{"role":"user","content":"b","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#,
            &[r#"0 user "a" *"#, r#"1 user "b" **"#],
            &[],
        ),
        (
            r#"[{"role":"assistant","content":null,"reasoning_content":"r","annotations":[],"audio":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"","type":"function","function":{"name":"g","arguments":{"y":2}}},{"id":"c3","type":"custom","custom":{"name":"h","input":"a\"b"}},{"id":"c4"}]},{"role":"tool","tool_call_id":"c1","content":"ok"},{"role":"tool","content":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]}]"#,
            &[
                r#"0 assistant thinking r | call c1 f {"x":1} | call call_0_1 g {"y":2} | call c3 h a"b"#,
                r#"1 user result "c1" false "ok""#,
                r#"2 user result "" false "t" image image/png QUJD None"#,
            ],
            &["messages[0].tool_calls[3]"],
        ),
        (
            r#"[{"role":"assistant","content":"","refusal":"no","reasoning":"x"},{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}]"#,
            &[
                r#"0 assistant thinking x | "" | refusal no"#,
                "1 assistant call call_1 f {}",
                r#"2 user result "" false "r""#,
            ],
            &[],
        ),
        (
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},{"type":"input_image","image_url":"https://x/z.png"},{"type":"input_audio","input_audio":{"data":"QQ","format":"mp3"}},{"type":"file","file":{"file_data":"data:application/pdf;base64,QQ","filename":"a.pdf"}},{"type":"file","file":{"file_id":"f1"}},{"type":"scent","scent":{"url":"x"}},"bare",{"type":"text","text":"t","odd":1}]}]"#,
            &[
                r#"0 user image at https://x/y.png Some("low") | image at https://x/z.png None | audio mp3 QQ | file application/pdf QQ Some("a.pdf") | file id f1 None | "bare" | "t""#,
            ],
            &[
                "messages[0].content[5].scent",
                "messages[0].content[5]",
                "messages[0].content[7].odd",
            ],
        ),
        (
            r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"tool_use","id":"a","name":"f","input":{"x":1e3}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"r"},{"type":"image","source":{"type":"base64","media_type":"image/gif","data":"R0"}}],"is_error":true},{"type":"document","source":{"type":"url","url":"https://x/d.pdf"},"title":"D"}]}]"#,
            &[
                r#"0 assistant thinking t by s | redacted d | call a f {"x":1e3}"#,
                r#"1 user result "a" true "r" image image/gif R0 None | file at https://x/d.pdf Some("D")"#,
            ],
            &[],
        ),
        (
            r#"[{"role":"user","content":{"type":"text","text":"lone"}},{"role":"user"},{"role":"user","content":null}]"#,
            &[r#"0 user "lone""#, "1 user ", "2 user "],
            &[],
        ),
    ] {
        let (seen, lost) = lines(messages);
        assert_eq!(seen, expected, "{messages}");
        assert_eq!(lost, losses, "{messages}");
    }
}

#[test]
fn text_borrows_from_the_body() {
    let body = talk(
        r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;charset=x;base64,QUJD"}},{"type":"text","text":"plain"}]}]"#,
    );
    let (turn, _) = read(&body);
    let [
        Block {
            body: Body::Image(image),
            ..
        },
        Block {
            body: Body::Text(text),
            ..
        },
    ] = &turn.messages[0].blocks[..]
    else {
        panic!("{:?}", turn.messages);
    };
    assert!(matches!(
        &image.source,
        Source::Base64 {
            media_type: Cow::Borrowed("image/png"),
            data: Cow::Borrowed("QUJD")
        }
    ));
    assert!(matches!(text, Cow::Borrowed("plain")));
}

#[test]
fn settings() {
    let (turn, losses) = read(
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},
        "max_tokens":4096,"max_completion_tokens":128000,"temperature":0.2,"top_p":1,"top_k":5,"frequency_penalty":0.5,"presence_penalty":-1,"seed":-7,
        "stop":"END","parallel_tool_calls":false,"reasoning_effort":"high","service_tier":"flex","prompt_cache_key":"k","user":"u","metadata":{"user_id":"id","team":"x"},
        "logit_bias":{"1":2},"logprobs":false,"store":true,"modalities":["text"],"n":1,"a\u006fdd":[1],"verbosity":null,
        "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}}"#,
    );
    assert!(turn.stream && turn.include_usage);
    assert_eq!(turn.max_output, Some(4096));
    let sampling = &turn.sampling;
    assert_eq!(
        (sampling.temperature, sampling.top_p, sampling.top_k),
        (Some(0.2), Some(1.0), Some(5))
    );
    assert_eq!(
        (
            sampling.frequency_penalty,
            sampling.presence_penalty,
            sampling.seed
        ),
        (Some(0.5), Some(-1.0), Some(-7))
    );
    assert_eq!(sampling.stop, ["END"]);
    assert_eq!(turn.parallel_tools, Some(false));
    assert_eq!(turn.reasoning, Some(Reasoning::Effort(Effort::High)));
    assert_eq!((turn.user.as_deref(), turn.user_opaque), (Some("id"), true));
    assert_eq!(
        (turn.service_tier.as_deref(), turn.cache_key.as_deref()),
        (Some("flex"), Some("k"))
    );
    assert!(matches!(
        turn.format,
        Some(Format::JsonSchema {
            name: Some(_),
            strict: Some(true),
            ..
        })
    ));
    assert_eq!(
        losses,
        ["logit_bias", "aodd", "max_completion_tokens", "user"]
    );
    assert_eq!((turn.store, turn.logprobs), (Some(true), None));
    assert!(turn.metadata.unwrap().get().contains("team"));

    let (turn, losses) = read(
        r#"{"messages":[],"max_completion_tokens":9,"reasoning":{"max_tokens":2000},"safety_identifier":"s","logprobs":true,"top_logprobs":3,"verbosity":"low","prompt_cache_retention":"24h","metadata":{"user_id":7},"response_format":{"type":"json_schema"}}"#,
    );
    assert_eq!(
        (turn.max_output, turn.words.max_output),
        (Some(9), "max_completion_tokens")
    );
    assert_eq!(turn.reasoning, Some(Reasoning::Budget(2000)));
    assert_eq!((turn.user.as_deref(), turn.user_opaque), (Some("s"), false));
    assert_eq!(
        (turn.verbosity.as_deref(), turn.cache_retention.as_deref()),
        (Some("low"), Some("24h"))
    );
    assert_eq!(turn.logprobs, Some(3));
    assert!(turn.metadata.is_some());
    assert!(matches!(turn.format, Some(Format::JsonObject)));
    assert_eq!(losses, ["response_format.json_schema"]);
}

#[test]
fn tools_in_every_form() {
    let (turn, losses) = read(
        r#"{"messages":[],"tools":[
        {"type":"function","function":{"name":"a","description":"A","parameters":{"type":"object"},"strict":true},"cache_control":{"type":"ephemeral"}},
        {"type":"function","name":"b","parameters":{"x":1.50}},
        {"name":"c","input_schema":{"type":"object"}},
        {"type":"custom","custom":{"name":"d","format":{"type":"grammar"}}},
        {"type":"custom","name":"e","input_schema":{"type":"object"}},
        {"type":"web_search_preview"},{"type":"function","function":{"description":"nameless"}}],
        "functions":[{"name":"f"}],
        "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"a"}},{"type":"function","name":"b"}]}}}"#,
    );
    let names: Vec<&str> = turn.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(
        (turn.tools[0].strict, turn.tools[0].cache),
        (Some(true), Some(CacheMark::Default))
    );
    assert!(
        matches!(&turn.tools[1].input, ToolInput::Schema(Some(raw)) if raw.get() == r#"{"x":1.50}"#)
    );
    assert!(matches!(turn.tools[3].input, ToolInput::FreeText));
    assert!(matches!(turn.tools[4].input, ToolInput::Schema(Some(_))));
    assert_eq!(
        turn.tool_choice,
        Some(ToolChoice::Allowed(vec!["a".into(), "b".into()], true))
    );
    assert_eq!(losses, ["tools[3].custom.format", "tools[5]", "tools[6]"]);

    for (choice, expected) in [
        (r#""required""#, ToolChoice::Required),
        (r#""none""#, ToolChoice::None),
        (
            r#"{"type":"any","disable_parallel_tool_use":true}"#,
            ToolChoice::Required,
        ),
        (r#"{"type":"auto"}"#, ToolChoice::Auto),
        (
            r#"{"type":"function","function":{"name":"f"}}"#,
            ToolChoice::Named("f".into()),
        ),
        (
            r#"{"type":"custom","custom":{"name":"f"}}"#,
            ToolChoice::Named("f".into()),
        ),
        (
            r#"{"type":"tool","name":"f"}"#,
            ToolChoice::Named("f".into()),
        ),
    ] {
        let body = format!(r#"{{"messages":[],"tool_choice":{choice}}}"#);
        let (turn, losses) = read(&body);
        assert_eq!(turn.tool_choice, Some(expected), "{choice}");
        assert_eq!(
            turn.parallel_tools,
            choice.contains("disable").then_some(false)
        );
        assert!(losses.is_empty());
    }
}

#[test]
fn refuses_what_is_no_request() {
    for (body, param, words) in [
        (
            r#"{"model":"m","input":"x"}"#,
            Some("messages"),
            "`messages` is missing",
        ),
        (r#"{"messages":[],"n":2}"#, Some("n"), "one reply at a time"),
        (
            r#"{"messages":[],"reasoning_effort":"much"}"#,
            Some("reasoning_effort"),
            "must be",
        ),
        (r#"{"messages":{}}"#, Some("messages"), "wrong type"),
        (
            r#"{"messages":["x"]}"#,
            Some("messages[0]"),
            "expected an object",
        ),
        (
            r#"{"messages":[],"temperature":"hot"}"#,
            Some("temperature"),
            "expected a number",
        ),
        (r#"{"messages":[],"temperature":1e999}"#, None, "valid JSON"),
        (
            r#"{"messages":[{"role":"user","content":7}]}"#,
            Some("messages[0].content"),
            "expected a string or a list of parts",
        ),
        (r#"{"messages":[]"#, None, "valid JSON"),
        ("\u{feff}{}", None, "valid JSON"),
        ("", None, "valid JSON"),
    ] {
        let fault = read_request(body.as_bytes()).err().unwrap();
        assert_eq!(
            (fault.kind, fault.param.as_deref()),
            (FaultKind::BadRequest, param),
            "{body}"
        );
        assert!(fault.message.contains(words), "{body}: {}", fault.message);
    }
    let deep = talk(&format!(
        "{}{}",
        r#"[{"content":"#.repeat(10_000),
        "}]".repeat(10_000)
    ));
    assert!(read_request(deep.as_bytes()).is_err());
    let wide: String = (0..100_000).map(|n| format!(r#""x{n}":1,"#)).collect();
    let (_, losses) = read_request(format!(r#"{{{wide}"messages":[]}}"#).as_bytes()).unwrap();
    assert!((1_000..10_000).contains(&losses.entries().len()));
}
