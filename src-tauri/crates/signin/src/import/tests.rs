use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

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
fn a_login_is_followed_and_never_touched() {
    let scene = Scene::new();
    let path = scene.write(CLAUDE, &claude("first", LATER));
    let found = scene.plan(&["claude-code"]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&*found[0].place, found[0].plan.as_deref()),
        ("~/.claude/.credentials.json", Some("max"))
    );
    let refused = scene.take(&found[0]);
    assert!(
        matches!(refused, Err(SigninError::NeedsNotice { .. })),
        "{refused:?}"
    );
    assert_eq!(scene.vault.accounts().unwrap(), []);
    scene.accept("claude-oauth");
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(account.kind, AccountKind::Followed);
    assert_eq!(account.owner.as_deref(), Some("Claude Code"));
    // No token of it is in the vault.
    assert!(scene.vault.tokens(account.id).is_err());
    assert!(scene.vault.credential(account.id).is_err());
    let before = stamp(&path);
    assert_eq!(
        scene.followed(&account, now()).unwrap(),
        "sk-ant-oat01-first"
    );
    // It ends, and the owner has not renewed it.
    let end = Timestamp::from_millisecond(LATER).unwrap();
    let trouble = scene.followed(&account, end).unwrap_err();
    assert!(!trouble.passes());
    assert_eq!(
        trouble.to_string(),
        "the login of Claude Code has expired: run `claude` once, or sign in with byokey"
    );
    assert_eq!(stamp(&path), before);
    // The owner renews it, in the middle of which half of the file is there.
    let renewed = claude("second", LATER + 1000);
    fs::write(&path, &renewed[..40]).unwrap();
    let trouble = scene.followed(&account, end).unwrap_err();
    assert!(trouble.passes(), "{trouble}");
    fs::write(&path, renewed).unwrap();
    assert_eq!(
        scene.followed(&account, end).unwrap(),
        "sk-ant-oat01-second"
    );
    // The person signs out there.
    fs::write(&path, "{}").unwrap();
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        trouble
            .to_string()
            .starts_with("Claude Code is signed out: run `claude` once")
    );
    fs::remove_file(&path).unwrap();
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        !trouble.passes() && trouble.to_string().contains("signed out"),
        "{trouble}"
    );
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
fn the_keychain_goes_before_the_file() {
    let mut scene = Scene::new();
    let keys = Arc::new(Keys::default());
    scene.items = Some(keys.clone());
    let item = |text: Result<String, Unread>| {
        keys.0
            .lock()
            .insert("Claude Code-credentials".to_owned(), text);
    };
    scene.write(CLAUDE, &claude("old", BEFORE));
    item(Ok(claude("new", LATER)));
    scene.accept("claude-oauth");
    let found = scene.plan(&["claude-code"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, "keychain item `Claude Code-credentials`");
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "sk-ant-oat01-new");
    item(Err(Unread::Locked));
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        trouble.passes() && trouble.to_string().contains("unlock it"),
        "{trouble}"
    );
    item(Ok(claude("newer", LATER)));
    assert_eq!(
        scene.followed(&account, now()).unwrap(),
        "sk-ant-oat01-newer"
    );
    // The same token in both places is one login.
    scene.write(CLAUDE, &claude("newer", LATER));
    assert_eq!(scene.plan(&["claude-code"]).len(), 1);
}

