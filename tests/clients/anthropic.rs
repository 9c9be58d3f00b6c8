//! What the official Anthropic SDK must have got.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::play::{Play, WORDS, assert_calls, assert_message, assert_raised, judge};

fn the_play() -> &'static Play {
    static PLAY: OnceLock<Play> = OnceLock::new();
    PLAY.get_or_init(|| Play::of("anthropic"))
}

judge!(super::the_play => plain, stream, collected, asynchronous, tools, parallel_tools,
    streamed_tools, failed_tool, image, thinking, cached, endings, errors, refusals,
    broken_streams, retried, abort, cancelled, models, large_prompt);

fn plain(play: &Play, provider: &str) {
    let facts = play.facts(provider, "plain");
    assert_eq!(facts["type"], "message");
    assert_eq!(facts["role"], "assistant");
    assert_eq!(facts["text"], format!("You said: {WORDS}"));
    assert_eq!(facts["stop"], "end_turn");
    assert_eq!(facts["route"], format!("{provider}/default"));
    assert!(facts["request_id"].as_str().unwrap().starts_with("req_"));
    let rows = play.rows(provider, "plain");
    assert_eq!((rows.len(), &rows[0]["outcome"]), (1, &json!("ok")));
    let tokens = &rows[0]["tokens"];
    assert_eq!(json!([tokens["input"], tokens["output"]]), facts["usage"]);
}

fn stream(play: &Play, provider: &str) {
    let facts = play.facts(provider, "stream");
    let order = json!([
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop"
    ]);
    assert_eq!(facts["order"], order);
    assert_eq!(facts["text"], format!("You said: {WORDS}"));
    assert_eq!(facts["stop"], "end_turn");
    assert!(facts["deltas"].as_u64().unwrap() > 5, "{facts}");
    assert_eq!(
        play.rows(provider, "stream")[0]["tokens"]["output"],
        facts["output"]
    );
}

fn collected(play: &Play, provider: &str) {
    let facts = play.facts(provider, "collected");
    assert_eq!(facts["text"], format!("You said: {WORDS}"));
    assert_eq!(facts["final"], facts["text"]);
    assert_eq!(facts["stop"], "end_turn");
    assert_eq!(
        facts["usage"], facts["whole"],
        "a stream counts what a whole reply counts"
    );
}

fn asynchronous(play: &Play, provider: &str) {
    let facts = play.facts(provider, "asynchronous");
    assert_eq!(facts["whole"], format!("You said: {WORDS}"));
    let expected: Vec<_> = (0..16).map(|n| format!("You said: number {n}")).collect();
    assert_eq!(facts["texts"], json!(expected));
    assert_eq!(play.rows(provider, "asynchronous").len(), 17);
}

fn tools(play: &Play, provider: &str) {
    let facts = play.facts(provider, "tools");
    assert_eq!(facts["stop"], "tool_use");
    assert_calls(&facts["calls"], &["weather"]);
    assert_eq!(facts["text"], "The tool said: weather result 0");
    assert_eq!(facts["second_stop"], "end_turn");
}

fn parallel_tools(play: &Play, provider: &str) {
    let facts = play.facts(provider, "parallel_tools");
    assert_calls(&facts["calls"], &["weather", "tides"]);
    let text = facts["text"].as_str().unwrap();
    assert!(
        text.contains("weather result 0") && text.contains("tides result 1"),
        "{text}"
    );
    assert_eq!(facts["single"], 1);
    assert_eq!(facts["named"], json!(["tides"]));
}

fn streamed_tools(play: &Play, provider: &str) {
    let facts = play.facts(provider, "streamed_tools");
    assert_eq!(facts["stop"], "tool_use");
    assert_calls(&facts["calls"], &["weather", "tides"]);
    assert_eq!(facts["indexes"], json!([0, 1, 2]));
    assert_eq!(
        facts["text"],
        "The tool said: weather result 0; tides result 1"
    );
}

