//! The demo's calls: every surface, every upstream dialect, whole and streamed, with a tool.

use std::{
    io::{BufRead, BufReader},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use super::model;
use crate::{
    count::Count,
    shell::{Companion, print},
    sim::Provider,
};

/// What is said in every call; the simulated model repeats it.
const HELLO: &str = "hello from the demo, grüezi 你好";

/// One surface of byokey.
#[derive(Clone, Copy, Debug)]
enum Surface {
    Chat,
    Responses,
    Messages,
    Gemini,
}

const SURFACES: [Surface; 4] = [
    Surface::Chat,
    Surface::Responses,
    Surface::Messages,
    Surface::Gemini,
];

/// What is asked of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Whole,
    Streamed,
    Tool,
}

/// What came of one call.
#[derive(Debug)]
struct Outcome {
    surface: Surface,
    model: String,
    wish: Wish,
    status: u16,
    route: String,
    answer: String,
}

impl Outcome {
    /// Whether the simulated model's words, or its call of the tool, came through.
    fn is_right(&self) -> bool {
        let expected = match self.wish {
            Wish::Tool => "calls weather",
            Wish::Whole | Wish::Streamed => HELLO,
        };
        self.status == 200 && self.answer.contains(expected)
    }

    fn show(&self) -> Result<()> {
        let Self {
            surface,
            model,
            wish,
            status,
            route,
            answer,
        } = self;
        let (surface, wish) = (format!("{surface:?}"), format!("{wish:?}"));
        print(&format!(
            "{surface:<9} {model:<28} {wish:<9} {status:<7} {route:<19} {answer}"
        ))
    }
}

/// Waits until byokey says that it is ready.
///
/// # Errors
/// When it ends instead, or is not ready within half a minute.
pub(crate) fn wait_until_ready(url: &str, server: &mut Companion) -> Result<()> {
    let agent = agent();
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(ended) = server
            .child()
            .try_wait()
            .context("cannot look after byokey")?
        {
            bail!("byokey serve: {ended}");
        }
        if agent
            .get(format!("{url}/healthz"))
            .call()
            .is_ok_and(|reply| reply.status() == 200)
        {
            return Ok(());
        }
        thread::park_timeout(Duration::from_millis(50));
    }
    bail!("byokey was started but does not answer at {url}")
}

/// Sends every kind of call to every provider through byokey, prints what came of each, and
/// counts what was right.
///
/// # Errors
/// When byokey cannot be reached at all.
pub(crate) fn send(url: &str, key: &str, providers: &[Provider]) -> Result<Count> {
    let agent = agent();
    let mut count = Count::default();
    print("surface   model                        call      status  route               answer")?;
    for surface in SURFACES {
        for model in providers.iter().map(model) {
            for wish in [Wish::Whole, Wish::Streamed, Wish::Tool] {
                let outcome = call(&agent, url, key, surface, &model, wish)?;
                outcome.show()?;
                count += Count::of_check(outcome.is_right());
            }
        }
    }
    Ok(count)
}

