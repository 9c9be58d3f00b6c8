//! The real Copilot CLI with a provider of the user's own behind it: the simulated Messages API.
//! Without one, and without an account at GitHub, it says that nobody is signed in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use byokey_bridge::{LoginState, losses};
use byokey_sim::{Kind, Script};
use serde_json::json;

use super::rig::{House, answered, packages, request, soon, system, user, with_tools};

async fn house() -> House {
    let house = empty_house().await;
    let base = house.sim.base_url();
    house
        .with("COPILOT_PROVIDER_TYPE", "anthropic")
        .with("COPILOT_PROVIDER_BASE_URL", &base)
        .with("COPILOT_PROVIDER_API_KEY", Script::KEY)
        .with("COPILOT_MODEL", "claude-x")
}

/// Nobody has ever used Copilot here.
async fn empty_house() -> House {
    let house = House::new(Kind::Messages, ("copilot", "copilot-cli"), program()).await;
    let home = house.home().to_str().unwrap().to_owned();
    house.with("COPILOT_HOME", &home).with("HOME", &home)
}

/// The native program within its package for this system.
fn program() -> PathBuf {
    let name = format!("copilot{}", std::env::consts::EXE_SUFFIX);
    packages()
        .join(format!("@github/copilot-{}", system()))
        .join(name)
}

/// Files of sessions below a folder.
fn sessions(home: &Path) -> Vec<PathBuf> {
    let below = fs::read_dir(home.join("session-state"))
        .into_iter()
        .flatten()
        .flatten();
    below
        .map(|entry| entry.path())
        .filter(|path| path.join("events.jsonl").exists())
        .collect()
}

#[tokio::test]
async fn text_streams_with_counts() {
    let house = house().await;
    let mut body = request("claude-x", &user("hello"));
    body["system"] = "Be terse.".into();
    let said = house.say(&body).await;
    assert!(said.text().contains("hello"), "{said:?}");
    assert!(said.pieces > 1, "{said:?}");
    assert_eq!(said.stop_reason, "end_turn");
    let asked = house.asked();
    assert_eq!(asked["model"], "claude-x");
    let system = asked["system"].to_string();
    assert!(system.contains("Be terse."), "{system}");
    assert!(
        asked["tools"].as_array().is_none_or(Vec::is_empty),
        "{asked:#}"
    );
    let counts = house.sim.counts();
    let counts = counts.last().unwrap();
    let told = |name: &str| said.usage[name].as_u64().unwrap_or(0);
    let input = told("input_tokens")
        + told("cache_read_input_tokens")
        + told("cache_creation_input_tokens");
    assert_eq!(
        (input, told("output_tokens")),
        (counts.prompt, counts.output)
    );
}

#[tokio::test]
async fn a_tool_call_goes_out_and_the_same_turn_goes_on() {
    let house = house().await;
    // Copilot has a tool of the second name itself.
    let body = with_tools(
        request("claude-x", &user("both [[sim parallel]]")),
        &["weather", "bash"],
    );
    let said = house.say(&body).await;
    assert_eq!(said.stop_reason, "tool_use");
    let names: Vec<_> = said.calls().iter().map(|call| &call["name"]).collect();
    assert_eq!(names, ["weather", "bash"], "{said:?}");
    assert_eq!(said.calls()[0]["input"]["city"], "Zürich \"0\"");
    assert!(
        said.usage["output_tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 0)
    );

    let said = house
        .say(&answered(body, &said, &["rain for days", "done"]))
        .await;
    assert_eq!(said.stop_reason, "end_turn");
    assert!(said.text().contains("rain for days"), "{said:?}");
    assert_eq!(house.sim.requests().len(), 2);
    let messages = house.asked()["messages"].to_string();
    assert!(
        messages.contains("tool_result"),
        "another conversation went on: {messages}"
    );
}

#[tokio::test]
async fn what_was_said_before_is_told_again() {
    let house = house().await;
    let body = request(
        "claude-x",
        &json!([
            {"role": "user", "content": "first question"},
            {"role": "assistant", "content": "first answer"},
            {"role": "user", "content": "second question"},
        ]),
    );
    let lost = losses(house.bridge.protocol, body.to_string().as_bytes());
    assert!(lost.header().unwrap().contains("messages=approximated"));
    house.say(&body).await;
    let messages = house.asked()["messages"].to_string();
    for words in ["first question", "first answer", "second question"] {
        assert!(messages.contains(words), "no {words} in {messages}");
    }
}

#[tokio::test]
async fn a_caller_who_leaves_stops_the_model_and_nothing_stays() {
    let house = house().await;
    let body = request("claude-x", &user("long [[sim chunks=2000 delay_ms=50]]"));
    let response = house.call(&body).await;
    assert_eq!(response.status(), 200);
    drop(response);
    house.sim.wait_until(|sim| sim.open_streams() == 0).await;
    house.say(&request("claude-x", &user("hi"))).await;
    let home = house.home();
    let cleared = async {
        while !sessions(&home).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    soon("the sessions to be deleted", cleared).await;
}

#[tokio::test]
async fn troubles_of_the_provider_keep_their_status() {
    let house = house().await;
    for (control, expected) in [
        ("status=400", 400),
        ("status=401", 401),
        ("status=429", 429),
    ] {
        let body = request("claude-x", &user(&format!("hi [[sim {control}]]")));
        let (status, trouble) = house.trouble(&body).await;
        assert_eq!(status, expected, "{control}: {trouble}");
    }
}

#[tokio::test]
async fn nobody_signed_in_is_told_with_what_to_do() {
    let house = empty_house().await;
    let (status, trouble) = house.trouble(&request("claude-x", &user("hi"))).await;
    assert_eq!(status, 401);
    assert!(trouble.to_string().contains("copilot login"), "{trouble}");
    let info = house.bridges.probe(&house.bridge, &house.settings);
    let info = soon("what Copilot says", info).await.unwrap();
    assert_eq!(info.login, LoginState::SignedOut);
    assert!(info.version.0 >= 1, "{}", info.version);
    let models = house.bridges.models(&house.bridge, &house.settings);
    assert!(soon("the models", models).await.is_err());
}
