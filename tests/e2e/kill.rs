//! `kill -9` again and again under traffic: what the program has acknowledged is there afterwards.

use std::collections::BTreeSet;

use byokey_sim::Script;
use serde_json::Value;

use crate::rig::{House, body, chat_sim, config};

const CHAT: &str = "/v1/chat/completions";
const ROUNDS: usize = 20;

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let chat = chat_sim().await;
    let house = House::configured(&config(&[("c", &chat)]));
    house.add_key("c", Script::KEY).await.ok();
    let key = house.client_key("first").await;
    let mut accounts = BTreeSet::from(["default".to_owned()]);
    let mut keys = BTreeSet::from(["first".to_owned()]);
    let mut finished = BTreeSet::new();
    for round in 0..ROUNDS {
        let server = house.serve().await;
        let mut last = key.clone();
        // One change per round, so that the kill comes soon after it in every other round.
        if round % 2 == 0 {
            let name = format!("account-{round}");
            let named = ["add-key", "c", "--account", &name, "--no-check"];
            house.run_with(&named, Script::KEY).await.ok();
            accounts.insert(name);
        } else {
            let name = format!("key-{round}");
            last = house.client_key(&name).await;
            keys.insert(name);
        }
        // Some are answered to the end; others are under way when the kill comes.
        for number in 0..=round % 5 {
            let model = format!("c/r{round}-{number}");
            let sent = body(&model, "hi", number % 2 == 1).to_string();
            let reply = server.post(CHAT, &last, sent).send().await.unwrap();
            assert_eq!(reply.status(), 200);
            reply.bytes().await.unwrap();
            finished.insert(model);
        }
        let endless = body("c/endless", "[[sim chunks=100000 delay_ms=5]]", true).to_string();
        let mut under_way = server.post(CHAT, &key, endless).send().await.unwrap();
        assert!(under_way.chunk().await.unwrap().is_some());
        server.kill().await;
    }

    let found = house.run(&["accounts", "--json"]).await.ok().json();
    assert_eq!(names(&found["accounts"], "name"), accounts);
    let found = house.run(&["keys", "list", "--json"]).await.ok().json();
    assert_eq!(names(&found["keys"], "name"), keys);
    let trail = house
        .run(&["audit", "--verify", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(trail["verdict"]["entries"], accounts.len() + keys.len());

    // The last engine has nothing left over from the first.
    let server = house.serve().await;
    let recent = server.get("/manage/usage/recent?limit=1000", &house.manage_token());
    let recent: Value = recent.send().await.unwrap().json().await.unwrap();
    let told = names(&recent["requests"], "asked_model");
    let lost: Vec<_> = finished.difference(&told).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let rows = recent["requests"].as_array().unwrap();
    let ids: BTreeSet<_> = rows.iter().map(|row| row["id"].as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "no request twice");
    // Every key made on the way opens the door, every account serves.
    let model = format!("c/account-{}/x", ROUNDS - 2);
    assert_eq!(server.say(CHAT, &key, &model, "hi").await.0, 200);
}

fn names(list: &Value, member: &str) -> BTreeSet<String> {
    let items = list.as_array().unwrap().iter();
    items
        .map(|item| item[member].as_str().unwrap().to_owned())
        .collect()
}
