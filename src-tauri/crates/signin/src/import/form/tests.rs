use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::*;
use crate::import::Machine;
use crate::import::place::At;

const END: &str = "2026-12-01T00:00:00Z";
const LONG: &str = "aor_0123456789012345678901234567890123456789012345678901234567890123456789\
                    0123456789012345678901234567890123456789";

/// A form read as if it stood in `~/.owner/file`.
fn read_in(home: &Path, form: Form, entry: Option<&str>, text: &str) -> Result<Vec<Read>, Unread> {
    let machine = Machine::at(home, [].into());
    let piece = Piece {
        at: At::File(home.join(".owner/file")),
        name: String::new(),
        label: None,
        bytes: Zeroizing::new(text.as_bytes().to_vec()),
        open_to_others: false,
    };
    let beside = Beside {
        machine: &machine,
        at: &piece.at,
    };
    read(form, entry, &piece, &beside)
}

fn reads(form: Form, entry: Option<&str>, text: &str) -> Result<Vec<Read>, Unread> {
    read_in(Path::new("/nowhere"), form, entry, text)
}

fn jwt(claims: &str) -> String {
    format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))
}

/// What a reader found, in one line: `access refresh end subject label plan extra`.
fn line(read: &Read) -> String {
    let (access, refresh, end) = match &read.held {
        Held::Key(key) => (key, None, None),
        Held::Tokens {
            access,
            refresh,
            expires,
        } => (access, refresh.as_ref(), *expires),
    };
    let shown = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let extra: Vec<_> = read.extra.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let begin = |text: &str| text.chars().take(12).collect::<String>();
    [
        begin(access.expose()),
        refresh.map_or("-".to_owned(), |it| begin(it.expose())),
        end.map_or("-".to_owned(), |end| end.to_string()),
        shown(read.who.subject.as_deref()),
        shown(read.who.label.as_deref()),
        shown(read.who.plan.as_deref()),
        extra.join(","),
    ]
    .join(" ")
}

