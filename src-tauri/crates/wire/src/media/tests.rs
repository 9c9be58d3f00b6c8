use serde_json::{Value, json};

use super::form::field_part;
use super::*;
use crate::FaultKind;

const KIND: &str = "multipart/form-data; charset=utf-8; boundary=\"a b\"";

fn whole_form(sound: &[u8]) -> Vec<u8> {
    let mut form = b"preamble\r\n".to_vec();
    form.extend(field_part(b"a b", "language", "de"));
    form.extend(
        b"--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\\\"b.mp3\"\r\n\r\n",
    );
    form.extend(sound);
    form.extend(b"\r\n");
    form.extend(field_part(b"a b", "model", "whisper-1"));
    form.extend(b"--a b--\r\nepilogue");
    form
}

/// Scans a form cut into pieces of this length.
fn scanned(form: &[u8], length: usize) -> Result<FormScan, FormError> {
    let mut scan = FormScan::new(KIND)?;
    for piece in form.chunks(length) {
        scan.push(piece)?;
    }
    scan.finish()?;
    Ok(scan)
}

#[test]
fn a_form_reads_the_same_however_it_is_cut() {
    let sound = b"\r\n--a \r\n--a\r\n\r\nx--a b";
    let form = whole_form(sound);
    for length in 1..form.len() + 1 {
        let scan = scanned(&form, length).unwrap();
        let file = scan.file().unwrap();
        assert_eq!(&form[file.start..file.end.unwrap()], sound, "{length}");
        assert_eq!(file.filename, "a\"b.mp3");
        assert_eq!(file.sound_type(), "audio/mpeg");
        let model = scan.field("model").unwrap();
        assert_eq!(&form[model.at.clone()], b"whisper-1");
        assert_eq!(scan.field("language").unwrap().value, "de");
        assert_eq!(scan.fields().len(), 2);
    }
}

#[test]
fn what_has_gone_by_of_a_file_is_certain() {
    let sound = vec![b'-'; 1000];
    let form = whole_form(&sound);
    let mut scan = FormScan::new(KIND).unwrap();
    for piece in form.chunks(7) {
        scan.push(piece).unwrap();
        if let Some(file) = scan.file() {
            assert!((file.start..=file.start + 1000).contains(&scan.file_until()));
        }
    }
}

#[test]
fn broken_forms_are_refused() {
    for kind in [
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=x",
    ] {
        assert_eq!(FormScan::new(kind).err(), Some(FormError::NoForm), "{kind}");
    }
    let whole = whole_form(b"x");
    assert!(scanned(&whole, 9).is_ok());
    for end in 0..whole.len() - b"--\r\nepilogue".len() + 1 {
        assert!(scanned(&whole[..end], 64).is_err(), "{end}");
    }
    let long = field_part(b"a b", "x", &"y".repeat(2 << 20));
    assert_eq!(scanned(&long, 8192).err(), Some(FormError::TooLarge));
    let head = [b"--a b\r\n".to_vec(), vec![b'h'; 64 * 1024]].concat();
    assert!(matches!(scanned(&head, 8192), Err(FormError::Broken(_))));
    let nameless = b"--a b\r\nContent-Type: x\r\n\r\ny\r\n--a b--";
    assert!(matches!(scanned(nameless, 9), Err(FormError::Broken(_))));
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_make_no_panic(bytes: Vec<u8>, length in 1usize..40) {
        let form = [b"--a b\r\n".to_vec(), bytes.clone()].concat();
        let _ = scanned(&form, length);
        for task in [Task::Embeddings, Task::Speech, Task::Images] {
            for shape in [Shape::Gemini, Shape::ElevenLabs, Shape::Deepgram, Shape::Imagen] {
                let _ = translate_media(task, Asks::OpenAi, shape, "m", &bytes);
            }
        }
        for shape in [Shape::Gemini, Shape::ElevenLabs, Shape::Deepgram] {
            let _ = Transcript::read(shape, &bytes);
            let _ = read_media_error(shape, 400, &bytes);
        }
        let _ = media_use(&bytes);
    }
}

fn fields(given: &[(&str, &str)]) -> Vec<FormField> {
    let field = |(name, value): &(&str, &str)| FormField {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        at: 0..0,
    };
    given.iter().map(field).collect()
}

fn heard() -> Transcript {
    let body = json!({"metadata": {"duration": 3.25}, "results": {"channels": [{"alternatives": [{
        "transcript": "One two. Three", "words": [
            {"word": "One", "start": 0.0, "end": 0.5},
            {"word": "two.", "start": 0.5, "end": 1.0},
            {"word": "Three", "start": 3661.25, "end": 3662.0}]}]}]}});
    Transcript::read(Shape::Deepgram, body.to_string().as_bytes()).unwrap()
}

fn rendered(format: &str) -> String {
    let mut losses = Ledger::default();
    let listen = Listen::read(&fields(&[("response_format", format)]), &mut losses).unwrap();
    let reply = heard().render(&listen).unwrap();
    assert_eq!(reply.audio_ms, Some(3250));
    String::from_utf8(reply.body).unwrap()
}

