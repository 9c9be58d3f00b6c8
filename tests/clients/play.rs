//! One run of an SDK's program, and what was told and seen meanwhile.

use std::{collections::HashMap, process::Stdio};

use byokey_sim::{Kind, Script, Seen, Sim};
use serde_json::{Value, json};
use tokio::process::Command;

use super::python::python;
use crate::rig::{House, chat_sim, config, messages_sim, provider, soon};

/// What every scenario says to the model, which repeats it.
pub(crate) const WORDS: &str = "grüezi 你好 😀 \"quoted\" \\ and\na second line";

/// The outcome of all scenarios of one SDK.
pub(crate) struct Play {
    told: HashMap<(String, String), Value>,
    seen: HashMap<&'static str, Vec<Seen>>,
    rows: Vec<Value>,
}

impl Play {
    /// Plays the scenarios of `sdk/<name>_client.py` with the providers `c` (chat) and `m`
    /// (messages); the account at `locked` has a key that its provider refuses.
    pub(crate) fn of(name: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(play(name))
    }

    /// The facts of one scenario with one provider.
    #[track_caller]
    pub(crate) fn facts(&self, provider: &str, scenario: &str) -> &Value {
        let told = &self.told[&(provider.to_owned(), scenario.to_owned())];
        match told["error"].as_str() {
            None => &told["facts"],
            Some(error) => panic!("{error}"),
        }
    }

    /// The requests of one scenario as its provider saw them.
    pub(crate) fn seen(&self, provider: &str, scenario: &str) -> Vec<&Seen> {
        let all = self.seen[provider].iter();
        all.filter(|seen| seen.json()["model"] == scenario)
            .collect()
    }

    /// The usage rows of one scenario, newest first.
    pub(crate) fn rows(&self, provider: &str, scenario: &str) -> Vec<&Value> {
        let asked = format!("{provider}/{scenario}");
        let all = self.rows.iter();
        all.filter(|row| row["asked_model"] == asked.as_str())
            .collect()
    }
}

async fn play(name: &str) -> Play {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let other = Sim::start(Kind::Chat, Script::default().key("another")).await;
    let settings = config(&[("c", &chat), ("m", &messages)]) + &provider("locked", &other);
    let house = House::configured(&settings);
    for id in ["c", "m"] {
        house.add_key(id, Script::KEY).await.ok();
    }
    let unchecked = ["add-key", "locked", "--no-check"];
    house.run_with(&unchecked, "sk-refused-key").await.ok();
    let key = house.client_key("sdk").await;
    let server = house.serve().await;

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let output = Command::new(python())
        .arg(folder.join(format!("{name}_client.py")))
        .args(["c", "m"])
        .env("BYOKEY_URL", &server.url)
        .env("BYOKEY_KEY", &key)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = soon("the scenarios to be played", output).await.unwrap();
    let mut told = HashMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = |member: &str| line[member].as_str().unwrap().to_owned();
        told.insert((name("provider"), name("scenario")), line);
    }
    // Callers that left must not keep the providers busy.
    chat.wait_until(|sim| sim.open_streams() == 0).await;
    messages.wait_until(|sim| sim.open_streams() == 0).await;

    // An orderly end writes every row; the next start tells them.
    house.run(&["stop"]).await.ok();
    assert_eq!(server.ended().await.0, Some(0));
    let server = house.serve().await;
    let recent = server.get("/manage/usage/recent?limit=1000", &house.manage_token());
    let recent: Value = recent.send().await.unwrap().json().await.unwrap();
    Play {
        told,
        seen: HashMap::from([("c", chat.requests()), ("m", messages.requests())]),
        rows: recent["requests"].as_array().unwrap().clone(),
    }
}

/// The calls of a turn with these tools, as the scripted model makes them.
#[track_caller]
pub(crate) fn assert_calls(calls: &Value, tools: &[&str]) {
    let calls = calls.as_array().unwrap();
    let mut ids = Vec::new();
    for (number, (call, tool)) in calls.iter().zip(tools).enumerate() {
        assert_eq!(call["name"], *tool);
        // Not ASCII and with a quote, so that sloppy escaping on the way shows.
        let arguments = json!({"city": format!("Zürich \"{number}\""), "days": number + 1});
        assert_eq!(call["arguments"], arguments);
        ids.push(&call["id"]);
    }
    ids.dedup();
    assert_eq!((ids.len(), calls.len()), (tools.len(), tools.len()));
}

/// What an SDK raised: its class, its status, and words of its message.
#[track_caller]
pub(crate) fn assert_raised(raised: &Value, class: &str, status: u16, words: &[&str]) {
    assert_eq!(
        (&raised["class"], &raised["status"]),
        (&json!(class), &json!(status)),
        "{raised}"
    );
    assert_message(raised, words);
}

/// Words of what an SDK's exception says.
#[track_caller]
pub(crate) fn assert_message(raised: &Value, words: &[&str]) {
    let message = raised["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "no {word:?} in {message}");
    }
}

/// Makes a test of each judgement for each provider.
macro_rules! judge {
    ($play:expr => $($scenario:ident),* $(,)?) => {
        $(mod $scenario {
            #[test]
            fn from_chat() {
                super::$scenario($play(), "c");
            }

            #[test]
            fn from_messages() {
                super::$scenario($play(), "m");
            }
        })*
    };
}
pub(crate) use judge;
