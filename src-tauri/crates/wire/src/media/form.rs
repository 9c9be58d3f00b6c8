//! A multipart form that goes by in pieces: its small fields, and where its file lies.
//!
//! The file may be gigabytes, so nothing of it is kept; only so much is held back as could be the
//! beginning of the line that ends it.

use std::ops::Range;

use memchr::memmem;

use crate::{Fault, FaultKind};

/// Longest head of a part, in bytes.
const MOST_HEAD: usize = 16 * 1024;
/// Most that the small fields may hold together, in bytes.
const MOST_FIELDS: usize = 1 << 20;
/// What stands before the first line of a form that has none before it.
const BEGINNING: &[u8] = b"\r\n";

/// Why a form cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The type of the body is another.
    #[error("send the body as Content-Type: multipart/form-data with a boundary")]
    NoForm,
    /// It breaks the rules of forms.
    #[error("the form is broken: {0}")]
    Broken(&'static str),
    /// Its fields are larger than anybody needs.
    #[error("the fields of the form are too large")]
    TooLarge,
}

impl From<FormError> for Fault {
    fn from(error: FormError) -> Self {
        let kind = match error {
            FormError::TooLarge => FaultKind::TooLarge,
            FormError::NoForm | FormError::Broken(_) => FaultKind::BadRequest,
        };
        Fault::new(kind, error.to_string())
    }
}

/// A field of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    /// Its name.
    pub name: String,
    /// Its text.
    pub value: String,
    /// Where its text stands in the body.
    pub at: Range<usize>,
}

/// A file within a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormFile {
    /// The file's name, as the caller has it.
    pub filename: String,
    /// Its type; empty if none is told.
    pub content_type: String,
    /// Where its first byte stands in the body.
    pub start: usize,
    /// Where it ends, once that is known.
    pub end: Option<usize>,
}

/// Reads a form piece by piece.
#[derive(Clone, Debug)]
pub struct FormScan {
    /// What ends a part.
    delimiter: Vec<u8>,
    held: Vec<u8>,
    /// Where `held` begins in the body, counted with [`BEGINNING`] in front of it.
    offset: usize,
    state: State,
    fields: Vec<FormField>,
    file: Option<FormFile>,
    kept: usize,
}

#[derive(Clone, Debug)]
enum State {
    /// Before the first part, or within a part that nobody needs.
    Skip,
    /// Behind a delimiter.
    Line,
    Head,
    Field {
        name: String,
        start: usize,
    },
    File,
    End,
}

