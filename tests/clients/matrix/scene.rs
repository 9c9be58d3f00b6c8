//! One run of an SDK's program against all providers, and what was told and counted meanwhile.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{Arc, OnceLock},
};

use byokey_sim::{Counts, Kind, Script, Sim};
use serde_json::{Value, json};

use super::drivers::Driver;
use crate::rig::{House, soon};

/// What came of all scenarios of one SDK.
pub(super) struct Scene {
    told: HashMap<(String, String), Value>,
    counts: HashMap<&'static str, Vec<Counts>>,
}

impl Scene {
    /// The scene of this SDK, played at the first call.
    pub(super) fn of(driver: Driver) -> Arc<Self> {
        static SCENES: [OnceLock<Arc<Scene>>; Driver::COUNT] = [const { OnceLock::new() }; _];
        let scene = SCENES[driver as usize].get_or_init(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            Arc::new(runtime.block_on(play(driver)))
        });
        Arc::clone(scene)
    }

    /// What the program told of a scenario: facts, or its own error.
    #[track_caller]
    pub(super) fn told(&self, upstream: Kind, scenario: &str) -> &Value {
        let told = self
            .told
            .get(&(id(upstream).to_owned(), scenario.to_owned()));
        told.unwrap_or_else(|| panic!("nothing was told of {scenario}"))
    }

    /// Whether these are prompt and answer as the provider counted them for this scenario, whole
    /// or streamed.
    pub(super) fn counted(&self, upstream: Kind, scenario: &str, usage: &Value) -> bool {
        let all = self.counts[id(upstream)].iter();
        let mut of = all.filter(|counts| counts.model.starts_with(scenario));
        of.any(|counts| *usage == json!([counts.prompt, counts.output]))
    }
}

/// The provider's id at byokey. Kiro is one of the catalogue, for nobody else speaks its dialect.
fn id(kind: Kind) -> &'static str {
    match kind {
        Kind::Chat => "chat-up",
        Kind::Responses => "responses-up",
        Kind::Messages => "messages-up",
        Kind::Gemini => "gemini-up",
        Kind::Kiro => "kiro",
    }
}

async fn play(driver: Driver) -> Scene {
    let mut sims = Vec::new();
    let mut config = "port: 0\nproviders:\n".to_owned();
    for kind in Kind::ALL {
        let key = if kind == Kind::Kiro {
            "ksk_simulated"
        } else {
            Script::KEY
        };
        let sim = Sim::start(kind, Script::default().strict().key(key)).await;
        let (id, base) = (id(kind), sim.base_url());
        config.push_str(&format!(
            "  {id}:\n    base_url: {base}\n    api_key: {key}\n"
        ));
        if kind != Kind::Kiro {
            config.push_str(&format!(
                "    dialect: {}\n    models: [a-model]\n",
                kind.dialect()
            ));
        }
        sims.push(sim);
    }
    let house = House::configured(&config);
    let server = house.serve().await;
    let key = house.client_key("sdk").await;
    let output = driver
        .command()
        .args(Kind::ALL.map(id))
        .env("BYOKEY_URL", &server.url)
        .env("BYOKEY_KEY", &key)
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
    let counts = sims
        .iter()
        .map(|sim| (id(sim.kind()), sim.counts()))
        .collect();
    Scene { told, counts }
}
