//! The configuration: read at the start, followed while running, never half in force.

use std::fs;

use byokey_sim::Script;
use serde_json::{Value, json};

use crate::rig::{House, Server, chat_sim, config, soon};

const CHAT: &str = "/v1/chat/completions";

/// The news of a running engine.
struct News {
    stream: reqwest::Response,
    unread: String,
}

impl News {
    async fn of(house: &House, server: &Server) -> Self {
        let events = server.get("/manage/events", &house.manage_token());
        Self {
            stream: events.send().await.unwrap(),
            unread: String::new(),
        }
    }

    /// Waits until a configuration is in force.
    async fn in_force(&mut self) {
        soon("a configuration in force", async {
            while !self.config().await.is_null() {}
        })
        .await;
    }

    /// Waits until a configuration is refused, and returns the reason.
    async fn refused(&mut self) -> String {
        let reason = soon("a refused configuration", async {
            loop {
                if let Value::String(reason) = self.config().await {
                    return reason;
                }
            }
        });
        reason.await
    }

    /// The error of the next reading of the configuration.
    async fn config(&mut self) -> Value {
        loop {
            while let Some((frame, rest)) = self.unread.split_once("\n\n") {
                let data = frame
                    .split("data: ")
                    .nth(1)
                    .filter(|_| frame.contains("event: config"));
                let told = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
                self.unread = rest.to_owned();
                if let Some(told) = told {
                    return told["error"].clone();
                }
            }
            let chunk = self.stream.chunk().await.unwrap().expect("the news go on");
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// Puts a new file in the place of the old one, as editors do.
fn save(house: &House, config: &str) {
    let fresh = house.data().join("config.yaml.tmp");
    fs::write(&fresh, config).unwrap();
    fs::rename(&fresh, house.config()).unwrap();
}

#[tokio::test]
async fn a_changed_file_takes_effect_and_a_wrong_one_does_not() {
    let chat = chat_sim().await;
    let house = House::furnished(&[("c", &chat)]).await;
    let key = house.client_key("k").await;
    let server = house.serve().await;
    let mut news = News::of(&house, &server).await;
    let good = config(&[("c", &chat)]);
    assert_eq!(server.say(CHAT, &key, "fast", "hi").await.0, 404);

    save(
        &house,
        &format!("{good}models: {{ aliases: {{ fast: [c/x] }} }}\n"),
    );
    news.in_force().await;
    assert_eq!(server.say(CHAT, &key, "fast", "hi").await.0, 200);

    save(&house, &format!("{good}timeouts:\n  idel_s: 3\n"));
    let told = news.refused().await;
    for words in ["config.yaml", "line 8", "`idel_s`", "idle_s"] {
        assert!(told.contains(words), "no {words} in {told}");
    }
    assert_eq!(
        server.say(CHAT, &key, "fast", "hi").await.0,
        200,
        "the old one holds"
    );
    let status = house.run(&["status", "--json"]).await.ok().json();
    assert_eq!(status["config_error"], told);
    house.run(&["reload"]).await.fails(&["line 8", "`idel_s`"]);

    save(&house, &good);
    news.in_force().await;
    assert_eq!(server.say(CHAT, &key, "fast", "hi").await.0, 404);
    let status = house.run(&["status", "--json"]).await.ok().json();
    assert_eq!(status["config_error"], Value::Null);
}

#[tokio::test]
async fn a_wrong_file_stops_a_start_with_line_and_key() {
    for (text, words) in [
        ("port: 0\nprot: 1\n", &["line 2", "`prot`", "port"][..]),
        ("port: many\n", &["line 1"]),
        (
            "providers:\n  mine:\n    dialect: chat\n",
            &["providers.mine.base_url"],
        ),
        (
            "providers: { openai: { base_url: 'http://example.org' } }\n",
            &["https"],
        ),
        (
            "host: 0.0.0.0\nauth: { require_key: false }\n",
            &["auth.require_key", "loopback"],
        ),
        ("port: [\n", &["line"]),
    ] {
        let house = House::configured(text);
        for call in ["serve", "accounts", "reload"] {
            let failed = house.run(&[call]).await;
            failed.fails(words).says(&["config.yaml"]);
        }
        assert!(!house.data().join("endpoint.json").exists());
    }
    let house = House::empty();
    let failed = house.run(&["serve", "-c", "nowhere.yaml"]).await;
    failed.fails(&["nowhere.yaml"]);
}

#[tokio::test]
async fn a_sound_file_is_called_sound() {
    let house = House::empty();
    house.run(&["reload"]).await.ok().says(&["sound"]);
    let server = house.serve().await;
    house.run(&["reload"]).await.ok().says(&["in force"]);
    drop(server);
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_reads_the_file_again() {
    let house = House::empty();
    let server = house.serve().await;
    let mut news = News::of(&house, &server).await;
    server.signal(rustix::process::Signal::HUP);
    news.in_force().await;
}

#[tokio::test]
async fn a_key_in_the_file_or_its_environment_goes_into_the_vault() {
    let chat = chat_sim().await;
    let base = chat.base_url();
    let settings = format!(
        "port: 0\nproviders:\n  \
         one: {{ dialect: chat, base_url: '{base}', api_key: {key} }}\n  \
         two: {{ dialect: chat, base_url: '{base}', api_key: '${{MY_KEY}}' }}\n",
        key = Script::KEY
    );
    let house = House::configured(&settings).env("MY_KEY", Script::KEY);
    let key = house.client_key("k").await;
    let server = house.serve().await;
    for model in ["one/x", "two/x"] {
        assert_eq!(server.say(CHAT, &key, model, "hi").await.0, 200, "{model}");
    }
    server.kill().await;
    // Neither file nor environment is needed any more.
    let bare = settings.replace(&format!(", api_key: {}", Script::KEY), "");
    fs::write(house.config(), bare.replace(", api_key: '${MY_KEY}'", "")).unwrap();
    let house = house.without("MY_KEY");
    let server = house.serve().await;
    for model in ["one/x", "two/x"] {
        let (status, reply) = server.say(CHAT, &key, model, "hi").await;
        assert_eq!(status, 200, "{model}: {reply}");
    }
}

#[tokio::test]
async fn arguments_go_before_the_file() {
    let house = House::configured("port: 1\nhost: 127.0.0.1\n");
    let server = Server::start(house.command(&["serve", "-p", "0"])).await;
    assert!(server.port() > 1);
    let status = house.run(&["status", "--json"]).await.ok().json();
    assert_eq!(
        (&status["running"], &status["url"]),
        (&json!(true), &json!(server.url))
    );
    let other = house.path().join("other");
    let elsewhere = ["status", "--json", "--data-dir", other.to_str().unwrap()];
    assert_eq!(house.run(&elsewhere).await.ok().json()["running"], false);
}
