use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

/// Standard output: text for people or JSON for programs.
pub(super) struct Output {
    out: BufWriter<Stdout>,
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self {
            out: BufWriter::new(io::stdout()),
            json,
        }
    }

    /// Whether programs read this.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes `data` if programs read this, else what `text` makes.
    pub(super) fn data<T: Serialize>(
        &mut self,
        data: &T,
        text: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        if !self.json {
            let text = text(data);
            return self.out.write_all(text.as_bytes());
        }
        serde_json::to_writer_pretty(&mut self.out, data)?;
        self.out.write_all(b"\n")
    }

    /// Writes one line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Tells a person something, beside the data.
pub(super) fn say(text: &str) {
    // Without a standard error nobody can be told anything.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A text from outside, without what could draw on the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