fn failed_tool(play: &Play, provider: &str) {
    let text = &play.facts(provider, "failed_tool")["text"];
    assert!(text.as_str().unwrap().contains("no network"), "{text}");
}

fn image(play: &Play, provider: &str) {
    let facts = play.facts(provider, "image");
    let text = format!(
        "You said: What is this? [image image/png of {} bytes]",
        facts["bytes"]
    );
    assert_eq!(facts["text"], text);
    assert_eq!(
        facts["remote"],
        "You said: What is this? [image at https://example.org/a.png]"
    );
}

fn thinking(play: &Play, provider: &str) {
    let facts = play.facts(provider, "thinking");
    assert_eq!(facts["text"], "The tool said: weather result 0");
    if provider == "m" {
        // The simulated provider refuses a second turn whose signature is not the first one's.
        assert_eq!(facts["blocks"], json!(["thinking", "text", "tool_use"]));
        assert_eq!(facts["signed"], json!([true]));
        let kinds = json!([
            "input_json_delta",
            "signature_delta",
            "text_delta",
            "thinking_delta"
        ]);
        assert_eq!(facts["kinds"], kinds);
    } else {
        // Chat's providers keep their thoughts, but are asked to think.
        assert_eq!(facts["blocks"], json!(["text", "tool_use"]));
        let seen = play.seen(provider, "thinking");
        assert!(
            seen.iter()
                .all(|seen| seen.json()["reasoning_effort"].is_string())
        );
    }
}

fn cached(play: &Play, provider: &str) {
    let facts = play.facts(provider, "cached");
    if provider == "m" {
        assert!(facts["written"].as_u64().unwrap() > 0, "{facts}");
        assert_eq!(facts["read"], facts["written"]);
        let rows = play.rows(provider, "cached");
        assert_eq!(rows[0]["tokens"]["cache_read"], facts["read"]);
        assert_eq!(rows[1]["tokens"]["cache_write"], facts["written"]);
    } else {
        assert_eq!(facts["read"], 0, "chat's providers cache by themselves");
    }
}

fn endings(play: &Play, provider: &str) {
    let facts = play.facts(provider, "endings");
    // Chat does not tell a stop sequence from the model's own end.
    let stop = if provider == "m" {
        "stop_sequence"
    } else {
        "end_turn"
    };
    assert_eq!(facts["stop"], json!(["You said: one ", stop]));
    assert_eq!(facts["length"], json!(["You said", "max_tokens"]));
    assert_eq!(facts["refusal"], "I can't help with that.");
}

/// The provider's own errors.
fn errors(play: &Play, provider: &str) {
    let facts = play.facts(provider, "errors");
    // A pass keeps the provider's status; a translation says what its table says.
    let busy = if provider == "m" {
        ("503", "ServiceUnavailableError", 503)
    } else {
        ("503", "OverloadedError", 529)
    };
    for (asked, class, status) in [
        ("400", "BadRequestError", 400),
        ("403", "PermissionDeniedError", 403),
        ("404", "NotFoundError", 404),
        ("429", "RateLimitError", 429),
        ("500", "InternalServerError", 500),
        busy,
    ] {
        let raised = &facts[asked];
        assert_raised(raised, class, status, &["Simulated: "]);
        assert_eq!(raised["retry_after"], "7", "{raised}");
        assert!(
            raised["request_id"]
                .as_str()
                .unwrap()
                .starts_with("req_sim"),
            "{raised}"
        );
        assert_eq!(raised["body"]["request_id"], raised["request_id"]);
    }
    assert_eq!(facts["429"]["body"]["error"]["type"], "rate_limit_error");
    assert_raised(
        &facts["before_stream"],
        "RateLimitError",
        429,
        &["Simulated: "],
    );
    let rows = play.rows(provider, "errors");
    let told = [json!("upstream-error"), json!("upstream-cut")];
    let failed = rows.iter().filter(|row| told.contains(&row["outcome"]));
    assert_eq!(
        (rows.len(), failed.count()),
        (9, 9),
        "six statuses, a stream, and two odd replies"
    );
}