#[test]
fn what_was_heard_comes_in_each_form() {
    assert_eq!(rendered("text"), "One two. Three\n");
    assert_eq!(
        rendered("srt"),
        "1\n00:00:00,000 --> 00:00:01,000\nOne two.\n\n\
         2\n01:01:01,250 --> 01:01:02,000\nThree\n\n"
    );
    assert!(rendered("vtt").starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOne two.\n\n"));
    let json: Value = serde_json::from_str(&rendered("json")).unwrap();
    assert_eq!(
        json,
        json!({"text": "One two. Three", "usage": {"type": "duration", "seconds": 3.25}})
    );
    let verbose: Value = serde_json::from_str(&rendered("verbose_json")).unwrap();
    assert_eq!(verbose["segments"][1]["text"], "Three");
    assert_eq!(verbose["words"][0]["end"], 0.5);
}

#[test]
fn fields_that_came_too_late_are_named() {
    let mut losses = Ledger::default();
    let mut listen = Listen::read(&fields(&[("model", "m")]), &mut losses).unwrap();
    let late = fields(&[
        ("language", "de"),
        ("response_format", "text"),
        ("include[]", "logprobs"),
    ]);
    listen.later(&late, &mut losses).unwrap();
    assert_eq!(
        losses.header().as_deref(),
        Some("2; include[]=dropped; language=dropped")
    );
    assert_eq!(heard().render(&listen).unwrap().body, b"One two. Three\n");
    let odd = Listen::read(&fields(&[("response_format", "x")]), &mut losses);
    assert_eq!(odd.unwrap_err().param.as_deref(), Some("response_format"));
}

#[test]
fn subtitles_need_times() {
    let body = br#"{"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}"#;
    let heard = Transcript::read(Shape::Gemini, body).unwrap();
    let mut losses = Ledger::default();
    let srt = Listen::read(&fields(&[("response_format", "srt")]), &mut losses).unwrap();
    let refused = heard.render(&srt).unwrap_err();
    assert_eq!(refused.kind, FaultKind::BadRequest);
}

#[test]
fn numbers_of_vectors_are_not_touched() {
    let body = br#"{"embeddings":[{"values":[1e-3, 0.10000000149011612, 2.50]}]}"#;
    let answer = MediaAnswer::GeminiVectors {
        model: "m".into(),
        into: Vectors::Numbers,
    };
    let reply = String::from_utf8(answer.reply(body, 0).unwrap().body).unwrap();
    assert!(
        reply.contains("[1e-3, 0.10000000149011612, 2.50]"),
        "{reply}"
    );
}

#[test]
fn replies_that_make_no_sense_are_the_providers_fault() {
    let answers = [
        MediaAnswer::GeminiVectors {
            model: "m".into(),
            into: Vectors::Base64,
        },
        MediaAnswer::OpenAiVectors { many: false },
        MediaAnswer::GeminiSound { wav: true },
        MediaAnswer::Pictures { as_url: false },
    ];
    for answer in answers {
        for body in [
            &b""[..],
            b"null",
            b"{}",
            br#"{"candidates":[{"finishReason":"NO_IMAGE"}]}"#,
            br#"{"data":[]}"#,
            br#"{"predictions":[]}"#,
            br#"{"embeddings":[{"values":["x"]}]}"#,
        ] {
            let fault = answer.reply(body, 0).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Upstream, "{answer:?}");
        }
    }
}

#[test]
fn errors_of_speech_providers_are_understood() {
    for (shape, status, body, kind, message) in [
        (
            Shape::ElevenLabs,
            401,
            json!({"detail": {"status": "quota_exceeded", "message": "no credits"}}),
            FaultKind::Quota,
            "no credits",
        ),
        (
            Shape::ElevenLabs,
            422,
            json!({"detail": [{"loc": ["body"], "msg": "field required"}]}),
            FaultKind::BadRequest,
            "field required",
        ),
        (
            Shape::Deepgram,
            401,
            json!({"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r"}),
            FaultKind::AccountAuth,
            "Invalid credentials.",
        ),
        (
            Shape::Gemini,
            429,
            json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow"}}),
            FaultKind::RateLimit,
            "slow",
        ),
    ] {
        let fault = read_media_error(shape, status, body.to_string().as_bytes());
        assert_eq!((fault.kind, fault.message.as_str()), (kind, message));
    }
}

#[test]
fn used_amounts_are_read() {
    let used = media_use(br#"{"text":"x","usage":{"type":"duration","seconds":2.5}}"#);
    assert_eq!(used.audio_ms, Some(2500));
    let used = media_use(br#"{"data":[{"b64_json":"AA=="},{"url":"x"}],"usage":{"input_tokens":3,"output_tokens":4}}"#);
    assert_eq!(used.images, Some(2));
    assert_eq!((used.usage.input, used.usage.output), (Some(3), Some(4)));
    assert_eq!(media_use(br#"{"data":[{"embedding":[1]}]}"#).images, None);
}
