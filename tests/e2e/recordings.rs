//! Recorded replies of real providers, played by a simulated provider through the running engine to
//! callers of all dialects. What they get is put together by the rules of their dialect, compared
//! with what is known of the recording, and held against the shapes that the official SDKs publish.
//!
//! Our own recordings are in `tests/recordings`; the folder that `BYOKEY_RECORDINGS` names may hold
//! more of the same kind.

use std::{
    fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use byokey_sim::{Kind, Part, Reply, Script, Sim};
use serde_json::{Value, json};

use super::matrix::{
    caller::{Asked, Caller, Turn},
    said::{self, Finish, Said},
};
use crate::{
    python::python,
    rig::{House, Server},
};

/// A recorded reply and, where somebody has told, what it says.
struct Recording {
    name: String,
    upstream: Kind,
    stream: bool,
    status: u16,
    body: Vec<u8>,
    known: Value,
}

const FOLDERS: [(&str, Kind); 4] = [
    ("openai-chat", Kind::Chat),
    ("anthropic", Kind::Messages),
    ("openai-responses", Kind::Responses),
    ("gemini", Kind::Gemini),
];

const CALLERS: [(Caller, Kind); 4] = [
    (Caller::Chat, Kind::Chat),
    (Caller::Responses, Kind::Responses),
    (Caller::Messages, Kind::Messages),
    (Caller::Gemini, Kind::Gemini),
];

/// Recordings that are no single reply, or of which the independent reader thinks otherwise: a name
/// sent with every fragment is one name; a call in pieces is one call; reasoning that is no summary
/// is read as well.
const DISPUTED: [&str; 7] = [
    "pydantic-ai-test-openai-responses-raw-cot-stream-openrouter.0",
    "llm-test-tools-streaming-variant-a.0",
    "pydantic-ai-test-openrouter-streaming-reasoning.0",
    "ruby-llm-chat-openrouter-reasoning-details-round-trip-accumulates-reasoning-details-while-streaming-tool-calls.0",
    "vercel-ai-anthropic-programmatic-tool-calling-1-stream.0",
    "vercel-ai-anthropic-programmatic-tool-calling-1.0",
    "vercel-ai-google-stream-tool-call-arguments-stream.0",
];

/// Bytes in one piece of a played stream: small enough to cut frames and characters.
const PIECE: usize = 509;

fn recordings() -> Vec<Recording> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let given = std::env::var_os("BYOKEY_RECORDINGS").map(PathBuf::from);
    let mut found = Vec::new();
    for root in [Some(own), given].into_iter().flatten() {
        let oracle = fs::read_to_string(root.join("oracle.jsonl")).unwrap_or_default();
        let known: Vec<Value> = oracle
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for (folder, upstream) in FOLDERS {
            let entries = fs::read_dir(root.join(folder)).unwrap();
            let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            found.extend(paths.iter().filter_map(|path| read(path, upstream, &known)));
        }
    }
    found
}

fn read(path: &Path, upstream: Kind, known: &[Value]) -> Option<Recording> {
    let file = path.file_name()?.to_str()?;
    let (name, kind) = file.rsplit_once(".response.")?;
    let meta = fs::read(path.with_file_name(format!("{name}.meta.json")));
    let meta: Value = meta.map_or(Value::Null, |meta| serde_json::from_slice(&meta).unwrap());
    let known = known.iter().find(|known| known["name"] == name);
    Some(Recording {
        name: name.to_owned(),
        upstream,
        stream: kind == "sse",
        status: meta["status"].as_u64().unwrap_or(200) as u16,
        body: fs::read(path).unwrap(),
        known: known.cloned().unwrap_or_default(),
    })
}

/// What a caller of one dialect got for a recording.
struct Heard<'a> {
    recording: &'a Recording,
    caller: Caller,
    status: u16,
    body: String,
}

struct Stage {
    sims: Vec<Sim>,
    server: Server,
    key: String,
    _house: House,
}

impl Stage {
    async fn build(recordings: &[Recording]) -> Self {
        let mut sims = Vec::new();
        let mut config = "port: 0\nrouting: { wait_max_s: 0 }\nproviders:\n".to_owned();
        for (_, kind) in FOLDERS {
            sims.push(Sim::start(kind, Script::default()).await);
        }
        for sim in &sims {
            config.push_str(&provider(&format!("all-{}", sim.kind().dialect()), sim));
        }
        // An account that met an error rests for a while, so each error has accounts of its own.
        for (number, recording) in errors(recordings) {
            let sim = sims
                .iter()
                .find(|sim| sim.kind() == recording.upstream)
                .unwrap();
            for (caller, _) in CALLERS {
                config.push_str(&provider(&error_id(number, caller), sim));
            }
        }
        let house = House::configured(&config);
        let server = house.serve().await;
        let key = house.client_key("recordings").await;
        Self {
            sims,
            server,
            key,
            _house: house,
        }
    }