#[test]
fn another_person_at_the_owner_is_noticed() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    scene.write(CLAUDE, &claude("a", LATER));
    let person = |id: &str| {
        let text =
            format!(r#"{{"oauthAccount":{{"accountUuid":"{id}","emailAddress":"{id}@b.c"}}}}"#);
        scene.write(".claude.json", &text);
    };
    person("ada");
    let found = scene.plan(&["claude-code"]);
    assert_eq!(found[0].label.as_deref(), Some("ada@b.c"));
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(account.identity.as_deref(), Some("ada/"));
    person("bob");
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(trouble.to_string().contains("another account"), "{trouble}");
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
fn byokeys_database_holds_several_accounts() {
    let scene = Scene::new();
    let folder = scene.home().join(".byokey");
    fs::create_dir(&folder).unwrap();
    let db = rusqlite::Connection::open(folder.join("tokens.db")).unwrap();
    let end = LATER / 1000;
    let token = |name: &str| {
        format!(
            r#"{{"access_token":"{name}","refresh_token":"r","expires_at":{end},"token_type":"Bearer"}}"#
        )
    };
    db.execute_batch(&format!(
        "CREATE TABLE accounts (provider TEXT, account_id TEXT, label TEXT, is_active INTEGER, \
         token_json TEXT, created_at INTEGER, updated_at INTEGER, PRIMARY KEY (provider, account_id)); \
         INSERT INTO accounts VALUES ('claude', 'default', NULL, 1, '{}', 0, 0), \
         ('claude', 'work', 'Work', 0, '{}', 0, 0), ('copilot', 'default', NULL, 1, '{}', 0, 0), \
         ('qwen', 'default', NULL, 1, '{}', 0, 0);",
        token("one"), token("two"), token("gho_1"), token("q")
    ))
    .unwrap();
    scene.accept("claude-oauth");
    let found = scene.plan(&["byokey"]);
    let lines = lines(&found);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let work = found
        .iter()
        .find(|it| it.label.as_deref() == Some("Work"))
        .unwrap();
    let account = scene.take(work).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "two");
    let update = format!(
        "UPDATE accounts SET token_json = '{}' WHERE account_id = 'work'",
        token("three")
    );
    db.execute_batch(&update).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "three");
    db.execute_batch("DELETE FROM accounts WHERE account_id = 'work'")
        .unwrap();
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        trouble.to_string().starts_with("BYOKEY is signed out"),
        "{trouble}"
    );
}

#[test]
fn an_older_byokeys_table_is_read_as_well() {
    let scene = Scene::new();
    fs::create_dir(scene.home().join(".byokey")).unwrap();
    let db = rusqlite::Connection::open(scene.home().join(".byokey/tokens.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE tokens (provider TEXT PRIMARY KEY, token_json TEXT NOT NULL); \
         INSERT INTO tokens VALUES ('kimi', '{\"access_token\":\"k\"}');",
    )
    .unwrap();
    let found = scene.plan(&["byokey"]);
    assert_eq!(found.len(), 1, "{:#?}", lines(&found));
    scene.accept("kimi-oauth");
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "k");
}

#[test]
fn the_kiro_clis_newest_row_counts() {
    let scene = Scene::new();
    let folder = scene.home().join("kiro");
    fs::create_dir(&folder).unwrap();
    let scene = scene.env("KIRO_DATA_DIR", folder.to_str().unwrap());
    let db = rusqlite::Connection::open(folder.join("data.sqlite3")).unwrap();
    let long = "r".repeat(120);
    let token = |access: &str| {
        format!(
            r#"{{"access_token":"{access}","refresh_token":"{long}","expires_at":"2026-12-01T00:00:00Z","region":"us-east-1"}}"#
        )
    };
    db.execute_batch(&format!(
        "CREATE TABLE auth_kv(key TEXT PRIMARY KEY, value TEXT); CREATE TABLE state(key TEXT, value TEXT); \
         INSERT INTO auth_kv VALUES ('codewhisperer:odic:token', '{}'), ('kirocli:odic:token', '{}'); \
         INSERT INTO state VALUES ('api.codewhisperer.profile', \
         '{{\"arn\":\"arn:aws:codewhisperer:eu-central-1:1:profile/A\"}}');",
        token("old"), token("new")
    ))
    .unwrap();
    scene.accept("kiro-oauth");
    let found = scene.plan(&["kiro"]);
    assert_eq!(found.len(), 1, "{:#?}", lines(&found));
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(account.fields["api_region"], "eu-central-1");
    let read = read_followed(&scene.machine(), &scene.catalog, &account, now()).unwrap();
    assert_eq!(read.access.expose(), "new");
    assert_eq!(
        read.extra["profile_arn"],
        "arn:aws:codewhisperer:eu-central-1:1:profile/A"
    );
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
}

#[cfg(unix)]
#[test]
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

#[test]
fn an_account_whose_source_makes_no_sense_says_so() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    scene.write(CLAUDE, &claude("a", LATER));
    let mut account = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    for source in [None, Some("gibberish"), Some("codex:file:/etc/passwd#")] {
        account.source = source.map(ToOwned::to_owned);
        let trouble = scene.followed(&account, now()).unwrap_err();
        assert!(trouble.to_string().contains("import it again"), "{trouble}");
    }
}

