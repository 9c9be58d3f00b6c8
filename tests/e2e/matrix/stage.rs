//! One engine and one simulator of each kind, shared by all tests of the table that run at a time.

use std::sync::{Arc, Weak};

use byokey_sim::{Counts, Kind, Script, Sim};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{
    Cell,
    caller::{Asked, Caller},
    said::{self, Said},
};
use crate::rig::{House, Server, soon};

pub(super) struct Stage {
    key: String,
    server: Server,
    sims: Vec<Sim>,
    _house: House,
    // Last, for everything above lives on it.
    runtime: Runtime,
}

/// What a request got.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) said: Said,
    /// The error body, if that is what came.
    pub(super) error: Value,
}

const CALLERS: [Caller; 4] = [
    Caller::Chat,
    Caller::Responses,
    Caller::Messages,
    Caller::Gemini,
];

impl Stage {
    /// The stage that is in use, or a new one. It ends with its last user, and the engine with it.
    pub(super) fn shared() -> Arc<Self> {
        static STAGE: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
        let mut stage = STAGE.lock();
        match stage.upgrade() {
            Some(running) => running,
            None => {
                let new = Arc::new(Self::build());
                *stage = Arc::downgrade(&new);
                new
            }
        }
    }

    fn build() -> Self {
        let runtime = Runtime::new().unwrap();
        let (key, server, sims, house) = runtime.block_on(async {
            let mut sims = Vec::new();
            let mut config = "port: 0\nproviders:\n".to_owned();
            for kind in Kind::ALL {
                let sim = Sim::start(kind, Script::default().strict().key(account_key(kind))).await;
                config.push_str(&providers(&sim));
                sims.push(sim);
            }
            let house = House::configured(&config);
            // Kiro is a provider of the catalogue, so its accounts are told apart by their names.
            for account in accounts() {
                let add = ["add-key", "kiro", "--account", &account];
                house.run_with(&add, account_key(Kind::Kiro)).await.ok();
            }
            let server = house.serve().await;
            let key = house.client_key("matrix").await;
            (key, server, sims, house)
        });
        Self {
            key,
            server,
            sims,
            _house: house,
            runtime,
        }
    }

    fn sim(&self, kind: Kind) -> &Sim {
        self.sims.iter().find(|sim| sim.kind() == kind).unwrap()
    }
}

/// Keys of Kiro have a shape of their own.
fn account_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Kiro => "ksk_simulated",
        _ => Script::KEY,
    }
}

/// An account for each caller, and one that meets errors: it rests for a while afterwards, which
/// nobody else may feel.
fn accounts() -> impl Iterator<Item = String> {
    CALLERS.into_iter().flat_map(|caller| {
        let name = format!("{caller:?}").to_lowercase();
        [name.clone(), name + "-errors"]
    })
}

/// The configuration's part for one simulator.
fn providers(sim: &Sim) -> String {
    let (kind, dialect, base) = (sim.kind(), sim.kind().dialect(), sim.base_url());
    if kind == Kind::Kiro {
        return format!("  kiro:\n    base_url: {base}\n");
    }
    let each = accounts().map(|account| {
        format!(
            "  {account}-{dialect}:\n    dialect: {dialect}\n    base_url: {base}\n    \
             models: [a-model]\n    api_key: {}\n",
            account_key(kind)
        )
    });
    each.collect()
}

impl Cell<'_> {
    /// A name of a model that no other field of the table uses.
    fn model(&self, scenario: &str) -> String {
        let stream = if self.stream { "-streamed" } else { "" };
        format!("{:?}-{scenario}{stream}", self.caller).to_lowercase()
    }

    /// Asks the account that serves this field, or the one whose provider is told to fail.
    pub(super) fn ask(&self, scenario: &str, errors: bool, asked: Asked) -> Got {
        let caller = format!("{:?}", self.caller).to_lowercase();
        let purpose = if errors { "-errors" } else { "" };
        let account = match self.upstream {
            Kind::Kiro => format!("kiro/{caller}{purpose}"),
            kind => format!("{caller}{purpose}-{}", kind.dialect()),
        };
        let asked = Asked {
            model: format!("{account}/{}", self.model(scenario)),
            stream: self.stream,
            ..asked
        };
        let path = self.caller.path(&asked);
        let body = self.caller.body(&asked).to_string();
        let request = self.stage.server.post(&path, &self.stage.key, body);
        let reply = self.stage.runtime.block_on(soon("a reply", async {
            let reply = request.send().await.unwrap();
            let header = |name: &str| {
                let value = reply.headers().get(name)?;
                Some(value.to_str().unwrap().to_owned())
            };
            let (status, retry_after) = (reply.status().as_u16(), header("retry-after"));
            let content_type = header("content-type").unwrap_or_default();
            (
                status,
                retry_after,
                content_type,
                reply.text().await.unwrap(),
            )
        }));
        let (status, retry_after, content_type, body) = reply;
        let mut got = Got {
            status,
            retry_after,
            said: Said::default(),
            error: Value::Null,
        };
        if status != 200 {
            got.error = serde_json::from_str(&body).unwrap();
        } else if self.stream {
            assert!(
                content_type.starts_with("text/event-stream"),
                "{content_type}"
            );
            got.said = said::streamed(self.caller, &body);
        } else {
            assert!(
                content_type.starts_with("application/json"),
                "{content_type}"
            );
            got.said = said::whole(self.caller, &serde_json::from_str(&body).unwrap());
        }
        got
    }

    /// Asks, and expects a reply without errors whose counts are the provider's own.
    pub(super) fn hear(&self, scenario: &str, asked: Asked) -> Said {
        let got = self.ask(scenario, false, asked);
        assert_eq!((got.status, &got.said.error), (200, &None), "{got:?}");
        assert!(got.said.ended, "{got:?}");
        let counts = self.counts(scenario);
        let own = (counts.prompt, counts.cache_read, counts.output);
        assert_eq!(got.said.usage, Some(own), "the provider counted {counts:?}");
        got.said
    }

    /// What the provider counted for the last request of this scenario.
    fn counts(&self, scenario: &str) -> Counts {
        let model = self.model(scenario);
        let all = self.stage.sim(self.upstream).counts();
        all.into_iter()
            .rfind(|counts| counts.model == model)
            .unwrap()
    }
}
