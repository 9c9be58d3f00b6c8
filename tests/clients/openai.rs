//! What the official OpenAI SDK must have got.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::play::{Play, WORDS, assert_calls, assert_message, assert_raised, judge};

fn the_play() -> &'static Play {
    static PLAY: OnceLock<Play> = OnceLock::new();
    PLAY.get_or_init(|| Play::of("openai"))
}

judge!(super::the_play => plain, stream, stream_usage, asynchronous, tools, parallel_tools,
    streamed_tools, image, reasoning, structured, endings, errors, refusals, broken_streams, retried, abort,
    cancelled, models, large_prompt);

fn plain(play: &Play, provider: &str) {
    let facts = play.facts(provider, "plain");
    assert_eq!(facts["object"], "chat.completion");
    assert_eq!(facts["role"], "assistant");
    assert_eq!(facts["text"], format!("You said: {WORDS}"));
    assert_eq!(facts["finish"], "stop");
    assert_eq!(facts["route"], format!("{provider}/default"));
    assert!(facts["request_id"].as_str().unwrap().starts_with("req_"));
    let rows = play.rows(provider, "plain");
    assert_eq!((rows.len(), &rows[0]["outcome"]), (1, &json!("ok")));
    let tokens = &rows[0]["tokens"];
    assert_eq!(
        [&tokens["input"], &tokens["output"]],
        [&facts["usage"][0], &facts["usage"][1]]
    );
    assert_eq!(rows[0]["client"], "sdk");
}

fn stream(play: &Play, provider: &str) {
    let facts = play.facts(provider, "stream");
    assert_eq!(facts["text"], format!("You said: {WORDS}"));
    assert_eq!(facts["objects"], json!(["chat.completion.chunk"]));
    assert_eq!(facts["role"], "assistant");
    assert_eq!(facts["ids"], 1);
    assert_eq!(facts["finish"], json!(["stop"]));
    assert!(facts["chunks"].as_u64().unwrap() > 5, "{facts}");
    // Nobody asked for it; the row has it all the same where the provider tells it unasked.
    assert_eq!(facts["usage"], json!([]));
    assert_eq!(play.rows(provider, "stream")[0]["outcome"], "ok");
}

fn stream_usage(play: &Play, provider: &str) {
    let facts = play.facts(provider, "stream_usage");
    assert_eq!(facts["usage"], json!([facts["whole"]]));
    assert_eq!(facts["last_has_choices"], false);
    let rows = play.rows(provider, "stream_usage");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["tokens"]["output"], facts["whole"][1], "{row}");
    }
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
    assert_eq!(facts["finish"], "tool_calls");
    assert_calls(&facts["calls"], &["weather"]);
    assert_eq!(facts["text"], "The tool said: weather result 0");
    assert_eq!(facts["second_finish"], "stop");
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
    assert_eq!(facts["named"], json!(["tides", "tides"]));
}

fn streamed_tools(play: &Play, provider: &str) {
    let facts = play.facts(provider, "streamed_tools");
    assert_eq!(facts["finish"], "tool_calls");
    assert_calls(&facts["calls"], &["weather", "tides"]);
    assert_eq!(facts["done"], 2);
    assert_eq!(
        facts["text"],
        "The tool said: weather result 0; tides result 1"
    );
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
        "You said: And this? [image at https://example.org/a.png]"
    );
}

fn reasoning(play: &Play, provider: &str) {
    let facts = play.facts(provider, "reasoning");
    assert_eq!(facts["text"], "You said: hello", "{facts}");
    let seen = play.seen(provider, "reasoning")[0].json();
    if provider == "c" {
        assert_eq!(seen["reasoning_effort"], "high");
    } else {
        assert_eq!(seen["output_config"]["effort"], "high", "{seen}");
        assert_eq!(seen["thinking"]["type"], "adaptive", "{seen}");
        assert!(facts["thoughts"].is_string(), "{facts}");
    }
}

fn structured(play: &Play, provider: &str) {
    let parsed = &play.facts(provider, "structured")["parsed"];
    assert_eq!(parsed, &json!({"city": "Zürich \"0\"", "days": 1}));
}

fn endings(play: &Play, provider: &str) {
    let facts = play.facts(provider, "endings");
    assert_eq!(facts["stop"], json!(["You said: one ", "stop"]));
    assert_eq!(facts["length"], json!(["You said", "length"]));
    assert_eq!(facts["refusal"], "I can't help with that.");
}

/// The provider's own errors.
fn errors(play: &Play, provider: &str) {
    let facts = play.facts(provider, "errors");
    // A pass keeps the provider's status; a translation says what its table says.
    let failed = if provider == "c" { 500 } else { 502 };
    for (asked, class, status) in [
        ("400", "BadRequestError", 400),
        ("403", "PermissionDeniedError", 403),
        ("404", "NotFoundError", 404),
        ("429", "RateLimitError", 429),
        ("500", "InternalServerError", failed),
        ("503", "InternalServerError", 503),
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
    }
    assert_eq!(facts["404"]["body"]["code"], "model_not_found");
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
    assert_eq!(raised["body"]["code"], "invalid_api_key");
    let near = format!("did you mean {provider}-model");
    assert_raised(&facts["unknown_model"], "NotFoundError", 404, &[&near]);
    // Not 401: the caller would think its own key wrong.
    let raised = &facts["needs_login"];
    assert_raised(
        raised,
        "InternalServerError",
        502,
        &["locked/default", "byokey add-key locked"],
    );
    assert_eq!(raised["body"]["code"], "account_needs_login");
    assert_raised(
        &facts["html"],
        "InternalServerError",
        502,
        &["text/html", "base_url"],
    );
    assert_raised(&facts["half"], "InternalServerError", 502, &[provider]);
}

fn broken_streams(play: &Play, provider: &str) {
    let facts = play.facts(provider, "broken_streams");
    for (control, words) in [
        ("cut=5", "the provider"),
        ("end=5", "the provider"),
        ("error_in_stream", "Simulated: "),
    ] {
        let raised = &facts[control];
        assert_eq!(raised["class"], "APIError", "{control}: {raised}");
        assert_message(raised, &[words]);
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
    let name = format!("{provider}-model");
    assert_eq!(facts["one"], json!([name, "model", provider]));
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