#[test]
fn a_change_of_the_owners_file_is_told() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    let path = scene.write(CLAUDE, &claude("a", LATER));
    let account = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let source = account.source.clone().unwrap();
    let (tell, told) = mpsc::channel();
    let follower = Follower::new(move |account| {
        let _ = tell.send(account);
    });
    follower.follow(account.id, &source);
    follower.follow(account.id, &source);
    let wait = Duration::from_secs(30);
    // Written in place, and replaced as most owners do.
    fs::write(&path, claude("b", LATER)).unwrap();
    assert_eq!(told.recv_timeout(wait), Ok(account.id));
    while told.try_recv().is_ok() {}
    let beside = path.with_file_name("new");
    fs::write(&beside, claude("c", LATER)).unwrap();
    fs::rename(&beside, &path).unwrap();
    assert_eq!(told.recv_timeout(wait), Ok(account.id));
    assert_eq!(scene.followed(&account, now()).unwrap(), "sk-ant-oat01-c");
    follower.forget(account.id);
    drop(follower);
    // Nobody is left who could tell.
    while told.recv().is_ok() {}
    fs::write(&path, claude("d", LATER)).unwrap();
    assert!(told.recv().is_err());
}

#[test]
fn a_login_is_taken_over_only_when_asked_for() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    let path = scene.write(CLAUDE, &claude("a", LATER));
    let followed = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let before = stamp(&path);
    let take_over = |id| scene.with(|importer| importer.take_over(id, Actor::Cli));
    let own = take_over(followed.id).unwrap();
    assert_eq!(
        (own.kind, own.owner.as_deref()),
        (AccountKind::Tokens, None)
    );
    assert_eq!(
        (&own.name, own.priority),
        (&followed.name, followed.priority)
    );
    assert_eq!(scene.vault.accounts().unwrap().len(), 1);
    let held = scene.vault.tokens(own.id).unwrap().tokens;
    assert_eq!(held.refresh.unwrap().expose(), "sk-ant-ort01-a");
    assert_eq!(held.extra["token_origin"], "https://platform.claude.com");
    assert_eq!(stamp(&path), before);
    // It follows nobody any more.
    assert!(matches!(
        take_over(own.id),
        Err(SigninError::NotTaken { .. })
    ));
}

#[test]
fn a_company_login_comes_with_its_registration() {
    let scene = Scene::new();
    scene.accept("kiro-oauth");
    let long = "r".repeat(120);
    let login = format!(
        r#"{{"accessToken":"aoa","refreshToken":"{long}","expiresAt":"2026-12-01T00:00:00Z","authMethod":"IdC","clientIdHash":"0af1"}}"#
    );
    scene.write(".aws/sso/cache/kiro-auth-token.json", &login);
    let registration =
        r#"{"clientId":"c-1","clientSecret":"s-1","expiresAt":"2027-01-01T00:00:00Z"}"#;
    scene.write(".aws/sso/cache/0af1.json", registration);
    let found = scene.plan(&["kiro"]);
    let followed = scene.take(&found[0]).unwrap();
    let own = scene
        .with(|it| it.take_over(followed.id, Actor::Cli))
        .unwrap();
    let client = scene.vault.tokens(own.id).unwrap().tokens.client.unwrap();
    assert_eq!(
        (&*client.id, client.secret.unwrap().expose()),
        ("c-1", "s-1")
    );
    // A name that leads elsewhere is none.
    let login = login.replace("0af1", "../../../0af1");
    scene.write(".aws/sso/cache/kiro-auth-token.json", &login);
    let followed = scene.take(&scene.plan(&["kiro"])[0]).unwrap();
    let own = scene
        .with(|it| it.take_over(followed.id, Actor::Cli))
        .unwrap();
    assert!(scene.vault.tokens(own.id).unwrap().tokens.client.is_none());
}

#[test]
fn a_login_that_nothing_renews_is_not_taken_over() {
    let scene = Scene::new();
    scene.write(
        ".config/gh/hosts.yml",
        "github.com:\n  user: ada\n  oauth_token: gho_0123456789\n",
    );
    let followed = scene.take(&scene.plan(&["copilot"])[0]).unwrap();
    let refused = scene.with(|it| it.take_over(followed.id, Actor::Cli));
    assert!(
        matches!(refused, Err(SigninError::NotTaken { .. })),
        "{refused:?}"
    );
    assert_eq!(scene.vault.accounts().unwrap(), [followed]);
}
