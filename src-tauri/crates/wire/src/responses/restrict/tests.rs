use super::*;
use crate::{Capabilities, FaultKind};

fn plan(body: &str) -> (String, Vec<String>) {
    let caps = Capabilities::default();
    let mut target = Target::new("m", &caps, "openai");
    target.form = Form::Plan;
    let restricted = restrict(body.as_bytes(), &target).unwrap();
    let losses = restricted
        .losses
        .entries()
        .iter()
        .map(|loss| loss.path.clone());
    (
        String::from_utf8(restricted.body).unwrap(),
        losses.collect(),
    )
}

const CLEAN: &str = r#"{ "model":"m", "instructions" : "","input":[ {"role":"user","content":"hi \u00e9"} ],
    "tools":[{"type":"web_search"},{"type":"function","name":"f","parameters":{"maximum":1e3}}],
    "parallel_tool_calls":false,"stream":true,"store":false,"include":["reasoning.encrypted_content"],"service_tier":"priority","x":[1.0] }"#;

#[test]
fn a_clean_request_keeps_every_byte() {
    assert_eq!(plan(CLEAN), (CLEAN.to_owned(), vec![]));
}

#[test]
fn what_a_plan_refuses_goes_and_nothing_else() {
    let (body, losses) = plan(
        r#"{"model":"gpt","input":[{"type":"message","id":"msg_1","role":"system","content":[{"type":"input_text","text":"s", "prompt_cache_breakpoint":{}}]},{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"}],"stream":"true","store":true,"include":["file_search_call.results","reasoning.encrypted_content"],"max_output_tokens":5,"max_completion_tokens":5,"temperature":0.5,"top_p":1,"service_tier":"standard","truncation":"auto","prompt_cache_options":{"a":1},"prompt_cache_retention":"24h","user":"u","context_management":[{}],"metadata":{},"tools":[{"type":"web_search_preview"},{"type":"web_search_preview_2025_03_11","search_context_size":"low"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"web_search_preview"}]},"unknown":{"a": 1}}"#,
    );
    assert_eq!(
        body,
        r#"{"model":"m","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"s"}]},{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"}],"stream":true,"store":false,"include":["reasoning.encrypted_content"],"tools":[{"type":"web_search"},{"type":"web_search","search_context_size":"low"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"web_search"}]},"unknown":{"a": 1},"instructions":"","parallel_tool_calls":true}"#
    );
    assert_eq!(
        losses,
        [
            "input[0].prompt_cache_breakpoint",
            "store",
            "include[0]",
            "max_output_tokens",
            "max_completion_tokens",
            "temperature",
            "top_p",
            "truncation",
            "prompt_cache_options",
            "prompt_cache_retention",
            "user",
            "context_management",
        ]
    );
}

#[test]
fn small_requests_are_completed() {
    let (body, losses) = plan(
        r#"{"model":"x","input":"a\"b","service_tier":"fast","parallel_tool_calls":true,"tools":[],"instructions":null}"#,
    );
    assert_eq!(
        body,
        r#"{"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a\"b"}]}],"service_tier":"priority","tools":[],"instructions":"","stream":true,"store":false,"include":["reasoning.encrypted_content"]}"#
    );
    assert!(losses.is_empty());
}

#[test]
fn proofs_go_to_their_origin_only() {
    let body = |own: &str, other: &str| {
        format!(
            r#"{{"model":"m","input":[{{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"{own}"}}{other}, {{"type":"reasoning","summary":[],"encrypted_content":"raw"}}]}}"#
        )
    };
    let foreign = format!(
        r#", {{"type":"reasoning","encrypted_content":"{}"}}"#,
        origin::tag("sig", "anthropic")
    );
    let given = body(&origin::tag("enc", "openai"), &foreign);
    let caps = Capabilities::default();
    let mut target = Target::new("m", &caps, "openai");
    let full = restrict(given.as_bytes(), &target).unwrap();
    assert_eq!(String::from_utf8(full.body).unwrap(), body("enc", ""));
    assert_eq!(full.losses.entries().len(), 1);
    assert_eq!(full.losses.entries()[0].path, "input[1]");
    target.proofs = Proofs::Stripped;
    let stripped = restrict(given.as_bytes(), &target).unwrap();
    assert_eq!(stripped.body, br#"{"model":"m","input":[]}"#);
    assert_eq!(stripped.losses.entries().len(), 3);
}

#[test]
fn what_is_kept_nowhere_is_refused() {
    let caps = Capabilities::default();
    let mut target = Target::new("m", &caps, "openai");
    target.form = Form::Plan;
    for (body, param) in [
        (
            r#"{"input":"x","previous_response_id":"resp_1"}"#,
            "previous_response_id",
        ),
        (
            r#"{"input":[{"type":"item_reference","id":"x"}]}"#,
            "input[0]",
        ),
        (r#"{"input":"x","background":true}"#, "background"),
        ("[]", ""),
        ("{", ""),
    ] {
        let fault = restrict(body.as_bytes(), &target).unwrap_err();
        assert_eq!(fault.kind, FaultKind::BadRequest, "{body}");
        assert_eq!(fault.param.as_deref(), Some(param), "{body}");
    }
}
