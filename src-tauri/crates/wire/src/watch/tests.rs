use super::*;
use crate::{FaultKind, Finish};

/// What a look sees of a reply, whole and byte by byte alike.
fn look(dialect: Dialect, streaming: bool, reply: &str) -> Seen {
    let mut whole = Watch::new(dialect, streaming);
    whole.push(reply.as_bytes());
    whole.finish();
    let mut bytewise = Watch::new(dialect, streaming);
    for byte in reply.as_bytes() {
        bytewise.push(&[*byte]);
    }
    bytewise.finish();
    assert_eq!(
        format!("{:?}", whole.seen()),
        format!("{:?}", bytewise.seen()),
        "{reply}"
    );
    whole.seen().clone()
}

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    }
}

fn facts(seen: &Seen) -> (Usage, Option<Finish>, Option<&str>, bool, bool) {
    (
        seen.usage,
        seen.finish,
        seen.native_finish.as_deref(),
        seen.ended,
        seen.content,
    )
}

#[test]
fn chat_stream() {
    let head = "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n";
    let seen = look(Dialect::Chat, true, head);
    assert_eq!(facts(&seen), (Usage::default(), None, None, false, false));
    assert_eq!(
        (seen.model.as_deref(), seen.upstream_id.as_deref()),
        (Some("m"), Some("c1"))
    );

    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"a \\\"usage\\\" x\"},\"finish_reason\":null}]}\n\n";
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
    let seen = look(Dialect::Chat, true, &format!("{head}{text}{end}"));
    assert_eq!(
        facts(&seen),
        (
            usage(3, 4),
            Some(Finish::Length),
            Some("length"),
            true,
            true
        )
    );

    let seen = look(
        Dialect::Chat,
        true,
        &format!("{head}data: {{\"error\":{{\"message\":\"m\",\"code\":429}}}}\n\n"),
    );
    assert_eq!(seen.fault.unwrap().kind, FaultKind::RateLimit);
    assert!(!seen.ended);
}

#[test]
fn text_about_members_hides_none_of_them() {
    let seen = look(
        Dialect::Chat,
        true,
        "data: {\"choices\":[]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"\\\"finish_reason\\\":null \\\"usage\\\":null\"},\"finish_reason\":null},{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
    );
    assert_eq!(
        facts(&seen),
        (usage(1, 2), Some(Finish::Stop), Some("stop"), true, true)
    );
}

#[test]
fn messages_stream() {
    let stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude\",\"usage\":{\"input_tokens\":13,\"output_tokens\":1,\"cache_read_input_tokens\":100}}}\n\n\
        event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":4}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let seen = look(Dialect::Messages, true, stream);
    let counts = Usage {
        cache_read: Some(100),
        ..usage(113, 4)
    };
    assert_eq!(
        facts(&seen),
        (
            counts,
            Some(Finish::ToolCalls),
            Some("tool_use"),
            true,
            true
        )
    );
    assert_eq!(
        (seen.model.as_deref(), seen.upstream_id.as_deref()),
        (Some("claude"), Some("msg_1"))
    );

    let nameless: String = stream
        .lines()
        .filter(|line| !line.starts_with("event"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(
        facts(&look(Dialect::Messages, true, &nameless)),
        facts(&seen)
    );

    let seen = look(
        Dialect::Messages,
        true,
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"o\"}}\n\n",
    );
    assert_eq!(seen.fault.unwrap().kind, FaultKind::Overloaded);
}

#[test]
fn responses_stream() {
    let stream = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"model\":\"gpt\",\"usage\":null}}\n\n\
        event: response.output_item.added\ndata: {\"item\":{\"type\":\"function_call\"}}\n\n\
        event: response.completed\ndata: {\"response\":{\"status\":\"completed\",\"incomplete_details\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}}\n\n";
    let seen = look(Dialect::Responses, true, stream);
    assert_eq!(
        facts(&seen),
        (
            usage(5, 6),
            Some(Finish::ToolCalls),
            Some("completed"),
            true,
            true
        )
    );
    let seen = look(
        Dialect::Responses,
        true,
        "data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}}\n\n",
    );
    assert_eq!((seen.finish, seen.ended), (Some(Finish::Length), true));
    let seen = look(
        Dialect::Responses,
        true,
        "event: response.failed\ndata: {\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}}\n\n",
    );
    assert_eq!(seen.fault.unwrap().kind, FaultKind::RateLimit);
}

#[test]
fn gemini_stream() {
    let inner = "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":2},\"modelVersion\":\"g\",\"responseId\":\"r\"}";
    for data in [inner.to_owned(), format!("{{\"response\":{inner}}}")] {
        let seen = look(Dialect::Gemini, true, &format!("data: {data}\r\n\r\n"));
        assert_eq!(
            facts(&seen),
            (
                usage(1, 2),
                Some(Finish::ToolCalls),
                Some("STOP"),
                true,
                true
            )
        );
        assert_eq!(
            (seen.model.as_deref(), seen.upstream_id.as_deref()),
            (Some("g"), Some("r"))
        );
    }
    let blocked = look(
        Dialect::Gemini,
        true,
        "data: {\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"},\"usageMetadata\":{\"promptTokenCount\":1}}\n\n",
    );
    assert_eq!(blocked.finish, Some(Finish::Refused));
}

