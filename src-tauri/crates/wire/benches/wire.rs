//! What byokey's own work on a request and its reply costs.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::{fmt::Write, hint::black_box};

use byokey_wire::{Ask, Capabilities, Dialect, Scan, Splice, Target, Watch, translate};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A chat request of about this many bytes, the way agents send it: a few tools, then rounds of
/// text, a call and its result.
fn chat_request(size: usize) -> String {
    let mut body = String::from(
        r#"{"model":"demo-model","stream":true,"messages":[{"role":"system","content":"You are a careful engineer."}"#,
    );
    let line =
        "fn main() {\\n    println!(\\\"a line of a source file, quotes and all\\\");\\n}\\n";
    let mut round = 0;
    while body.len() < size {
        let text = line.repeat(((size / 8).clamp(40, 4_000)) / line.len() + 1);
        write!(
            body,
            r#",{{"role":"user","content":"{text}"}},{{"role":"assistant","content":"ok","tool_calls":[{{"id":"call_{round}","type":"function","function":{{"name":"read_file","arguments":"{{\"path\":\"src/main.rs\"}}"}}}}]}},{{"role":"tool","tool_call_id":"call_{round}","content":"{text}"}}"#
        )
        .unwrap();
        round += 1;
    }
    body.push_str(r#"],"tools":[{"type":"function","function":{"name":"read_file","description":"Reads a file","parameters":{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}}}],"max_tokens":4096}"#);
    body
}

/// The Messages request that the chat request becomes.
fn messages_request(size: usize) -> Vec<u8> {
    let caps = Capabilities::default();
    let target = Target::new("demo", &caps, "demo");
    translate(
        &Ask::new(Dialect::Chat, chat_request(size).as_bytes()),
        Dialect::Messages,
        &target,
    )
    .unwrap()
    .body
}

const CHAT_CHUNK: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"demo\",\"system_fingerprint\":\"fp\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" and so on\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
const MESSAGES_CHUNK: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" and so on\"}}\n\n";

fn requests(c: &mut Criterion) {
    let mut group = c.benchmark_group("scan and splice");
    for (name, size) in [
        ("1 KB", 1 << 10),
        ("100 KB", 100 << 10),
        ("1 MB", 1 << 20),
        ("10 MB", 10 << 20),
    ] {
        let body = Bytes::from(chat_request(size));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &body, |b, body| {
            b.iter(|| {
                let mut scan = Scan::new();
                for piece in black_box(body).chunks(64 << 10) {
                    scan.push(piece).unwrap();
                }
                let at = scan.finish().unwrap().at.clone();
                Splice::new(at, "another-model").piece(body.clone())
            });
        });
    }
    group.finish();

    let caps = Capabilities::default();
    let target = Target::new("demo", &caps, "demo");
    for (caller, upstream) in [
        (Dialect::Chat, Dialect::Messages),
        (Dialect::Messages, Dialect::Chat),
    ] {
        let mut group = c.benchmark_group(format!("{} to {}", caller.name(), upstream.name()));
        for (name, size) in [("1 KB", 1 << 10), ("100 KB", 100 << 10), ("1 MB", 1 << 20)] {
            let body = match caller {
                Dialect::Chat => chat_request(size).into_bytes(),
                _ => messages_request(size),
            };
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_with_input(BenchmarkId::from_parameter(name), &body, |b, body| {
                b.iter(|| {
                    translate(&Ask::new(caller, black_box(body)), upstream, &target).unwrap()
                });
            });
        }
        group.finish();
    }
}

fn replies(c: &mut Criterion) {
    let mut group = c.benchmark_group("one chunk");
    for (dialect, chunk) in [
        (Dialect::Chat, CHAT_CHUNK),
        (Dialect::Messages, MESSAGES_CHUNK),
    ] {
        group.bench_function(BenchmarkId::new("watch", dialect.name()), |b| {
            let mut watch = Watch::new(dialect, true);
            watch.push(chunk.as_bytes());
            b.iter(|| watch.push(black_box(chunk.as_bytes())));
        });
    }
    let caps = Capabilities::default();
    let target = Target::new("demo", &caps, "demo");
    for (caller, upstream, chunk) in [
        (Dialect::Chat, Dialect::Messages, MESSAGES_CHUNK),
        (Dialect::Messages, Dialect::Chat, CHAT_CHUNK),
    ] {
        let body = match caller {
            Dialect::Chat => chat_request(1 << 10).into_bytes(),
            _ => messages_request(1 << 10),
        };
        let answer = translate(&Ask::new(caller, &body), upstream, &target)
            .unwrap()
            .answer;
        group.bench_function(BenchmarkId::new("translate", format!("{} to {}", upstream.name(), caller.name())), |b| {
            let mut translation = answer.stream(1);
            let mut out = Vec::with_capacity(4096);
            if upstream == Dialect::Messages {
                translation.push(
                    b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"demo\"}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                    &mut out,
                );
            }
            b.iter(|| {
                out.clear();
                translation.push(black_box(chunk.as_bytes()), &mut out);
            });
            assert!(!out.is_empty());
        });
    }
    group.finish();

    let body = format!(
        r#"{{"id":"c","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1,"completion_tokens":2}}}}"#,
        "a line of text\\n".repeat(70_000)
    );
    let mut group = c.benchmark_group("watch a whole reply");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("1 MB", |b| {
        b.iter(|| {
            let mut watch = Watch::new(Dialect::Chat, false);
            for piece in body.as_bytes().chunks(16 << 10) {
                watch.push(black_box(piece));
            }
            watch.finish();
            assert!(watch.seen().ended);
        });
    });
    group.finish();
}

criterion_group!(benches, requests, replies);
criterion_main!(benches);
