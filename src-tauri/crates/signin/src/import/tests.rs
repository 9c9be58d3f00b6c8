mod following;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use byokey_catalog::Catalog;
use byokey_vault::{Account, AccountKind, Actor, HomeChoice, Vault};
use jiff::Timestamp;
use parking_lot::Mutex;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::keychain::{ItemStore, Items};
use super::*;
use crate::{Overrides, SigninError};

const NOW: &str = "2026-11-21T12:00:00Z";
/// A later moment, as the Claude file writes it.
const LATER: i64 = 1_796_083_200_000;
const BEFORE: i64 = 1_700_000_000_000;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A home folder with a vault beside it.
struct Scene {
    dir: TempDir,
    env: BTreeMap<String, String>,
    items: Option<Arc<Keys>>,
    catalog: Catalog,
    vault: Vault,
    retired_too: bool,
}

/// A keychain of a few items.
#[derive(Default)]
struct Keys(Mutex<BTreeMap<String, Result<String, Unread>>>);

impl Items for Keys {
    fn read(&self, service: &str, _: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread> {
        match self.0.lock().get(service) {
            Some(Ok(text)) => Ok(Zeroizing::new(text.clone().into_bytes())),
            Some(Err(unread)) => Err(*unread),
            None => Err(Unread::Missing),
        }
    }
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        let vault = Vault::open(&dir.path().join("data"), HomeChoice::Memory).unwrap();
        Self {
            dir,
            env: BTreeMap::new(),
            items: None,
            catalog: Catalog::bundled().unwrap(),
            vault,
            retired_too: false,
        }
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        close(&path);
        path
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn machine(&self) -> Machine {
        let machine = Machine::at(self.home(), self.env.clone());
        match &self.items {
            Some(items) => machine.with_items(ItemStore::of(items.clone())),
            None => machine,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&Importer<'_>) -> T) -> T {
        let overrides = |_: &str| Overrides {
            allow_retired: self.retired_too,
            ..Overrides::default()
        };
        work(&Importer {
            machine: &self.machine(),
            catalog: &self.catalog,
            vault: Some(&self.vault),
            overrides: &overrides,
            now: now(),
        })
    }

    fn plan(&self, sources: &[&str]) -> Vec<Found> {
        self.with(|importer| importer.plan(sources)).unwrap()
    }

    fn take(&self, found: &Found) -> Result<Account, SigninError> {
        self.with(|importer| importer.take(found, None, Actor::Cli))
    }

    fn accept(&self, notice: &str) {
        let notices = self.catalog.notices();
        let version = notices.iter().find(|it| it.id == notice).unwrap().version;
        self.vault
            .accept_notice(notice, version, Actor::Cli)
            .unwrap();
    }

    fn followed(&self, account: &Account, at: Timestamp) -> Result<String, FollowTrouble> {
        let read = read_followed(&self.machine(), &self.catalog, account, at)?;
        Ok(read.access.expose().to_owned())
    }
}

#[cfg(unix)]
fn close(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn close(_: &Path) {}

fn claude(token: &str, end: i64) -> String {
    format!(
        r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-{token}","refreshToken":"sk-ant-ort01-{token}",
           "expiresAt":{end},"scopes":["user:inference"],"subscriptionType":"max"}}}}"#
    )
}

const CLAUDE: &str = ".claude/.credentials.json";

/// Source, provider/route, kind and verdict of everything found.
fn lines(found: &[Found]) -> Vec<String> {
    found
        .iter()
        .map(|it| {
            let (source, provider, route) = (&it.source, &it.provider, &it.route);
            format!("{source} {provider}/{route} {:?} {}", it.kind, it.verdict)
        })
        .collect()
}

#[test]
fn an_empty_machine_holds_nothing() {
    let scene = Scene::new();
    assert_eq!(scene.plan(&[]), []);
    let unknown = scene.with(|importer| importer.plan(&["netscape"]));
    let Err(SigninError::UnknownSource { name, known }) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!(name, "netscape");
    assert!(
        known.contains("claude-code") && known.contains("env"),
        "{known}"
    );
}

