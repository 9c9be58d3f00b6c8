//! The real Codex CLI with a provider of its own: the simulated Responses API.

use std::{
    fs,
    path::{Path, PathBuf},
};

use byokey_bridge::{LoginState, LoginWord, losses};
use byokey_sim::{Kind, Script, Seen};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::rig::{House, answered, packages, request, soon, system, user, with_tools};

/// Codex with the simulated provider as its own.
async fn house() -> House {
    house_with(&[]).await
}

/// With more lines at the end of Codex' own settings.
async fn house_with(lines: &[&str]) -> House {
    let house = empty_house().await;
    let settings = format!(
        "model_provider = \"sim\"\ncheck_for_update_on_startup = false\n\
         [analytics]\nenabled = false\n\
         [model_providers.sim]\nname = \"sim\"\nbase_url = \"{}\"\nenv_key = \"SIM_KEY\"\n\
         wire_api = \"responses\"\n{}\n",
        house.sim.base_url(),
        lines.join("\n"),
    );
    fs::write(house.home().join("config.toml"), settings).unwrap();
    house
}

/// Nobody has ever used Codex here.
async fn empty_house() -> House {
    let house = House::new(Kind::Responses, ("openai", "codex-app-server"), program()).await;
    let home = house.home().to_str().unwrap().to_owned();
    house.with("CODEX_HOME", &home).with("SIM_KEY", Script::KEY)
}

/// The native program within its package for this system.
fn program() -> PathBuf {
    let vendor = packages().join(format!("@openai/codex-{}/vendor", system()));
    let system = fs::read_dir(&vendor)
        .expect("the package")
        .next()
        .unwrap()
        .unwrap();
    let name = format!("codex{}", std::env::consts::EXE_SUFFIX);
    system.path().join("bin").join(name)
}

/// Items of the conversation that the model saw, without what Codex puts in front.
fn items(asked: &Value) -> Vec<Value> {
    let all = asked["input"].as_array().unwrap().iter();
    let plain = all.map(|item| {
        let mut item = item.clone();
        let members = item.as_object_mut().unwrap();
        members.retain(|name, _| name != "id" && name != "status");
        item
    });
    plain.collect()
}

