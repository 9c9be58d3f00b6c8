use proptest::prelude::*;

use super::*;

/// Frames as botocore reads them: an event, an exception, and a frame of nothing.
const EVENT: &str = "0000007c0000005c3bddcf780b3a6576656e742d74797065070016617373697374616e74526573706f6e73654576656e740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74223a224869227db02babdc";
const EXCEPTION: &str = "0000008300000061a9d144e50f3a657863657074696f6e2d747970650700135468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a22736c6f77227d7224f209";
const EMPTY: &str = "000000100000000005c248eb7d98c8ff";

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A frame with these headers and this payload; its lengths and checksums fit.
fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = PRELUDE + headers.len() + payload.len() + TRAILER;
    sealed(total, headers.len(), &[headers, payload].concat())
}

/// A frame that claims these lengths.
fn sealed(total: usize, headers: usize, content: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(u32::try_from(total).unwrap().to_be_bytes());
    frame.extend(u32::try_from(headers).unwrap().to_be_bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(content);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn text_header(name: &str, value: &str) -> Vec<u8> {
    let mut header = vec![u8::try_from(name.len()).unwrap()];
    header.extend(name.as_bytes());
    header.push(7);
    header.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    header.extend(value.as_bytes());
    header
}

/// An event as Kiro sends it.
pub(in crate::kiro) fn event(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [
        text_header(":event-type", kind),
        text_header(":content-type", "application/json"),
        text_header(":message-type", "event"),
    ];
    frame(&headers.concat(), payload.as_bytes())
}

/// An exception as Kiro sends it.
pub(in crate::kiro) fn exception(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [
        text_header(":exception-type", kind),
        text_header(":message-type", "exception"),
    ];
    frame(&headers.concat(), payload.as_bytes())
}

/// Kinds and payloads of frames.
type Seen = Vec<(String, Vec<u8>)>;

/// What the frames of a stream say that arrives in these pieces, and how it ended.
fn read<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (Seen, Result<bool, Damaged>) {
    let (mut frames, mut seen) = (Frames::default(), Vec::new());
    for piece in pieces {
        let pushed = frames.push(piece, |frame| {
            seen.push((format!("{:?}", frame.kind), frame.payload.to_vec()));
        });
        if let Err(damage) = pushed {
            return (seen, Err(damage));
        }
    }
    (seen, Ok(frames.at_boundary()))
}

#[test]
fn known_frames_are_read() {
    let stream = [bytes(EVENT), bytes(EXCEPTION), bytes(EMPTY)].concat();
    let (seen, end) = read([&*stream]);
    assert_eq!(end, Ok(true));
    let texts: Vec<(&str, &str)> = seen
        .iter()
        .map(|(kind, payload)| (&**kind, std::str::from_utf8(payload).unwrap()))
        .collect();
    assert_eq!(
        texts,
        [
            ("Event(\"assistantResponseEvent\")", "{\"content\":\"Hi\"}"),
            (
                "Exception(\"ThrottlingException\")",
                "{\"message\":\"slow\"}"
            ),
            ("Event(\"\")", ""),
        ]
    );
    assert_eq!(
        event("assistantResponseEvent", "{\"content\":\"Hi\"}"),
        bytes(EVENT)
    );
    assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
}

#[test]
fn cuts_change_nothing() {
    let stream = [bytes(EVENT), bytes(EMPTY), bytes(EXCEPTION)].concat();
    let whole = read([&*stream]);
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(read([head, tail]), whole, "cut at {at}");
    }
    assert_eq!(read(stream.chunks(1)), whole);
    for at in 1..stream.len() {
        let (_, end) = read([&stream[..at]]);
        let between = [124, 140].contains(&at);
        assert_eq!(end, Ok(between), "ended at {at}");
    }
}

#[test]
fn a_whole_frame_is_not_copied() {
    let stream = bytes(EVENT);
    let range = stream.as_ptr_range();
    let mut frames = Frames::default();
    let seen = frames.push(&stream, |frame| {
        assert!(range.contains(&frame.payload.as_ptr()));
    });
    assert_eq!(seen, Ok(()));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let stream = bytes(EVENT);
    for bit in 0..stream.len() * 8 {
        let mut damaged = stream.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (seen, end) = read([&*damaged]);
        assert!(seen.is_empty() && end.is_err(), "bit {bit}");
    }
}

#[test]
fn lengths_that_lie_are_refused_at_once() {
    for (total, headers) in [
        (0, 0),
        (15, 0),
        (16, 1),
        (40, 25),
        (40, u32::MAX as usize),
        (MAX_PAYLOAD + 17, 0),
        (u32::MAX as usize, 0),
        (u32::MAX as usize, MAX_HEADERS),
        (MAX_HEADERS + 17, MAX_HEADERS + 1),
    ] {
        let claim = sealed(total, headers, &[]);
        let (seen, end) = read([&claim[..PRELUDE]]);
        assert!(seen.is_empty() && end.is_err(), "{total} {headers}");
    }
    // An honest claim costs no memory before the bytes are there.
    let mut frames = Frames::default();
    let claim = sealed(MAX_PAYLOAD + 16, 0, &[]);
    frames
        .push(&claim[..PRELUDE], |_| panic!("not whole"))
        .unwrap();
    assert!(frames.held.capacity() < 1024 && !frames.at_boundary());
}

#[test]
fn pages_and_other_streams_are_refused() {
    for other in [
        "<!doctype html><html>",
        "{\"message\":\"no\"}",
        "data: {\"a\":1}\n\n",
    ] {
        assert!(read([other.as_bytes()]).1.is_err(), "{other}");
    }
}

#[test]
fn a_huge_frame_arrives_and_its_buffer_goes() {
    let payload = vec![b'x'; 3 << 20];
    let stream = frame(&text_header(":event-type", "e"), &payload);
    let (mut frames, mut lengths) = (Frames::default(), Vec::new());
    for piece in stream.chunks(64 << 10) {
        frames
            .push(piece, |frame| lengths.push(frame.payload.len()))
            .unwrap();
    }
    assert_eq!(lengths, [3 << 20]);
    assert_eq!(frames.held.capacity(), 0);
}

#[test]
fn headers_of_all_types() {
    let mut headers = Vec::new();
    for (kind, value) in [
        (0u8, &[][..]),
        (1, &[]),
        (2, &[1]),
        (3, &[1, 2]),
        (4, &[1, 2, 3, 4]),
        (5, &[0; 8]),
        (6, &[0, 2, 8, 9]),
        (8, &[0; 8]),
        (9, &[0; 16]),
    ] {
        headers.extend([1, b'h', kind]);
        headers.extend(value);
    }
    headers.extend(text_header(":message-type", "error"));
    headers.extend(text_header(":error-code", "InternalFailure"));
    headers.extend(text_header(":error-message", "boom"));
    let whole = frame(&headers, b"");
    let (seen, end) = read([&*whole]);
    assert_eq!(end, Ok(true));
    assert!(seen[0].0.contains("InternalFailure") && seen[0].0.contains("boom"));
    for cut in 1..headers.len() {
        let (_, end) = read([&*frame(&headers[..cut], b"")]);
        // Between two headers the cut cannot be seen.
        assert!(end == Ok(true) || end == Err(Damaged("a frame's headers make no sense")));
    }
    for nonsense in [
        &[1, b'h', 10][..],
        &[1, b'h'],
        &[200, b'h'],
        &[1, b'h', 7, 0, 1, 0xff],
    ] {
        assert!(read([&*frame(nonsense, b"")]).1.is_err(), "{nonsense:?}");
    }
    let (seen, _) = read([&*frame(&text_header(":message-type", "later"), b"")]);
    assert_eq!(seen[0].0, "Unknown");
}

proptest! {
    #[test]
    fn whatever_comes_does_no_harm(
        noise in proptest::collection::vec(any::<u8>(), 0..64),
        headers in proptest::collection::vec(any::<u8>(), 0..40),
        payload in proptest::collection::vec(any::<u8>(), 0..40),
        piece in 1usize..70,
    ) {
        let stream = [frame(&headers, &payload), noise].concat();
        prop_assert_eq!(read(stream.chunks(piece)), read([&*stream]));
    }
}