#[test]
fn whole_replies() {
    for (dialect, body, finish, native, counts) in [
        (
            Dialect::Chat,
            r#"{"id":"i","choices":[{"index":0,"message":{"content":"\"finish_reason\":\"x\" {[","tool_calls":[{"id":"no","finish_reason":"no"}]},"finish_reason":"stop"},{"finish_reason":"tool_calls"}], "model" : "m","usage":{"prompt_tokens":3,"completion_tokens":4,"x":[{}]}}"#,
            Finish::ToolCalls,
            "tool_calls",
            usage(3, 4),
        ),
        (
            Dialect::Messages,
            r#"{"id":"i","type":"message","content":[{"type":"text","text":"\\","id":"no"}],"model":"m","stop_reason":"max_tokens","usage":{"input_tokens":3,"output_tokens":4}}"#,
            Finish::Length,
            "max_tokens",
            usage(3, 4),
        ),
        (
            Dialect::Responses,
            r#"{"id":"i","status":"completed","error":null,"incomplete_details":null,"model":"m","output":[{"type":"reasoning","status":"no"},{"type":"function_call"}],"usage":{"input_tokens":3,"output_tokens":4}}"#,
            Finish::ToolCalls,
            "completed",
            usage(3, 4),
        ),
        (
            Dialect::Responses,
            r#"{"id":"i","model":"m","incomplete_details":{"reason":"content_filter"},"status":"incomplete","output":[],"usage":{"input_tokens":3,"output_tokens":4}}"#,
            Finish::Refused,
            "content_filter",
            usage(3, 4),
        ),
        (
            Dialect::Gemini,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"args":{}}}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4},"modelVersion":"m","responseId":"i"}"#,
            Finish::ToolCalls,
            "STOP",
            usage(3, 4),
        ),
    ] {
        let seen = look(dialect, false, body);
        assert_eq!(
            facts(&seen),
            (counts, Some(finish), Some(native), true, true),
            "{body}"
        );
        assert_eq!(
            (seen.model.as_deref(), seen.upstream_id.as_deref()),
            (Some("m"), Some("i")),
            "{body}"
        );
        let cut = look(dialect, false, &body[..body.len() - 1]);
        assert!(!cut.ended, "{body}");
    }
    let failed = look(
        Dialect::Chat,
        false,
        r#"{"error":{"message":"m","code":"insufficient_quota"}}"#,
    );
    assert_eq!(failed.fault.unwrap().kind, FaultKind::Billing);
}

#[test]
fn hostile_replies_do_no_harm() {
    let deep = format!("{}{}", "[{\"a\":".repeat(100_000), "}]".repeat(100_000));
    let long = format!(
        "{{\"usage\":{{\"x\":\"{}\",\"prompt_tokens\":1}},\"id\":\"{0}\",\"model\":\"m\"}}",
        "y".repeat(100_000)
    );
    for dialect in [
        Dialect::Chat,
        Dialect::Messages,
        Dialect::Responses,
        Dialect::Gemini,
        Dialect::Kiro,
    ] {
        for streaming in [true, false] {
            for body in [
                "",
                "\0",
                "]]}}",
                "\"",
                "{\"id\":",
                "data",
                "data: {\"id\":\n\n",
                "{\"usage\":7}",
                "\u{feff}{}",
                &deep,
                &format!("data: {deep}\n\n"),
            ] {
                let mut watch = Watch::new(dialect, streaming);
                watch.push(body.as_bytes());
                watch.push(b"\xff\xfe");
                watch.finish();
                assert!(watch.seen().usage.is_empty());
            }
            let mut watch = Watch::new(dialect, false);
            watch.push(long.as_bytes());
            watch.finish();
            assert_eq!(watch.seen().model.as_deref(), Some("m"));
            assert!(watch.seen().usage.is_empty());
        }
    }
}