#[test]
fn every_owner_is_read() {
    let openai = jwt(
        r#"{"exp":1796083200,"sub":"s","https://api.openai.com/auth":{"chatgpt_account_id":"ws",
        "chatgpt_plan_type":"plus","chatgpt_user_id":"u"},"https://api.openai.com/profile":{"email":"a@b.c"}}"#,
    );
    let google = jwt(r#"{"sub":"117","email":"a@g.c"}"#);
    let kimi = jwt(r#"{"user_id":"k1"}"#);
    let cases: Vec<(Form, Option<&str>, String, &str)> = vec![
        (Form::Token, None, " gho_abc\n".into(), "gho_abc - - - - - "),
        (
            Form::ClaudeCode,
            None,
            r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-a","refreshToken":"sk-ant-ort01-r",
               "expiresAt":1796083200000,"scopes":["user:inference"],"subscriptionType":"max"},"mcpOAuth":{"x":{}}}"#
                .into(),
            "sk-ant-oat01 sk-ant-ort01 2026-12-01T00:00:00Z - - max ",
        ),
        (
            Form::Codex,
            None,
            format!(
                r#"{{"auth_mode":"chatgpt","OPENAI_API_KEY":null,"tokens":{{"id_token":"{openai}",
                   "access_token":"{openai}","refresh_token":"rt","account_id":"ws"}},"last_refresh":"2026-11-20T10:00:00Z"}}"#
            ),
            "e30.eyJleHAi rt 2026-12-01T00:00:00Z u/ws a@b.c plus account_id=ws",
        ),
        (
            Form::Codex,
            None,
            r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-proj-abc","tokens":null}"#.into(),
            "sk-proj-abc - - - - - ",
        ),
        (
            Form::GithubHosts,
            None,
            r#"{"github.com:Iv1.b507a08c87ecfe98":{"user":"ada","oauth_token":"ghu_x","githubAppId":"Iv1"},
               "corp.ghe.com":{"user":"b","oauth_token":"gho_other"}}"#
                .into(),
            "ghu_x - - - ada - ",
        ),
        (
            Form::GhHosts,
            None,
            "github.com:\n    git_protocol: https\n    users:\n        ada:\n            oauth_token: gho_y\n    user: ada\n    oauth_token: gho_y\n"
                .into(),
            "gho_y - - - ada - ",
        ),
        (
            Form::Opencode,
            Some("github-copilot"),
            r#"{"anthropic":7,"github-copilot":{"type":"oauth","refresh":"gho_z","access":"tid=1","expires":0}}"#.into(),
            "gho_z - - - - - ",
        ),
        (
            Form::Opencode,
            Some("anthropic"),
            r#"{"anthropic":{"type":"oauth","refresh":"r","access":"a","expires":1796083200000}}"#.into(),
            "a r 2026-12-01T00:00:00Z - - - ",
        ),
        (
            Form::Opencode,
            Some("openrouter"),
            r#"{"openrouter":{"type":"api","key":"sk-or-v1-k"}}"#.into(),
            "sk-or-v1-k - - - - - ",
        ),
        (
            Form::GeminiFile,
            None,
            format!(
                r#"{{"access_token":"ya29.a","refresh_token":"1//r","expiry_date":1796083200000,"id_token":"{google}","scope":"x"}}"#
            ),
            "ya29.a 1//r 2026-12-01T00:00:00Z 117 a@g.c - ",
        ),
        (
            Form::GeminiItem,
            None,
            r#"{"serverName":"main-account","token":{"accessToken":"ya29.b","refreshToken":"1//s","expiresAt":1796083200000},"updatedAt":1}"#
                .into(),
            "ya29.b 1//s 2026-12-01T00:00:00Z - - - ",
        ),
        (
            Form::KiroIde,
            Some("IdC"),
            format!(
                r#"{{"accessToken":"aoa","refreshToken":"{LONG}","expiresAt":"2026-12-01T00:00:00.000Z","authMethod":"IdC",
                   "provider":"BuilderId","region":"eu-west-1","clientIdHash":"f00"}}"#
            ),
            "aoa aor_01234567 2026-12-01T00:00:00Z - BuilderId - auth_region=eu-west-1",
        ),
        (
            Form::KiroCli,
            None,
            format!(
                r#"{{"access_token":"aoa","expires_at":"{END}","refresh_token":"{LONG}","provider":"google",
                   "profile_arn":"arn:aws:codewhisperer:eu-central-1:1:profile/A"}}"#
            ),
            "aoa aor_01234567 2026-12-01T00:00:00Z arn:aws:codewhisperer:eu-central-1:1:profile/A google - \
             api_region=eu-central-1,profile_arn=arn:aws:codewhisperer:eu-central-1:1:profile/A",
        ),
        (
            Form::AntigravityItem,
            None,
            format!(
                "go-keyring-base64:{}",
                STANDARD.encode(r#"{"token":{"access_token":"ya29.c","token_type":"Bearer","refresh_token":"1//t","expiry":"2026-12-01T00:00:00Z"}}"#)
            ),
            "ya29.c 1//t 2026-12-01T00:00:00Z - - - ",
        ),
        (
            Form::Kimi,
            None,
            format!(r#"{{"access_token":"{kimi}","refresh_token":"r","expires_at":1796083200.0,"scope":"","token_type":"Bearer"}}"#),
            "e30.eyJ1c2Vy r 2026-12-01T00:00:00Z k1 - - ",
        ),
        (
            Form::Qwen,
            None,
            r#"{"access_token":"q","refresh_token":"r","expiry_date":1796083200000,"resource_url":"portal.qwen.ai"}"#.into(),
            "q r 2026-12-01T00:00:00Z - - - resource_url=portal.qwen.ai",
        ),
        (Form::Iflow, None, r#"{"access_token":"x","apiKey":"sk-i"}"#.into(), "sk-i - - - - - "),
        (
            Form::Byokey,
            Some("claude"),
            r#"{"access_token":"b","refresh_token":"r","expires_at":1796083200,"token_type":"Bearer"}"#.into(),
            "b r 2026-12-01T00:00:00Z - - - ",
        ),
        (
            Form::CliProxyApi,
            Some("codex"),
            format!(
                r#"{{"type":"codex","id_token":"{openai}","access_token":"acc","refresh_token":"r","account_id":"ws",
                   "last_refresh":"x","email":"c@d.e","expired":"2026-12-01T01:00:00+01:00"}}"#
            ),
            "acc r 2026-12-01T00:00:00Z u/ws c@d.e plus account_id=ws",
        ),
        (
            Form::CliProxyApi,
            Some("gemini"),
            r#"{"type":"gemini","email":"c@d.e","project_id":"p-1","token":{"access_token":"ya29.d","refresh_token":"r","expiry":"2026-12-01T00:00:00Z"}}"#
                .into(),
            "ya29.d r 2026-12-01T00:00:00Z - c@d.e - project=p-1",
        ),
    ];
    for (form, entry, text, expected) in cases {
        let found = reads(form, entry, &text).unwrap_or_else(|why| panic!("{form:?}: {why}"));
        assert_eq!(found.len(), 1, "{form:?}");
        assert_eq!(line(&found[0]), expected, "{form:?} {entry:?}");
    }
}