    async fn play<'a>(&self, number: usize, recording: &'a Recording, caller: Caller) -> Heard<'a> {
        let sim = self
            .sims
            .iter()
            .find(|sim| sim.kind() == recording.upstream)
            .unwrap();
        let content_type = match recording.stream {
            true => "text/event-stream",
            false => "application/json",
        };
        let mut reply = Reply::new(recording.status).header("content-type", content_type);
        for piece in recording.body.chunks(PIECE) {
            reply = reply.part(Part::Bytes(piece.to_vec().into()));
        }
        sim.reply(reply);
        let provider = match recording.status {
            200 => format!("all-{}", recording.upstream.dialect()),
            _ => error_id(number, caller),
        };
        let asked = Asked {
            model: format!("{provider}/m"),
            stream: recording.stream,
            turns: vec![Turn::User("hello".to_owned())],
            ..Asked::default()
        };
        let body = caller.body(&asked).to_string();
        let request = self.server.post(&caller.path(&asked), &self.key, body);
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        Heard {
            recording,
            caller,
            status,
            body: reply.text().await.unwrap(),
        }
    }
}

/// Recordings of errors, with their numbers.
fn errors(recordings: &[Recording]) -> impl Iterator<Item = (usize, &Recording)> {
    let all = recordings.iter().enumerate();
    all.filter(|(_, recording)| recording.status != 200)
}

fn error_id(number: usize, caller: Caller) -> String {
    format!("error-{number}-{caller:?}").to_lowercase()
}

fn provider(id: &str, sim: &Sim) -> String {
    let (dialect, base) = (sim.kind().dialect(), sim.base_url());
    format!(
        "  {id}:\n    dialect: {dialect}\n    base_url: {base}\n    models: [m]\n    api_key: {}\n",
        Script::KEY
    )
}

impl Heard<'_> {
    fn name(&self) -> String {
        format!("{} to {:?}", self.recording.name, self.caller)
    }

    /// What is wrong with it, by what is known of the recording.
    fn faults(&self) -> Option<String> {
        if self.recording.status != 200 {
            let told: Value = serde_json::from_str(&self.body).ok()?;
            let well = self.status >= 400 && told["error"]["message"].is_string();
            return (!well).then(|| format!("{} {}", self.status, self.body));
        }
        let said = match (self.status, self.recording.stream) {
            (200, true) => said::streamed(self.caller, &self.body),
            (200, false) => said::whole(self.caller, &serde_json::from_str(&self.body).unwrap()),
            // A recording may be of a reply that failed in its own words.
            _ => {
                return self.recording.known["text"]
                    .is_string()
                    .then(|| self.body.clone());
            }
        };
        differences(&said, &self.recording.known)
    }
}

/// Where a reply differs from what an independent reader made of the recording.
fn differences(said: &Said, known: &Value) -> Option<String> {
    let text = known["text"].as_str()?;
    if said.error.is_some() || !said.ended {
        return Some(format!("broken: {:?}", said.error));
    }
    let calls = said
        .calls
        .iter()
        .map(|call| json!({"name": call.name, "args": call.arguments}));
    let calls: Vec<_> = calls.collect();
    let known_calls = known["tool_calls"].as_array().cloned().unwrap_or_default();
    if said.calls.iter().any(|call| call.id.is_empty()) {
        return Some("a call without an id".to_owned());
    }
    // A call that the limit cut in the middle is whole in no dialect.
    if calls != known_calls && said.finish != Finish::Length {
        return Some(format!("calls: {calls:?}, not {known_calls:?}"));
    }
    // That reader does not count a refusal as text.
    let features = known["features"].as_array().cloned().unwrap_or_default();
    let refused = features.contains(&json!("refusal")) || said.finish == Finish::Filter;
    (said.text != text && !refused).then(|| format!("text: {:?}, not {text:?}", said.text))
}

#[tokio::test]
async fn recorded_replies_reach_every_caller_in_its_own_dialect() {
    let recordings = recordings();
    let stage = Stage::build(&recordings).await;
    let mut heard = Vec::new();
    for (number, recording) in recordings.iter().enumerate() {
        for (caller, kind) in CALLERS {
            if kind != recording.upstream && !DISPUTED.contains(&recording.name.as_str()) {
                heard.push(stage.play(number, recording, caller).await);
            }
        }
    }
    let mut wrong = Vec::new();
    for one in &heard {
        let judged = catch_unwind(AssertUnwindSafe(|| one.faults()));
        let fault = judged.unwrap_or_else(|_| Some(format!("breaks a rule: {}", one.body)));
        wrong.extend(fault.map(|fault| format!("{}: {fault}", one.name())));
    }
    wrong.extend(departures(&heard));
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Where replies depart from the published shapes of their dialects.
fn departures(heard: &[Heard<'_>]) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/schemas.py");
    let mut child = Command::new(python())
        .arg(script)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = String::new();
    for one in heard.iter().filter(|one| one.status == 200) {
        let dialect = format!("{:?}", one.caller).to_lowercase();
        let line = json!({"name": one.name(), "dialect": dialect,
            "stream": one.recording.stream, "body": one.body});
        lines.push_str(&format!("{line}\n"));
    }
    let mut input = child.stdin.take().unwrap();
    // It answers while it still reads.
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    told.lines().map(str::to_owned).collect()
}