fn agent() -> Agent {
    let config = Agent::config_builder().http_status_as_error(false);
    config
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

fn call(
    agent: &Agent,
    url: &str,
    key: &str,
    surface: Surface,
    model: &str,
    wish: Wish,
) -> Result<Outcome> {
    let (path, body) = asked(surface, model, wish);
    let mut reply = agent
        .post(format!("{url}{path}"))
        .header("authorization", format!("Bearer {key}"))
        .header("anthropic-version", "2023-06-01")
        .send_json(&body)
        .with_context(|| format!("{path} for {model}"))?;
    let route = reply
        .headers()
        .get("x-byokey-route")
        .and_then(|route| route.to_str().ok());
    let route = route.unwrap_or("-").to_owned();
    let status = reply.status().as_u16();
    let answer = match wish {
        Wish::Streamed if status == 200 => streamed_text(reply)?,
        _ => said(
            &reply
                .body_mut()
                .read_json()
                .context("the reply is not JSON")?,
        ),
    };
    Ok(Outcome {
        surface,
        model: model.to_owned(),
        wish,
        status,
        route,
        answer,
    })
}

/// Path and body of a call.
fn asked(surface: Surface, model: &str, wish: Wish) -> (String, Value) {
    let user = json!([{"role": "user", "content": HELLO}]);
    let stream = wish == Wish::Streamed;
    let (path, mut body) = match surface {
        Surface::Chat => ("/v1/chat/completions", json!({"messages": user})),
        Surface::Responses => ("/v1/responses", json!({"input": user})),
        Surface::Messages => (
            "/v1/messages",
            json!({"messages": user, "max_tokens": 1000}),
        ),
        Surface::Gemini => (
            "",
            json!({"contents": [{"role": "user", "parts": [{"text": HELLO}]}]}),
        ),
    };
    let mut path = path.to_owned();
    if let Surface::Gemini = surface {
        let method = match stream {
            true => "streamGenerateContent?alt=sse",
            false => "generateContent",
        };
        path = format!("/v1beta/models/{model}:{method}");
    } else {
        body["model"] = json!(model);
        body["stream"] = json!(stream);
    }
    if wish == Wish::Tool {
        body["tools"] = json!([tool(surface)]);
    }
    (path, body)
}

fn tool(surface: Surface) -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    match surface {
        Surface::Chat => {
            json!({"type": "function", "function": {"name": "weather", "parameters": schema}})
        }
        Surface::Responses => json!({"type": "function", "name": "weather", "strict": false,
            "parameters": schema}),
        Surface::Messages => json!({"name": "weather", "input_schema": schema}),
        Surface::Gemini => json!({"functionDeclarations": [
            {"name": "weather", "parametersJsonSchema": schema}]}),
    }
}

/// The text of a streamed reply in any dialect.
fn streamed_text(reply: Response<Body>) -> Result<String> {
    let mut text = String::new();
    for line in BufReader::new(reply.into_body().into_reader()).lines() {
        let line = line.context("the stream broke off")?;
        let Some(data) = line.strip_prefix("data:") else {
            continue;
        };
        let event: Value = serde_json::from_str(data.trim()).unwrap_or_default();
        let pieces = [
            &event["choices"][0]["delta"]["content"],
            &event["delta"],
            &event["delta"]["text"],
            &event["candidates"][0]["content"]["parts"][0]["text"],
        ];
        text.extend(pieces.into_iter().filter_map(Value::as_str));
    }
    Ok(text)
}

/// What a whole reply says, in any dialect: its error, its tool call, or its text.
fn said(reply: &Value) -> String {
    if let Some(message) = reply["error"]["message"].as_str() {
        return message.to_owned();
    }
    let message = &reply["choices"][0]["message"];
    let parts = [
        &reply["content"],
        &reply["output"],
        &reply["candidates"][0]["content"]["parts"],
    ];
    let parts = || {
        parts
            .into_iter()
            .flat_map(|parts| parts.as_array().into_iter().flatten())
    };
    let called = |part: &Value| {
        let kind = part["type"].as_str().unwrap_or_default();
        let named = matches!(kind, "tool_use" | "function_call").then_some(&part["name"]);
        let name = named.unwrap_or(&part["functionCall"]["name"]);
        name.as_str().map(str::to_owned)
    };
    let function = message["tool_calls"][0]["function"]["name"].as_str();
    if let Some(name) = function
        .map(str::to_owned)
        .or_else(|| parts().find_map(called))
    {
        return format!("calls {name}");
    }
    let text = |part: &Value| {
        let text = part["text"]
            .as_str()
            .or(part["content"][0]["text"].as_str());
        text.map(str::to_owned)
    };
    let content = message["content"].as_str().map(str::to_owned);
    content
        .or_else(|| parts().find_map(text))
        .unwrap_or_default()
}