#[tokio::test]
async fn text_streams_with_thoughts_and_counts() {
    let house = house().await;
    let mut body = request("gpt-x", &user("hello [[sim group=none think]]"));
    body["thinking"] = json!({"type": "adaptive"});
    body["output_config"] = json!({"effort": "high"});
    let said = house.say(&body).await;
    assert_eq!(said.content[0]["type"], "thinking");
    assert!(
        said.content[0]["thinking"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    assert!(said.text().contains("hello"), "{said:?}");
    assert!(said.pieces > 1, "{said:?}");
    assert_eq!(said.stop_reason, "end_turn");
    let asked = house.asked();
    assert_eq!(
        (&asked["model"], &asked["reasoning"]["effort"]),
        (&json!("gpt-x"), &json!("high"))
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
async fn the_model_sees_the_callers_conversation_and_nothing_that_acts() {
    let house = house_with(&["[mcp_servers.\"a.b\"]", "command = \"/nowhere/server\""]).await;
    let mut body = request(
        "gpt-x",
        &json!([
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "let me look"},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}]},
            {"role": "assistant", "content": "It is sunny."},
            {"role": "user", "content": [
                {"type": "text", "text": "and now? [[sim group=none]]"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                    "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}]},
        ]),
    );
    body["system"] = "Be terse.".into();
    body["temperature"] = 0.5.into();
    let body = with_tools(body, &["weather"]);
    let lost = losses(house.bridge.protocol, body.to_string().as_bytes());
    let lost = lost.header().unwrap();
    assert!(lost.contains("temperature=dropped"), "{lost}");
    house.say(&body).await;

    let asked = house.asked();
    let items = items(&asked);
    let developer = items.iter().filter(|item| item["role"] == "developer");
    let told: String = developer
        .map(|item| item["content"][0]["text"].as_str().unwrap())
        .collect();
    let instructions = asked["instructions"].as_str().unwrap_or_default();
    assert_eq!(instructions.to_owned() + &told, "Be terse.");
    let kinds: Vec<_> = items
        .iter()
        .filter(|item| item["role"] != "developer")
        .map(|item| {
            let kind = item["type"].as_str().unwrap();
            item["role"].as_str().unwrap_or(kind)
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "user",
            "assistant",
            "function_call",
            "function_call_output",
            "assistant",
            "user"
        ],
        "{items:#?}"
    );
    assert!(items.last().unwrap().to_string().contains("data:image/png"));
    let tools = asked["tools"].as_array().unwrap();
    let own: Vec<_> = tools
        .iter()
        .filter(|tool| tool["name"] != "byokey")
        .collect();
    // Codex keeps a way to ask a person, which nobody answers here.
    assert!(
        own.iter().all(|tool| tool["name"] == "request_user_input"),
        "{own:#?}"
    );
    assert_eq!(house.sim.requests().len(), 1);
}

#[tokio::test]
async fn a_tool_call_goes_out_and_the_same_turn_goes_on() {
    let house = house().await;
    let body = request("gpt-x", &user("how is it? [[sim group=byokey]]"));
    let body = with_tools(body, &["weather"]);
    let said = house.say(&body).await;
    assert_eq!(said.stop_reason, "tool_use");
    let calls = said.calls();
    assert_eq!(calls.len(), 1, "{said:?}");
    assert_eq!(calls[0]["name"], "weather");
    assert_eq!(calls[0]["input"]["city"], "Zürich \"0\"");
    assert!(
        said.usage["output_tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 0)
    );

    let said = house.say(&answered(body, &said, &["rain for days"])).await;
    assert_eq!(said.stop_reason, "end_turn");
    assert!(said.text().contains("rain for days"), "{said:?}");
    let requests = house.sim.requests();
    assert_eq!(requests.len(), 2);
    let thread = |seen: &Seen| seen.json()["prompt_cache_key"].clone();
    assert_eq!(
        thread(&requests[0]),
        thread(&requests[1]),
        "another conversation went on"
    );
}

#[tokio::test]
async fn models_that_codex_knows_see_the_callers_tools_as_they_are() {
    let house = house().await;
    let models = house.bridges.models(&house.bridge, &house.settings);
    let models = soon("the models", models).await.unwrap();
    let model = models.iter().find(|model| model.is_default).unwrap();
    let mut body = request(&model.id, &user("how is it? [[sim group=byokey]]"));
    body["thinking"] = json!({"type": "disabled"});
    let body = with_tools(body, &["weather"]);
    let said = house.say(&body).await;
    assert_eq!(said.calls().len(), 1, "{said:?}");
    // The model cannot be told not to think at all.
    let told = house.asked()["reasoning"]["effort"].clone();
    assert_eq!(told.as_str(), model.efforts.first().map(String::as_str));
    let said = house.say(&answered(body, &said, &["rain"])).await;
    assert!(said.text().contains("rain"), "{said:?}");
    // Such models are offered programs that call tools, and helpers, unless Codex is told otherwise.
    let asked = house.asked();
    let added = asked["input"].as_array().unwrap().iter();
    let added = added.filter_map(|item| item["tools"].as_array());
    let groups: Vec<_> = added.flatten().map(|group| &group["name"]).collect();
    assert_eq!(groups, ["functions", "byokey"], "{groups:?}");
}

#[tokio::test]
async fn parallel_calls_go_out_together_and_new_words_come_along() {
    let house = house().await;
    let body = request("gpt-x", &user("both [[sim group=byokey parallel]]"));
    let body = with_tools(body, &["weather", "traffic"]);
    let said = house.say(&body).await;
    let mut names: Vec<_> = said
        .calls()
        .iter()
        .map(|call| call["name"].to_string())
        .collect();
    names.sort();
    assert_eq!(names, ["\"traffic\"", "\"weather\""], "{said:?}");

    let mut next = answered(body, &said, &["one", "two"]);
    let last = next["messages"].as_array_mut().unwrap().last_mut().unwrap();
    let more = json!({"type": "text", "text": "be quick [[sim group=none]]"});
    last["content"].as_array_mut().unwrap().push(more);
    let said = house.say(&next).await;
    assert_eq!(said.stop_reason, "end_turn");
    assert_eq!(house.sim.requests().len(), 2);
    let asked = house.asked()["input"].to_string();
    for words in ["\"one\"", "\"two\"", "be quick"] {
        assert!(asked.contains(words), "no {words} in {asked}");
    }
}

#[tokio::test]
async fn outputs_that_nobody_waits_for_start_afresh() {
    let house = house().await;
    let body = request("gpt-x", &user("how is it? [[sim group=byokey]]"));
    let body = with_tools(body, &["weather"]);
    let said = house.say(&body).await;
    let mut next = answered(body, &said, &["rain"]);
    next["model"] = "gpt-y".into();
    let said = house.say(&next).await;
    assert!(said.text().contains("rain"), "{said:?}");
    let requests = house.sim.requests();
    let thread = |seen: &Seen| seen.json()["prompt_cache_key"].clone();
    assert_ne!(thread(&requests[0]), thread(&requests[1]));
}

#[tokio::test]
async fn a_reply_has_the_form_that_is_asked_for() {
    let house = house().await;
    let mut body = request("gpt-x", &user("hi [[sim group=none]]"));
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"], "additionalProperties": false});
    body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
    let said = house.say(&body).await;
    let told: Value = serde_json::from_str(&said.text()).unwrap();
    assert!(told["city"].is_string());
}

#[tokio::test]
async fn a_caller_who_leaves_stops_the_model() {
    let house = house().await;
    let words = "long [[sim group=none chunks=2000 delay_ms=50]]";
    let response = house.call(&request("gpt-x", &user(words))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(house.sim.open_streams(), 1);
    drop(response);
    house.sim.wait_until(|sim| sim.open_streams() == 0).await;
    // The program is still there for the next one.
    let said = house
        .say(&request("gpt-x", &user("hi [[sim group=none]]")))
        .await;
    assert_eq!(said.stop_reason, "end_turn");
}

#[tokio::test]
async fn troubles_of_the_provider_keep_their_status() {
    let house = house().await;
    for (control, expected) in [
        ("status=400", 400),
        ("status=429", 429),
        ("status=503", 529),
    ] {
        let body = request("gpt-x", &user(&format!("hi [[sim {control}]]")));
        let (status, trouble) = house.trouble(&body).await;
        assert_eq!(status, expected, "{control}: {trouble}");
    }
}

#[tokio::test]
async fn nobody_signed_in_is_told_with_what_to_do() {
    let house = empty_house().await;
    let (status, trouble) = house.trouble(&request("gpt-x", &user("hi"))).await;
    assert_eq!(status, 401);
    assert!(trouble.to_string().contains("codex login"), "{trouble}");
    let info = house.bridges.probe(&house.bridge, &house.settings);
    let info = soon("what Codex says", info).await.unwrap();
    assert_eq!(info.login, LoginState::SignedOut);
    assert!(
        info.version.0 > 0 || info.version.1 > 100,
        "{}",
        info.version
    );
}

#[tokio::test]
async fn a_sign_in_begins_with_a_page_of_openai() {
    let house = empty_house().await;
    let house = house.with("DISPLAY", ":0").with("SSH_CONNECTION", "");
    let (told, mut words) = mpsc::unbounded_channel();
    let (_paste, mut pasted) = mpsc::channel(1);
    let login = house
        .bridges
        .login(&house.bridge, &house.settings, &mut pasted, move |word| {
            told.send(word).ok();
        });
    let first = tokio::select! {
        word = soon("a page", words.recv()) => word.unwrap(),
        ended = login => panic!("{ended:?}"),
    };
    let LoginWord::Url(page) = first else {
        panic!("{first:?}");
    };
    assert!(page.starts_with("https://auth.openai.com/"), "{page}");
    assert!(page.contains("originator=byokey"), "{page}");
}

#[tokio::test]
async fn models_are_told() {
    let house = empty_house().await;
    let models = house.bridges.models(&house.bridge, &house.settings);
    let models = soon("the models", models).await.unwrap();
    assert!(
        models
            .iter()
            .any(|model| model.is_default && !model.efforts.is_empty()),
        "{models:?}"
    );
}

#[tokio::test]
async fn a_missing_program_is_told_with_where_to_get_it() {
    let mut house = empty_house().await;
    house.settings.program = Some(Path::new("/nowhere/codex").to_owned());
    let (status, trouble) = house.trouble(&request("gpt-x", &user("hi"))).await;
    assert_eq!(status, 503);
    assert!(trouble.to_string().contains("/nowhere/codex"));
}
