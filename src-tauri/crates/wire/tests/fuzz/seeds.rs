//! What each part is fed first: the vectors, as far as they are in its language.

use std::path::{Path, PathBuf};

use byokey_wire::Dialect;
use serde_json::Value;

use crate::event_stream;
use crate::targets::Part;

/// Error replies of several shapes.
const ERRORS: [&[u8]; 7] = [
    br#"{"error":{"message":"m","type":"invalid_request_error","param":"p","code":"c"}}"#,
    br#"{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}"#,
    br#"[{"error":{"code":429,"message":"q","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"PerDay"}]}]}}]"#,
    br#"{"__type":"a#ThrottlingException","message":"m","reason":"MONTHLY_REQUEST_COUNT"}"#,
    br#"{"response":{"error":{"code":"server_is_overloaded","message":"sk-abcdefghijklmnopqrst"}}}"#,
    br#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#,
    b"<html><title>502 Bad Gateway</title></html>",
];

/// The seeds of a part; never none.
pub(crate) fn of(part: Part) -> Vec<Vec<u8>> {
    let dialect = |dialect: Dialect| format!("__{}", dialect.name());
    let mut seeds = match part {
        Part::Sse => files(|_, file| file.ends_with(".sse")),
        Part::Scan => files(|_, file| file.ends_with(".in.json")),
        Part::Watch => {
            files(|folder, file| is_reply(file) && !folder.ends_with(&dialect(Dialect::Kiro)))
        }
        Part::Errors => ERRORS.map(<[u8]>::to_vec).to_vec(),
        Part::Request(caller) => {
            let from = format!("{}__", caller.name());
            files(|folder, file| folder.starts_with(&from) && file.ends_with(".in.json"))
        }
        Part::KiroFrames => frames()
            .map(|frames| event_stream::stream(&frames))
            .collect(),
        Part::Reply(Dialect::Kiro) => frames().map(|frames| lines(&frames)).collect(),
        Part::Reply(upstream) => {
            files(|folder, file| folder.ends_with(&dialect(upstream)) && is_reply(file))
        }
    };
    seeds.push(b"{}".to_vec());
    seeds
}

fn is_reply(file: &str) -> bool {
    file.ends_with(".up.sse") || file.ends_with(".reply.json")
}

/// Paths of the vectors whose folder and name fit, in order.
fn paths(fits: impl Fn(&str, &str) -> bool) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/vectors");
    let mut paths = Vec::new();
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            if fits(&name, file.file_name().to_str().unwrap()) {
                paths.push(file.path());
            }
        }
    }
    paths.sort();
    paths
}

fn files(fits: impl Fn(&str, &str) -> bool) -> Vec<Vec<u8>> {
    let paths = paths(fits);
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Kiro's replies.
fn frames() -> impl Iterator<Item = Vec<Value>> {
    let files = files(|_, file| file.ends_with(".up.frames.json"));
    files
        .into_iter()
        .map(|file| serde_json::from_slice(&file).unwrap())
}

/// Kiro's frames in the form that the part takes: a line each, its first byte the kind.
fn lines(frames: &[Value]) -> Vec<u8> {
    let mut lines = Vec::new();
    for frame in frames {
        let kind = match frame["event"].as_str() {
            Some("assistantResponseEvent") => b'0',
            Some("reasoningContentEvent") => b'1',
            Some("toolUseEvent") => b'2',
            Some("messageMetadataEvent") => b'3',
            Some("metadataEvent") => b'4',
            Some("contextUsageEvent") => b'5',
            Some("invalidStateEvent") => b'6',
            Some(_) => b'7',
            None => b'?',
        };
        lines.push(kind);
        lines.extend(frame["payload"].to_string().into_bytes());
        lines.push(b'\n');
    }
    lines
}
