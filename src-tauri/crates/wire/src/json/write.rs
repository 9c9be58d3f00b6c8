//! Writing JSON straight into bytes. Nothing here can fail: the bytes are in memory.

/// Appends a JSON string.
pub(crate) fn write_str(out: &mut Vec<u8>, text: &str) {
    // Writing a string into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a number as JSON; one that JSON cannot say becomes `null`.
fn write_f64(out: &mut Vec<u8>, number: f64) {
    // Writing a number into memory cannot fail.
    let _ = serde_json::to_writer(out, &number);
}

/// Appends a whole number.
pub(crate) fn write_int(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Opens an object.
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a key (plain letters only); the value must follow.
    pub(crate) fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes a key of any letters; the value must follow.
    pub(crate) fn any_key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        write_str(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A member that is text.
    pub(crate) fn text(&mut self, key: &'static str, text: &str) {
        write_str(self.key(key), text);
    }

    /// A member that is JSON already.
    pub(crate) fn raw(&mut self, key: &'static str, json: &str) {
        self.key(key).extend_from_slice(json.as_bytes());
    }

    /// A member that is a number.
    pub(crate) fn number(&mut self, key: &'static str, number: f64) {
        write_f64(self.key(key), number);
    }

    /// A member that is a whole number.
    pub(crate) fn int(&mut self, key: &'static str, number: impl itoa::Integer) {
        write_int(self.key(key), number);
    }

    /// A member that is a truth value.
    pub(crate) fn bool(&mut self, key: &'static str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// Closes the object.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends JSON without the white space between its tokens: a line of a stream must not break.
pub(crate) fn write_compact(out: &mut Vec<u8>, json: &str) {
    let (mut in_string, mut escaped) = (false, false);
    // White space is rare in what programs send; whole runs are copied.
    let bytes = json.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            out.extend_from_slice(&bytes[start..at]);
            start = at + 1;
        } else {
            in_string = *byte == b'"';
        }
    }
    out.extend_from_slice(&bytes[start..]);
}

/// Writes a list, one item at a time.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (nth, item) in items.into_iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}