/// What byokey itself has to refuse or explain.
fn refusals(play: &Play, provider: &str) {
    let facts = play.facts(provider, "errors");
    let raised = &facts["wrong_key"];
    assert_raised(raised, "AuthenticationError", 401, &["byokey keys create"]);
    assert_eq!(raised["body"]["error"]["type"], "authentication_error");
    let near = format!("did you mean {provider}-model");
    assert_raised(&facts["unknown_model"], "NotFoundError", 404, &[&near]);
    // Not 401: the caller would think its own key wrong.
    let told = ["locked/default", "byokey add-key locked"];
    assert_raised(&facts["needs_login"], "InternalServerError", 502, &told);
    assert_raised(
        &facts["html"],
        "InternalServerError",
        500,
        &["text/html", "base_url"],
    );
    assert_raised(&facts["half"], "InternalServerError", 500, &[provider]);
}

fn broken_streams(play: &Play, provider: &str) {
    let facts = play.facts(provider, "broken_streams");
    for (control, words) in [
        ("cut=5", "the provider"),
        ("end=5", "the provider"),
        ("error_in_stream", "Simulated: "),
    ] {
        let raised = &facts[control];
        // The head said 200 already, so the SDK knows no better class.
        assert_raised(raised, "APIStatusError", 200, &[words]);
        let text = raised["text"].as_str().unwrap();
        assert!(
            "You said: a b c d".starts_with(text) && !text.is_empty(),
            "{control}: {text}"
        );
    }
    for row in play.rows(provider, "broken_streams") {
        assert_ne!(row["outcome"], "ok", "{row}");
        assert!(row["error"].is_string(), "{row}");
    }
}

fn retried(play: &Play, provider: &str) {
    let raised = play.facts(provider, "retried");
    assert_eq!(raised["class"], "InternalServerError");
    assert_message(raised, &["Simulated: "]);
    assert_eq!(
        play.seen(provider, "retried").len(),
        2,
        "the SDK takes it for a passing failure"
    );
}

fn abort(play: &Play, provider: &str) {
    assert_eq!(play.facts(provider, "abort")["text"], "w0 w1 w2 ");
    let rows = play.rows(provider, "abort");
    assert_eq!(
        (rows.len(), &rows[0]["outcome"]),
        (1, &json!("client-gone"))
    );
}

fn cancelled(play: &Play, provider: &str) {
    assert_eq!(play.facts(provider, "cancelled")["cancelled"], true);
    let rows = play.rows(provider, "cancelled");
    assert_eq!(
        (rows.len(), &rows[0]["outcome"]),
        (1, &json!("client-gone"))
    );
}

fn models(play: &Play, provider: &str) {
    let facts = play.facts(provider, "models");
    let listed = facts["listed"].as_array().unwrap();
    let mut listed: Vec<_> = listed.iter().filter_map(Value::as_str).collect();
    listed.sort_unstable();
    // The configured ones, and those of the providers' live lists.
    assert_eq!(
        listed,
        [
            "c-model",
            "locked-model",
            "m-model",
            "sim-large",
            "sim-small"
        ]
    );
    assert_eq!(facts["one"], json!([format!("{provider}-model"), "model"]));
    assert_raised(
        &facts["unknown"],
        "NotFoundError",
        404,
        &["nothing-like-it"],
    );
}

fn large_prompt(play: &Play, provider: &str) {
    let facts = play.facts(provider, "large_prompt");
    let seen = play.seen(provider, "large_prompt");
    assert_eq!(seen.len(), 1);
    assert!(seen[0].body.len() as u64 > facts["sent"].as_u64().unwrap());
    assert_eq!(facts["received"], 1_000_000);
}
