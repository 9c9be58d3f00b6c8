//! What is said and what has to come of it.

use byokey_sim::Kind;
use serde_json::json;

use super::{
    Cell,
    caller::{Asked, Caller, Turn},
    said::{Call, Finish, Said},
};

type Scenario = fn(&Cell<'_>);

pub(super) const SCENARIOS: [(&str, Scenario); 10] = [
    ("text", text),
    ("a tool and its result", tool),
    ("two tools at once", parallel),
    ("a picture", picture),
    ("thinking around a tool", thinking),
    ("an answer cut short", length),
    ("a refusal", refusal),
    ("an error at once", error_before),
    ("an error in the middle", error_within),
    ("a broken connection", cut),
];

/// More than ASCII, and what JSON escapes.
const WORDS: &str = "grüezi 你好 😀 \"quoted\" \\ and\na second line";

const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

fn user(text: &str) -> Turn {
    Turn::User(text.to_owned())
}

fn one(text: &str) -> Asked {
    Asked {
        turns: vec![user(text)],
        ..Asked::default()
    }
}

fn text(cell: &Cell<'_>) {
    let said = cell.hear("text", one(WORDS));
    assert_eq!(said.text, format!("You said: {WORDS}"));
    assert_eq!(said.finish, Finish::Stop);
    assert_eq!((said.calls.len(), said.thinking.as_str()), (0, ""));
}

/// Asks with tools, answers every call, and returns both replies.
fn with_tools(cell: &Cell<'_>, scenario: &str, text: &str, thinking: bool) -> (Said, Said) {
    let asked = |turns| Asked {
        turns,
        tools: true,
        thinking,
        ..Asked::default()
    };
    let first = cell.hear(scenario, asked(vec![user(text)]));
    let results = first
        .calls
        .iter()
        .map(|call| (call.clone(), format!("{} it is", call.name)));
    let turns = vec![
        user(text),
        Turn::Model(first.clone()),
        Turn::Results(results.collect()),
    ];
    let second = cell.hear(scenario, asked(turns));
    assert_eq!(second.finish, Finish::Stop);
    (first, second)
}

/// The calls must be those that the scripted model makes.
fn called(cell: &Cell<'_>, calls: &[Call], names: &[&str]) {
    let told: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(told, names);
    for (number, call) in calls.iter().enumerate() {
        let arguments = json!({"city": format!("Zürich \"{number}\""), "days": number + 1});
        assert_eq!(call.arguments, arguments);
    }
    let mut ids: Vec<_> = calls.iter().map(|call| call.id.as_str()).collect();
    // Gemini's own calls may go without.
    if (cell.caller, cell.upstream) != (Caller::Gemini, Kind::Gemini) {
        assert!(ids.iter().all(|id| !id.is_empty()), "{calls:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), names.len(), "{calls:?}");
    }
}

fn tool(cell: &Cell<'_>) {
    let (first, second) = with_tools(cell, "tool", "What is the weather?", false);
    assert_eq!(first.finish, Finish::Calls);
    assert_eq!(first.text, "Let me look that up.");
    called(cell, &first.calls, &["weather"]);
    assert_eq!(second.text, "The tool said: weather it is");
}

fn parallel(cell: &Cell<'_>) {
    let question = "Weather and tides? [[sim parallel]]";
    let (first, second) = with_tools(cell, "parallel", question, false);
    called(cell, &first.calls, &["weather", "tides"]);
    assert_eq!(second.text, "The tool said: weather it is; tides it is");
}

fn picture(cell: &Cell<'_>) {
    let turn = Turn::Picture("What is this?".to_owned(), "image/png", PNG);
    let said = cell.hear(
        "picture",
        Asked {
            turns: vec![turn],
            ..Asked::default()
        },
    );
    assert_eq!(
        said.text,
        "You said: What is this? [image image/png of 69 bytes]"
    );
}

/// The strict provider refuses a second turn whose proofs are missing, moved or somebody else's.
fn thinking(cell: &Cell<'_>) {
    let question = "What is the weather? [[sim think]]";
    let (first, second) = with_tools(cell, "thinking", question, true);
    assert_eq!(
        first.thinking,
        "The person wants an answer. Let me find a short one."
    );
    called(cell, &first.calls, &["weather"]);
    assert_eq!(second.text, "The tool said: weather it is");
    let results = vec![(first.calls[0].clone(), "weather it is".to_owned())];
    let turns = vec![
        user(question),
        Turn::Model(first),
        Turn::Results(results),
        Turn::Model(second),
        user("Thank you."),
    ];
    let third = cell.hear(
        "thinking",
        Asked {
            turns,
            thinking: true,
            ..Asked::default()
        },
    );
    // Kiro wants every tool of the history offered again, so its model calls one again.
    let text = match cell.upstream {
        Kind::Kiro => "Let me look that up.",
        _ => "You said: Thank you.",
    };
    assert_eq!(third.text, text);
}

fn length(cell: &Cell<'_>) {
    let said = cell.hear("length", one("Tell me a story. [[sim length]]"));
    assert_eq!(said.text, "You said: Tell me a story.");
    // Kiro does not say why it ends.
    let finish = if cell.upstream == Kind::Kiro {
        Finish::Stop
    } else {
        Finish::Length
    };
    assert_eq!(said.finish, finish);
}

fn refusal(cell: &Cell<'_>) {
    let said = cell.hear("refusal", one("Do harm. [[sim refusal]]"));
    match cell.upstream {
        // To Kiro a refusal is a text like any other.
        Kind::Kiro => assert_eq!(said.finish, Finish::Stop),
        // A Responses reply that refuses is complete; that it refuses is told by its part's kind.
        Kind::Responses => assert!(
            matches!(said.finish, Finish::Stop | Finish::Filter),
            "{said:?}"
        ),
        _ => assert_eq!(said.finish, Finish::Filter),
    }
    // Gemini shows nothing of what it refuses.
    assert_eq!(
        said.text.is_empty(),
        cell.upstream == Kind::Gemini,
        "{said:?}"
    );
}

fn error_before(cell: &Cell<'_>) {
    let got = cell.ask("error", true, one("[[sim status=429 retry_after=7]]"));
    assert_eq!(
        (got.status, got.retry_after.as_deref()),
        (429, Some("7")),
        "{got:?}"
    );
    told(cell, &got.error, 429);
    let got = cell.ask("error", true, one("[[sim status=400]]"));
    assert_eq!(got.status, 400, "{got:?}");
    told(cell, &got.error, 400);
    let got = cell.ask("error", true, one("[[sim status=500]]"));
    assert!(matches!(got.status, 500 | 502), "{got:?}");
    told(cell, &got.error, got.status);
}

/// An error body must be of the caller's dialect and hold the provider's words.
fn told(cell: &Cell<'_>, body: &serde_json::Value, status: u16) {
    let error = &body["error"];
    assert!(
        error["message"].as_str().unwrap().contains("Simulated"),
        "{body}"
    );
    match cell.caller {
        Caller::Chat | Caller::Responses => {
            assert!(
                error["type"].is_string() && error.get("code").is_some(),
                "{body}"
            );
        }
        Caller::Messages => assert!(
            body["type"] == "error" && error["type"].is_string(),
            "{body}"
        ),
        Caller::Gemini => assert!(
            error["code"] == status && error["status"].is_string(),
            "{body}"
        ),
    }
}

fn error_within(cell: &Cell<'_>) {
    broken(cell, "within", "a b c [[sim error_in_stream]]", "Simulated");
}

fn cut(cell: &Cell<'_>) {
    let frames = match cell.upstream {
        Kind::Chat => 4,
        Kind::Messages => 6,
        Kind::Responses => 7,
        Kind::Gemini | Kind::Kiro => 3,
    };
    broken(
        cell,
        "cut",
        &format!("a b c d e f [[sim cut={frames}]]"),
        "",
    );
}

/// A reply that breaks off says so in the caller's dialect and never looks finished.
fn broken(cell: &Cell<'_>, scenario: &str, text: &str, words: &str) {
    let got = cell.ask(scenario, true, one(text));
    if !cell.stream {
        // Kiro calls it throttling when it is busy.
        let throttled = cell.upstream == Kind::Kiro && got.status == 429;
        assert!(got.status >= 500 || throttled, "{got:?}");
        assert!(
            got.error["error"]["message"]
                .as_str()
                .unwrap()
                .contains(words),
            "{got:?}"
        );
        return;
    }
    if got.status != 200 {
        // Nothing had gone out yet, so the status could still tell.
        assert!(
            got.status >= 500 && got.error["error"]["message"].is_string(),
            "{got:?}"
        );
        return;
    }
    let error = got
        .said
        .error
        .as_deref()
        .unwrap_or_else(|| panic!("no error: {got:?}"));
    assert!(error.contains(words), "{error}");
    assert!(!got.said.ended, "{got:?}");
    assert!(
        "You said: a b c d e f".starts_with(&got.said.text),
        "{got:?}"
    );
}