#[test]
fn who_signed_in_may_stand_in_a_file_beside() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    std::fs::create_dir(home.join(".owner")).unwrap();
    let settings = r#"{"numStartups":7,"oauthAccount":{"accountUuid":"a1","organizationUuid":"o1","emailAddress":"a@b.c"}}"#;
    std::fs::write(home.join(".claude.json"), settings).unwrap();
    let login = r#"{"claudeAiOauth":{"accessToken":"t"}}"#;
    let found = read_in(home, Form::ClaudeCode, None, login).unwrap();
    assert_eq!(line(&found[0]), "t - - a1/o1 a@b.c - ");
    let accounts = r#"{"active":"g@h.i","old":[]}"#;
    std::fs::write(home.join(".owner/google_accounts.json"), accounts).unwrap();
    let login = r#"{"access_token":"ya29"}"#;
    let found = read_in(home, Form::GeminiFile, None, login).unwrap();
    assert_eq!(line(&found[0]), "ya29 - - - g@h.i - ");
}

#[test]
fn one_place_may_hold_several() {
    let both = r#"{"OPENAI_API_KEY":"sk-k","tokens":{"access_token":"a","refresh_token":"r"}}"#;
    let found = reads(Form::Codex, None, both).unwrap();
    let entries: Vec<_> = found.iter().map(|it| it.entry.as_str()).collect();
    assert_eq!(entries, ["", "key"]);
    let two = r#"{"github.com:a":{"oauth_token":"gho_1"},"github.com:b":{"oauth_token":"gho_2"}}"#;
    assert_eq!(reads(Form::GithubHosts, None, two).unwrap().len(), 2);
    let users = "github.com:\n  user: ada\n  oauth_token: gho_1\n  users:\n    ada: {}\n    bob:\n      oauth_token: gho_2\n";
    let found = reads(Form::GhHosts, None, users).unwrap();
    assert_eq!(found[1].who.label.as_deref(), Some("bob"));
}