impl FormScan {
    /// A scan of a body with this `Content-Type`.
    ///
    /// # Errors
    /// [`FormError::NoForm`] when it is no form.
    pub fn new(content_type: &str) -> Result<Self, FormError> {
        let mut parts = content_type.split(';');
        let essence = parts.next().unwrap_or_default().trim();
        let boundary = parameter(content_type, "boundary");
        let boundary = boundary.filter(|boundary| (1..=200).contains(&boundary.len()));
        if !essence.eq_ignore_ascii_case("multipart/form-data") {
            return Err(FormError::NoForm);
        }
        let boundary = boundary.ok_or(FormError::NoForm)?;
        Ok(Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            held: BEGINNING.to_vec(),
            offset: 0,
            state: State::Skip,
            fields: Vec::new(),
            file: None,
            kept: 0,
        })
    }

    /// The text that separates the parts.
    pub fn boundary(&self) -> &[u8] {
        &self.delimiter[BEGINNING.len() + 2..]
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When the form is broken.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), FormError> {
        self.held.extend_from_slice(piece);
        while self.step()? {}
        Ok(())
    }

    /// Says that there is no further piece.
    ///
    /// # Errors
    /// When the form has no end.
    pub fn finish(&self) -> Result<(), FormError> {
        match self.state {
            State::End => Ok(()),
            _ => Err(FormError::Broken("it ends in the middle")),
        }
    }

    /// The text of the first field of this name, if it has gone by.
    pub fn field(&self, name: &str) -> Option<&FormField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields that have gone by.
    pub fn fields(&self) -> &[FormField] {
        &self.fields
    }

    /// The file, once it has begun.
    pub fn file(&self) -> Option<&FormFile> {
        self.file.as_ref()
    }

    /// Where the file's certain bytes end as far as the body has gone by.
    pub fn file_until(&self) -> usize {
        match &self.file {
            Some(file) => file.end.unwrap_or_else(|| self.absolute(0)),
            None => 0,
        }
    }

    fn absolute(&self, index: usize) -> usize {
        (self.offset + index).saturating_sub(BEGINNING.len())
    }

    fn drop_held(&mut self, count: usize) {
        self.held.drain(..count);
        self.offset += count;
    }

    /// One step; `false` when more bytes are needed.
    fn step(&mut self) -> Result<bool, FormError> {
        match &self.state {
            State::End => {
                let all = self.held.len();
                self.drop_held(all);
                Ok(false)
            }
            State::Line => self.line(),
            State::Head => self.head(),
            State::Skip | State::File | State::Field { .. } => self.content(),
        }
    }

    fn line(&mut self) -> Result<bool, FormError> {
        if self.held.starts_with(b"--") {
            self.state = State::End;
            return Ok(true);
        }
        let Some(end) = memmem::find(&self.held, b"\r\n") else {
            return match self.held.len() {
                0..=64 => Ok(false),
                _ => Err(FormError::Broken("a boundary is followed by other text")),
            };
        };
        if self.held[..end]
            .iter()
            .any(|byte| !matches!(byte, b' ' | b'\t'))
        {
            return Err(FormError::Broken("a boundary is followed by other text"));
        }
        // The line's end stays: a part without a head begins with it.
        self.drop_held(end);
        self.state = State::Head;
        Ok(true)
    }

    fn head(&mut self) -> Result<bool, FormError> {
        let Some(end) = memmem::find(&self.held, b"\r\n\r\n") else {
            return match self.held.len() {
                0..=MOST_HEAD => Ok(false),
                _ => Err(FormError::Broken("the head of a part is too long")),
            };
        };
        let head = String::from_utf8_lossy(&self.held[..end]).into_owned();
        self.drop_held(end + 4);
        let line = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.trim()
                    .eq_ignore_ascii_case(wanted)
                    .then_some(value.trim())
            })
        };
        let disposition = line("content-disposition").unwrap_or_default();
        let name = parameter(disposition, "name").ok_or(FormError::Broken("a part has no name"))?;
        self.state = match parameter(disposition, "filename") {
            Some(filename) if self.file.is_none() && name == "file" => {
                self.file = Some(FormFile {
                    filename,
                    content_type: line("content-type").unwrap_or_default().to_owned(),
                    start: self.absolute(0),
                    end: None,
                });
                State::File
            }
            Some(_) => State::Skip,
            None => State::Field {
                name,
                start: self.absolute(0),
            },
        };
        Ok(true)
    }

    fn content(&mut self) -> Result<bool, FormError> {
        let end = memmem::find(&self.held, &self.delimiter);
        let is_field = matches!(self.state, State::Field { .. });
        let Some(end) = end else {
            let safe = self.held.len().saturating_sub(self.delimiter.len() - 1);
            if !is_field {
                self.drop_held(safe);
            } else if self.held.len() + self.kept > MOST_FIELDS {
                return Err(FormError::TooLarge);
            }
            return Ok(false);
        };
        let at = self.absolute(end);
        match std::mem::replace(&mut self.state, State::Line) {
            State::Field { name, start } => {
                let value = std::str::from_utf8(&self.held[..end]);
                let value = value.map_err(|_| FormError::Broken("a field is no UTF-8 text"))?;
                self.kept += end + name.len();
                if self.kept > MOST_FIELDS {
                    return Err(FormError::TooLarge);
                }
                self.fields.push(FormField {
                    name,
                    value: value.to_owned(),
                    at: start..at,
                });
            }
            State::File => {
                if let Some(file) = &mut self.file {
                    file.end = Some(at);
                }
            }
            _ => {}
        }
        self.drop_held(end + self.delimiter.len());
        Ok(true)
    }
}

/// A field as it stands in a form with this boundary, its own boundary line in front.
pub(super) fn field_part(boundary: &[u8], name: &str, value: &str) -> Vec<u8> {
    let mut part = Vec::with_capacity(boundary.len() + name.len() + value.len() + 64);
    part.extend_from_slice(b"--");
    part.extend_from_slice(boundary);
    part.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
    part.extend_from_slice(name.as_bytes());
    part.extend_from_slice(b"\"\r\n\r\n");
    part.extend_from_slice(value.as_bytes());
    part.extend_from_slice(b"\r\n");
    part
}

/// A parameter of a header, with or without quotes. Within quotes a `\` stands before `"` and `\`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let (value, after) = match behind.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = behind.find(';').unwrap_or(behind.len());
                (behind[..end].trim().to_owned(), &behind[end..])
            }
        };
        if name
            .trim_matches([' ', '\t', ';'])
            .eq_ignore_ascii_case(wanted)
        {
            return Some(value);
        }
        rest = after.trim_start().strip_prefix(';')?;
    }
}

fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}
