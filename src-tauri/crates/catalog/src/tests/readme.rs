//! The README's tables of ways to sign in and of imports are written from the rows. With
//! `BYOKEY_TABLES=write` the README gets them as they are now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{catalog, routes};
use crate::*;

const BEGIN: &str = "<!-- ways to sign in: written by `BYOKEY_TABLES=write cargo test -p byokey-catalog readme` -->\n";
const END: &str = "<!-- end of ways to sign in -->\n";
const IMPORTS: &str =
    "<!-- imports: written by `BYOKEY_TABLES=write cargo test -p byokey-catalog readme` -->\n";
const IMPORTS_END: &str = "<!-- end of imports -->\n";

/// One test for both: each writes the file.
#[test]
fn the_readme_says_what_the_rows_say() {
    ways_to_sign_in();
    imports();
}

fn ways_to_sign_in() {
    let catalog = catalog();
    let mut table = String::from(
        "\n| `byokey login …` | Way | Stands as | What it does | What the provider says |\n\
         |---|---|---|---|---|\n",
    );
    for (provider, route) in routes(&catalog) {
        if let Some(does) = what_it_does(&route.flow) {
            table.push_str(&row(&catalog, provider, route, &does));
        }
    }
    table.push('\n');
    matches_readme(BEGIN, END, &table);
}

fn imports() {
    let catalog = catalog();
    let mut sources: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
    for import in routes(&catalog).flat_map(|(_, route)| &route.imports) {
        let owners = sources.entry(&import.source).or_default();
        owners
            .entry(&import.owner)
            .or_default()
            .extend(place(&import.at));
    }
    let mut table =
        String::from("\n| `byokey import …` | Whose | Where byokey looks |\n|---|---|---|\n");
    for (source, owners) in &sources {
        for (owner, places) in owners {
            let places = Vec::from_iter(places.iter().map(String::as_str)).join(", ");
            table.push_str(&format!("| `{source}` | {owner} | {places} |\n"));
        }
    }
    table.push_str(
        "| `env` | – | variables such as `$OPENAI_API_KEY`, as providers name them |\n\n",
    );
    matches_readme(IMPORTS, IMPORTS_END, &table);
}

/// A place as a person writes it; `None` where it lies on other systems only.
fn place(at: &Place) -> Option<String> {
    let linux = |os: &Option<String>| os.as_deref().is_none_or(|os| os == "linux");
    let text = match at {
        Place::File { path, os } | Place::Sqlite { path, os, .. } if linux(os) => plain(path),
        Place::File { .. } | Place::Sqlite { .. } => return None,
        Place::Keychain { service, .. } => return Some(format!("keychain item `{service}`")),
        Place::Env(name) => format!("${name}"),
        Place::Command(line) => line.join(" "),
    };
    Some(format!("`{text}`"))
}

/// A path with the defaults of its variables.
fn plain(path: &str) -> String {
    let Some((before, inner)) = path.split_once("${") else {
        return path.to_owned();
    };
    let Some((name, rest)) = inner.split_once(":-") else {
        return path.replace("${", "$").replacen('}', "", 1);
    };
    assert!(!name.contains('}'), "{path}");
    let (default, after) = rest.rsplit_once('}').unwrap();
    format!("{before}{}{after}", plain(default))
}

fn matches_readme(begin: &str, end: &str, table: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(begin).unwrap();
    let (stands, after) = rest.split_once(end).unwrap();
    if std::env::var_os("BYOKEY_TABLES").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert!(
        stands == table,
        "the README's table is not what the rows say; it is now\n{table}"
    );
}

fn row(catalog: &Catalog, provider: &Provider, route: &Route, does: &str) -> String {
    let names = provider.sign_in.iter();
    let name = names
        .filter(|(_, means)| means.first() == Some(&route.id))
        .map(|(name, _)| name.as_str())
        .next()
        .unwrap_or(&provider.id);
    let since = route.retired.map(|day| format!(", {day}"));
    let standing = match route.standing {
        Standing::Official => "official".to_owned(),
        Standing::Bridge => "your own program".to_owned(),
        Standing::Unofficial => "unofficial, after its notice".to_owned(),
        Standing::Retired => format!("ended{}", since.unwrap_or_default()),
    };
    let says = match catalog.notice(route) {
        Some(notice) => notice.text.clone(),
        None => route.reason.clone().unwrap_or_else(|| "–".to_owned()),
    };
    let id = &route.id;
    let way = format!("{} (`{id}`)", route.name);
    format!("| `{name}` | {way} | {standing} | {does} | {says} |\n")
}

/// `None` for keys.
fn what_it_does(flow: &Flow) -> Option<String> {
    let host = |url: &str| url.split('/').nth(2).unwrap_or_default().to_owned();
    let keeps = |renewed: bool| match renewed {
        true => "seals the tokens here and renews them",
        false => "seals the key that comes back",
    };
    Some(match flow {
        Flow::Key(_) | Flow::Open => return None,
        Flow::Pkce(row) => format!(
            "opens {} in your browser, {}",
            host(&row.authorize_url),
            keeps(row.refresh.is_some())
        ),
        Flow::Device(row) => format!(
            "shows a code to type at {}, seals the tokens here{}",
            host(&row.device_url),
            if row.refresh.is_some() { " and renews them" } else { "" }
        ),
        Flow::AwsDevice(_) => "shows a code to type at AWS, seals the tokens here and renews them".into(),
        Flow::AwsPkce(_) => "opens your organisation's AWS page in your browser, seals the tokens here and renews them".into(),
        Flow::Poll(row) => format!(
            "shows a code to type at {}, seals the tokens here and renews them",
            host(row.verification_url.as_deref().unwrap_or(&row.start_url))
        ),
        Flow::Bridge(row) => format!(
            "runs your own `{}`, which keeps its login; byokey never sees it",
            row.program
        ),
    })
}