#[test]
fn signed_out_is_an_answer() {
    for (form, entry, text) in [
        (Form::Token, None, " \n"),
        (
            Form::ClaudeCode,
            None,
            r#"{"mcpOAuth":{"x":{"accessToken":"y"}}}"#,
        ),
        (
            Form::ClaudeCode,
            None,
            r#"{"claudeAiOauth":{"accessToken":""}}"#,
        ),
        (
            Form::Codex,
            None,
            r#"{"OPENAI_API_KEY":null,"tokens":null}"#,
        ),
        (
            Form::Codex,
            None,
            r#"{"auth_mode":"apikey","tokens":{"access_token":"left over"}}"#,
        ),
        (Form::GithubHosts, None, "{}"),
        (
            Form::GhHosts,
            None,
            "github.com:\n    user: ada\n    git_protocol: https\n",
        ),
        (Form::GhHosts, None, "{}"),
        (Form::Opencode, Some("a"), r#"{"a":{"type":"oauth"}}"#),
        (Form::GeminiFile, None, "{}"),
        (Form::GeminiItem, None, "{}"),
        (Form::KiroIde, Some("IdC"), "{}"),
        (
            Form::Kimi,
            None,
            r#"{"access_token":"","refresh_token":""}"#,
        ),
        (Form::Iflow, None, r#"{"access_token":"x"}"#),
    ] {
        let found = reads(form, entry, text);
        assert!(matches!(found, Err(Unread::SignedOut)), "{form:?} {text}");
    }
}

#[test]
fn logins_of_another_kind_are_not_here() {
    for (form, entry, text) in [
        (
            Form::Opencode,
            Some("anthropic"),
            r#"{"openai":{"type":"api","key":"k"}}"#,
        ),
        (
            Form::KiroIde,
            Some("IdC"),
            r#"{"accessToken":"a","authMethod":"social"}"#,
        ),
        (
            Form::CliProxyApi,
            Some("claude"),
            r#"{"type":"codex","access_token":"a"}"#,
        ),
    ] {
        let found = reads(form, entry, text);
        assert!(matches!(found, Err(Unread::Missing)), "{form:?} {text}");
    }
}

#[test]
fn parts_of_tokens_are_refused() {
    let short = r#"{"accessToken":"aoa","refreshToken":"aor...7f","authMethod":"social"}"#;
    for (form, entry, text) in [
        (Form::KiroIde, Some("social"), short),
        (
            Form::KiroIde,
            Some("social"),
            r#"{"accessToken":"aoa","refreshToken":"aor"}"#,
        ),
        (Form::Token, None, "gho_abc...xyz"),
        (Form::Token, None, "two words"),
        (Form::Token, None, "gho_…"),
        (
            Form::ClaudeCode,
            None,
            r#"{"claudeAiOauth":{"accessToken":"a\u0000b"}}"#,
        ),
    ] {
        let found = reads(form, entry, text);
        assert!(matches!(found, Err(Unread::Truncated)), "{form:?} {text}");
    }
    let huge = "x".repeat(17_000);
    assert!(matches!(
        reads(Form::Token, None, &huge),
        Err(Unread::Truncated)
    ));
}

const ALL: [(Form, Option<&str>); 16] = [
    (Form::ClaudeCode, None),
    (Form::Codex, None),
    (Form::GithubHosts, None),
    (Form::GhHosts, None),
    (Form::Opencode, Some("anthropic")),
    (Form::GeminiFile, None),
    (Form::GeminiItem, None),
    (Form::KiroIde, Some("IdC")),
    (Form::KiroCli, None),
    (Form::AntigravityState, None),
    (Form::AntigravityItem, None),
    (Form::Kimi, None),
    (Form::Qwen, None),
    (Form::Iflow, None),
    (Form::Byokey, Some("claude")),
    (Form::CliProxyApi, Some("claude")),
];

#[test]
fn half_written_and_foreign_files_give_no_login() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!(
        "{}1{}",
        "{\"claudeAiOauth\":".repeat(5000),
        "}".repeat(5000)
    );
    for (form, entry) in ALL {
        for text in [
            "",
            "   ",
            "\0\0\0\0",
            "{",
            "{\"",
            "[]",
            "7",
            "null",
            "\"text\"",
            "{\"access_token\":",
            "{\"access_token\":7,\"accessToken\":7,\"token\":7,\"tokens\":7,\"claudeAiOauth\":7,\"apiKey\":7,\"github.com\":7,\"anthropic\":7}",
            "\u{feff}",
            &deep,
            &nested,
        ] {
            let begin: String = text.chars().take(40).collect();
            let found = reads(form, entry, text);
            assert!(found.is_err(), "{form:?} {begin}");
        }
    }
}

#[test]
fn no_cut_of_a_file_gives_a_login() {
    let whole =
        r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-a","refreshToken":"r","expiresAt":1}}"#;
    for end in 0..whole.len() {
        let found = reads(Form::ClaudeCode, None, &whole[..end]);
        assert!(matches!(found, Err(Unread::NotUnderstood)), "{end}");
    }
    assert!(reads(Form::ClaudeCode, None, whole).is_ok());
}

/// A protobuf member of bytes.
fn member(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut member = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        member.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    member.push(u8::try_from(length).unwrap());
    member.extend(bytes);
    member
}

fn antigravity_login() -> Vec<u8> {
    // The end, 1796083200, as a number in the member 1.
    let end = [0x08, 0x80, 0x9c, 0xb8, 0xd8, 0x06];
    [
        member(1, b"ya29.access"),
        member(2, b"Bearer"),
        member(3, b"1//refresh"),
        member(4, &end),
        // A number that no reader knows.
        vec![0x30, 0x01],
    ]
    .concat()
}

fn state(key: &str, text: &str) -> Result<Vec<Read>, Unread> {
    let machine = Machine::at("/nowhere", [].into());
    let piece = Piece {
        at: At::Row {
            path: "/nowhere/state.vscdb".into(),
            table: "ItemTable".to_owned(),
            key: key.to_owned(),
        },
        name: String::new(),
        label: None,
        bytes: Zeroizing::new(text.as_bytes().to_vec()),
        open_to_others: false,
    };
    let beside = Beside {
        machine: &machine,
        at: &piece.at,
    };
    read(Form::AntigravityState, None, &piece, &beside)
}

const NEWER: &str = "antigravityUnifiedStateSync.oauthToken";
const OLDER: &str = "jetskiStateSync.agentManagerInitState";

#[test]
fn antigravity_keeps_protobuf_in_its_state() {
    let value = member(1, STANDARD.encode(antigravity_login()).as_bytes());
    let entry = [member(1, b"oauthTokenInfoSentinelKey"), member(2, &value)].concat();
    let other = [member(1, b"somethingElse"), member(2, b"x")].concat();
    let newer = STANDARD.encode([member(1, &other), member(1, &entry)].concat());
    let expected = "ya29.access 1//refresh 2026-12-01T00:00:00Z - - - ";
    assert_eq!(line(&state(NEWER, &newer).unwrap()[0]), expected);
    let older = STANDARD.encode([member(5, b"x"), member(6, &antigravity_login())].concat());
    assert_eq!(line(&state(OLDER, &older).unwrap()[0]), expected);
}

#[test]
fn broken_protobuf_gives_no_login_and_no_panic() {
    let value = member(1, STANDARD.encode(antigravity_login()).as_bytes());
    let entry = [member(1, b"oauthTokenInfoSentinelKey"), member(2, &value)].concat();
    let whole = member(1, &entry);
    for end in 0..whole.len() {
        assert!(
            state(NEWER, &STANDARD.encode(&whole[..end])).is_err(),
            "{end}"
        );
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            // Some flips change a character of the token only; none may panic.
            let _ = state(NEWER, &STANDARD.encode(flipped));
        }
    }
    for text in ["not base64!", "", "AAAA", "/////////////w=="] {
        assert!(
            state(NEWER, text).is_err() && state(OLDER, text).is_err(),
            "{text}"
        );
    }
}
