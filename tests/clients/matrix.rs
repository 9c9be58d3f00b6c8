//! Eight official SDKs, each against every dialect of a provider: the same scenarios, the same
//! expectations.

mod drivers;
mod scene;

use byokey_sim::Kind;
use serde_json::{Value, json};

pub(crate) use self::drivers::installed;
use self::{drivers::Driver, scene::Scene};

/// What every scenario says to the model, which repeats it.
const WORDS: &str = "grüezi 你好 😀 \"quoted\" \\ and\na second line";

const THOUGHTS: &str = "The person wants an answer. Let me find a short one.";

/// Judges all scenarios of one SDK with one provider and tells everything that is wrong.
fn judge(driver: Driver, upstream: Kind) {
    let scene = Scene::of(driver);
    let judgements: [(&str, Judgement); 9] = [
        ("text", text),
        ("tools", tools),
        ("parallel", parallel),
        ("thinking", thinking),
        ("image", image),
        ("length", length),
        ("refused", refused),
        ("limited", limited),
        ("within", within),
    ];
    let mut wrong = Vec::new();
    for (name, judgement) in judgements {
        for way in ["", "-streamed"] {
            let told = scene.told(upstream, &format!("{name}{way}"));
            let facts = match told["error"].as_str() {
                None => &told["facts"],
                Some(error) => {
                    wrong.push(format!("{name}{way}: {error}"));
                    continue;
                }
            };
            if let Err(what) = judgement(facts, &scene, upstream) {
                wrong.push(format!("{name}{way}: {what} in {facts}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

type Judgement = fn(&Value, &Scene, Kind) -> Result<(), String>;

/// What is wrong when a fact is not what it has to be.
fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what} is not {expected}")),
    }
}

fn text(facts: &Value, scene: &Scene, upstream: Kind) -> Result<(), String> {
    same("text", &facts["text"], &json!(format!("You said: {WORDS}")))?;
    same("finish", &facts["finish"], &json!("stop"))?;
    same("calls", &facts["calls"], &json!([]))?;
    match scene.counted(upstream, "text", &facts["usage"]) {
        true => Ok(()),
        false => Err("usage is not what the provider counted".to_owned()),
    }
}

fn tools(facts: &Value, _: &Scene, _: Kind) -> Result<(), String> {
    round(facts, &["weather"])
}

fn parallel(facts: &Value, _: &Scene, _: Kind) -> Result<(), String> {
    round(facts, &["weather", "tides"])
}

/// The first reply calls these tools, the second has what they answered.
fn round(facts: &Value, names: &[&str]) -> Result<(), String> {
    let (first, second) = (&facts["first"], &facts["second"]);
    same("finish", &first["finish"], &json!("calls"))?;
    let calls = first["calls"].as_array().cloned().unwrap_or_default();
    let called: Vec<_> = calls.iter().map(|call| call["name"].clone()).collect();
    same("calls", &json!(called), &json!(names))?;
    for (number, call) in calls.iter().enumerate() {
        // Not ASCII and with a quote, so that sloppy escaping on the way shows.
        let arguments = json!({"city": format!("Zürich \"{number}\""), "days": number + 1});
        same("arguments", &call["arguments"], &arguments)?;
    }
    let answers: Vec<_> = names.iter().map(|name| format!("{name} it is")).collect();
    let told = format!("The tool said: {}", answers.join("; "));
    same("text", &second["text"], &json!(told))?;
    same("second finish", &second["finish"], &json!("stop"))
}

/// The strict provider takes the second turn only with its own proofs in their places.
fn thinking(facts: &Value, _: &Scene, _: Kind) -> Result<(), String> {
    same("thoughts", &facts["first"]["thoughts"], &json!(THOUGHTS))?;
    round(facts, &["weather"])
}

fn image(facts: &Value, _: &Scene, _: Kind) -> Result<(), String> {
    let text = format!(
        "You said: What is this? [image image/png of {} bytes]",
        facts["bytes"]
    );
    same("text", &facts["text"], &json!(text))
}

fn length(facts: &Value, _: &Scene, upstream: Kind) -> Result<(), String> {
    // Kiro does not say why it ends.
    let finish = if upstream == Kind::Kiro {
        "stop"
    } else {
        "length"
    };
    same("finish", &facts["finish"], &json!(finish))?;
    same("text", &facts["text"], &json!("You said: a story"))
}

fn refused(facts: &Value, _: &Scene, _: Kind) -> Result<(), String> {
    raised(facts, Some(400))
}

fn limited(facts: &Value, _: &Scene, _: Kind) -> Result<(), String> {
    raised(facts, Some(429))
}

/// In a stream the status has been sent already, so only the words are left.
fn within(facts: &Value, _: &Scene, _: Kind) -> Result<(), String> {
    raised(facts, None)
}

fn raised(facts: &Value, status: Option<u16>) -> Result<(), String> {
    if !facts["class"].is_string() {
        return Err("nothing was raised".to_owned());
    }
    if let Some(status) = status {
        same("status", &facts["status"], &json!(status))?;
    }
    let message = facts["message"].as_str().unwrap_or_default();
    match message.contains("Simulated: ") {
        true => Ok(()),
        false => Err("the provider's words are missing".to_owned()),
    }
}

/// Makes a test of each SDK with each provider.
macro_rules! table {
    ($($name:ident: $driver:ident),* $(,)?) => {
        $(mod $name {
            use super::*;

            #[test]
            fn from_chat() {
                judge(Driver::$driver, Kind::Chat);
            }

            #[test]
            fn from_responses() {
                judge(Driver::$driver, Kind::Responses);
            }

            #[test]
            fn from_messages() {
                judge(Driver::$driver, Kind::Messages);
            }

            #[test]
            fn from_gemini() {
                judge(Driver::$driver, Kind::Gemini);
            }

            #[test]
            fn from_kiro() {
                judge(Driver::$driver, Kind::Kiro);
            }
        })*
    };
}

table! {
    python_openai_chat: PythonChat,
    python_openai_responses: PythonResponses,
    python_anthropic: PythonMessages,
    python_google: PythonGemini,
    node_openai_chat: NodeChat,
    node_openai_responses: NodeResponses,
    node_anthropic: NodeMessages,
    node_google: NodeGemini,
}