#[test]
fn a_plan_names_everything_and_changes_nothing() {
    let scene = Scene::new()
        .env("OPENAI_API_KEY", "sk-proj-0123456789abcdef")
        .env("XDG_CONFIG_HOME", "");
    let files = [
        scene.write(CLAUDE, &claude("a", LATER)),
        scene.write(
            ".codex/auth.json",
            r#"{"OPENAI_API_KEY":"sk-proj-fedcba9876543210","auth_mode":"apikey"}"#,
        ),
        scene.write(
            ".config/github-copilot/apps.json",
            r#"{"github.com:Iv1.x":{"user":"ada","oauth_token":"ghu_0123456789"}}"#,
        ),
        scene.write(
            ".config/gh/hosts.yml",
            "github.com:\n  user: ada\n  oauth_token: gho_0123456789\n",
        ),
        scene.write(
            ".qwen/oauth_creds.json",
            r#"{"access_token":"q","refresh_token":"r"}"#,
        ),
        scene.write(".iflow/oauth_creds.json", r#"{"apiKey":"sk-iflow"}"#),
        scene.write(".kimi/credentials/kimi-code.json", r#"{"access_token":""}"#),
        scene.write(
            ".gemini/oauth_creds.json",
            &format!(r#"{{"access_token":"ya29.x","expiry_date":{BEFORE}}}"#),
        ),
        scene.write(".aws/sso/cache/kiro-auth-token.json", "{\"accessToken\":"),
    ];
    let before: Vec<_> = files.iter().map(|path| stamp(path)).collect();
    let found = scene.plan(&[]);
    let lines = lines(&found);
    for expected in [
        "claude-code claude/oauth-pkce Follow can be taken once its notice is accepted",
        "codex openai/api-key Key can be taken",
        "copilot copilot/github-device Follow cannot be used: it belongs to an editor's own GitHub App",
        "copilot copilot/github-device Follow can be taken",
        "qwen qwen/oauth-device Follow is no longer of use:",
        "iflow iflow/oauth Follow is no longer of use:",
        "kimi kimi/kimi-device Follow nobody is signed in there",
        "gemini gemini/code-assist Follow has expired: run `gemini` once",
        "kiro kiro/builder-id-device Follow cannot be used: it is being written, or has a form",
        "env openai/api-key Key can be taken",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{expected}\n{lines:#?}"
        );
    }
    let after: Vec<_> = files.iter().map(|path| stamp(path)).collect();
    assert_eq!(after, before);
    assert_eq!(scene.vault.accounts().unwrap(), []);
    let shown = serde_json::to_string(&found).unwrap();
    for secret in ["sk-ant-o", "sk-proj-", "gho_", "ghu_", "sk-iflow", "ya29"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

/// What must not change about an owner's file.
fn stamp(path: &Path) -> (Vec<u8>, std::time::SystemTime) {
    let about = fs::metadata(path).unwrap();
    (fs::read(path).unwrap(), about.modified().unwrap())
}

#[test]
fn sources_are_looked_at_one_by_one() {
    let scene = Scene::new().env("ANTHROPIC_API_KEY", "sk-ant-api03-0123456789");
    scene.write(CLAUDE, &claude("a", LATER));
    scene.write(".qwen/oauth_creds.json", r#"{"access_token":"q"}"#);
    let sources = |names: &[&str]| {
        let found = scene.plan(names);
        found.into_iter().map(|it| it.source).collect::<Vec<_>>()
    };
    assert_eq!(sources(&["claude-code"]), ["claude-code"]);
    assert_eq!(sources(&["env"]), ["env"]);
    assert_eq!(sources(&["qwen", "env"]), ["env", "qwen"]);
}

#[test]
fn what_is_an_account_already_is_not_taken_twice() {
    let scene = Scene::new().env("OPENAI_API_KEY", "sk-proj-0123456789abcdef");
    scene.accept("claude-oauth");
    scene.write(CLAUDE, &claude("a", LATER));
    for source in ["claude-code", "env"] {
        let found = scene.plan(&[source]);
        let account = scene.take(&found[0]).unwrap();
        let again = scene.plan(&[source]);
        let (id, name) = (account.id, account.name.clone());
        assert_eq!(
            again[0].verdict,
            ImportVerdict::AlreadyHere { account: id, name }
        );
        assert_eq!(scene.take(&again[0]).unwrap().id, id);
    }
    assert_eq!(scene.vault.accounts().unwrap().len(), 2);
    // A renewed login is the same account.
    scene.write(CLAUDE, &claude("b", LATER));
    let renewed = scene.plan(&["claude-code"]);
    assert!(matches!(
        renewed[0].verdict,
        ImportVerdict::AlreadyHere { .. }
    ));
}

#[test]
fn keys_become_accounts_of_their_own() {
    let scene = Scene::new()
        .env("AZURE_OPENAI_API_KEY", "0123456789abcdef0123456789abcdef")
        .env("AWS_BEARER_TOKEN_BEDROCK", "ABSK0123456789")
        .env("AWS_REGION", "eu-central-1");
    scene.write(
        ".codex/auth.json",
        r#"{"OPENAI_API_KEY":"sk-proj-fedcba9876543210"}"#,
    );
    let found = scene.plan(&["codex"]);
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(
        (account.kind, &*account.route),
        (AccountKind::Key, "api-key")
    );
    assert_eq!(account.owner, None);
    let held = scene.vault.credential(account.id).unwrap();
    assert_eq!(held.secret.expose(), "sk-proj-fedcba9876543210");
    let found = scene.plan(&["env"]);
    let of = |provider: &str| found.iter().find(|it| it.provider == provider).unwrap();
    let bedrock = scene.take(of("bedrock")).unwrap();
    assert_eq!(bedrock.fields["region"], "eu-central-1");
    let azure = of("azure-openai");
    let ImportVerdict::Unusable { why } = &azure.verdict else {
        panic!("{azure:?}");
    };
    assert!(why.contains("Name of the resource"), "{why}");
    assert!(matches!(
        scene.take(azure),
        Err(SigninError::NotTaken { .. })
    ));
}

#[test]
fn a_taken_name_is_nobody_elses() {
    let scene = Scene::new()
        .env("OPENAI_API_KEY", "sk-proj-0123456789abcdef")
        .env("XAI_API_KEY", "xai-0123456789abcdef");
    scene.write(
        ".codex/auth.json",
        r#"{"OPENAI_API_KEY":"sk-proj-fedcba9876543210"}"#,
    );
    let take = |source: &str| {
        let found = scene.plan(&[source]);
        let openai = found.iter().find(|it| it.provider == "openai").unwrap();
        scene.with(|it| it.take(openai, Some("work"), Actor::Cli))
    };
    let first = take("env").unwrap();
    assert!(matches!(take("codex"), Err(SigninError::Store(_))));
    let held = scene.vault.credential(first.id).unwrap();
    assert_eq!(held.secret.expose(), "sk-proj-0123456789abcdef");
}

#[test]
fn foreign_keys_of_the_environment_are_left_alone() {
    for (env, why) in [
        (vec![("OPENAI_API_KEY", "byk_0123456789")], "byokey made"),
        (
            vec![("OPENAI_API_KEY", "sk-admin-0123456789")],
            "this kind of key",
        ),
        (
            vec![
                ("OPENAI_API_KEY", "sk-0123456789"),
                ("OPENAI_BASE_URL", "http://localhost:4000/v1"),
            ],
            "the environment uses it at localhost",
        ),
    ] {
        let mut scene = Scene::new();
        for (name, value) in env {
            scene = scene.env(name, value);
        }
        let found = scene.plan(&["env"]);
        let verdict = found[0].verdict.to_string();
        assert!(verdict.contains(why), "{verdict}");
        assert!(scene.take(&found[0]).is_err());
        assert!(scene.with(|it| it.key(&found[0])).is_err());
    }
    let scene = Scene::new()
        .env("OPENAI_API_KEY", "sk-0123456789")
        .env("OPENAI_BASE_URL", "https://us.api.openai.com/v1");
    let found = scene.plan(&["env"]);
    let (key, _) = scene.with(|it| it.key(&found[0])).unwrap();
    assert_eq!(key.expose(), "sk-0123456789");
}

#[test]
fn a_lasting_token_of_the_environment_is_kept() {
    let scene = Scene::new().env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-lasting");
    scene.accept("claude-oauth");
    let found = scene.plan(&["claude-code"]);
    assert_eq!(found[0].kind, FoundKind::Token);
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(account.kind, AccountKind::Tokens);
    let held = scene.vault.tokens(account.id).unwrap().tokens;
    assert_eq!(held.access.expose(), "sk-ant-oat01-lasting");
    assert!(held.refresh.is_none());
    let again = scene.plan(&["claude-code"]);
    assert!(matches!(
        again[0].verdict,
        ImportVerdict::AlreadyHere { .. }
    ));
}

#[test]
fn retired_logins_want_the_configurations_word() {
    let mut scene = Scene::new();
    scene.write(
        ".qwen/oauth_creds.json",
        r#"{"access_token":"q","refresh_token":"r"}"#,
    );
    let found = scene.plan(&["qwen"]);
    assert!(matches!(found[0].verdict, ImportVerdict::Retired { .. }));
    assert!(matches!(
        scene.take(&found[0]),
        Err(SigninError::NotTaken { .. })
    ));
    scene.retired_too = true;
    let found = scene.plan(&["qwen"]);
    assert_eq!(found[0].verdict, ImportVerdict::Ready);
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "q");
}

#[test]
fn a_login_that_may_not_make_requests_is_of_no_use() {
    let scene = Scene::new();
    let text = claude("a", LATER).replace("user:inference", "user:profile");
    scene.write(CLAUDE, &text);
    let found = scene.plan(&["claude-code"]);
    let verdict = found[0].verdict.to_string();
    assert!(verdict.contains("user:inference"), "{verdict}");
}

#[test]
fn one_bad_place_stops_no_other() {
    let scene = Scene::new();
    scene.write(CLAUDE, &"x".repeat(10 * 1024 * 1024));
    scene.write(".qwen/oauth_creds.json", "\0\0\0");
    scene.write(".byokey/tokens.db", "no database");
    fs::create_dir_all(scene.home().join(".gemini/oauth_creds.json")).unwrap();
    scene.write(
        ".codex/auth.json",
        r#"{"OPENAI_API_KEY":"sk-proj-0123456789"}"#,
    );
    let found = scene.plan(&[]);
    let lines = lines(&found);
    for expected in [
        "codex openai/api-key Key can be taken",
        "claude-code claude/oauth-pkce Follow cannot be used: it is far too large",
        "gemini gemini/code-assist Follow cannot be used: it is no regular file",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{expected}\n{lines:#?}"
        );
    }
    // A place of all providers is unreadable for all of them at once.
    let broken = lines.iter().filter(|line| line.starts_with("byokey "));
    assert_eq!(broken.count(), 1, "{lines:#?}");
}

#[test]
#[cfg(unix)]
fn a_file_that_others_can_read_is_mentioned() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let path = scene.write(CLAUDE, &claude("a", LATER));
    assert!(!scene.plan(&["claude-code"])[0].open_to_others);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(scene.plan(&["claude-code"])[0].open_to_others);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn what_was_found_may_be_gone() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    let path = scene.write(CLAUDE, &claude("a", LATER));
    let found = scene.plan(&["claude-code"]);
    fs::remove_file(path).unwrap();
    let gone = scene.take(&found[0]);
    assert!(
        matches!(gone, Err(SigninError::NotTaken { .. })),
        "{gone:?}"
    );
    assert_eq!(scene.vault.accounts().unwrap(), []);
}
