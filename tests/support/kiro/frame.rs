//! AWS event-stream frames, written anew here so that a reader is never tried against its own
//! writer: lengths and checksums big-endian, headers as strings, a JSON payload.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

/// Bytes of a frame that are neither header nor payload.
const AROUND: usize = 16;

/// The header type of a string.
const STRING: u8 = 7;

/// An event.
pub(crate) fn event(name: &str, payload: &Value) -> Bytes {
    let headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    frame(&headers, payload.to_string().as_bytes())
}

/// An exception; a stream ends with it.
pub(crate) fn exception(name: &str, payload: &Value) -> Bytes {
    let headers = [
        (":exception-type", name),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    frame(&headers, payload.to_string().as_bytes())
}

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in headers {
        head.put_u8(name.len() as u8);
        head.put_slice(name.as_bytes());
        head.put_u8(STRING);
        head.put_u16(value.len() as u16);
        head.put_slice(value.as_bytes());
    }
    let mut frame = BytesMut::new();
    frame.put_u32((AROUND + head.len() + payload.len()) as u32);
    frame.put_u32(head.len() as u32);
    frame.put_u32(crc(&frame));
    frame.put_slice(&head);
    frame.put_slice(payload);
    frame.put_u32(crc(&frame));
    frame.freeze()
}

/// CRC-32 as zlib has it.
fn crc(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn frames_are_those_that_others_read() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        let hi = event("assistantResponseEvent", &json!({"content": "Hi"}));
        assert_eq!(
            hex(&hi),
            "0000007c0000005c3bddcf780b3a6576656e742d74797065070016617373697374616e74526573706f6e\
             73654576656e740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a\
             6d6573736167652d747970650700056576656e747b22636f6e74656e74223a224869227db02babdc"
        );
        let slow = exception("ThrottlingException", &json!({"message": "slow"}));
        assert!(hex(&slow).ends_with("7d7224f209"), "{}", hex(&slow));
        assert_eq!(slow.len(), 131);
    }
}
