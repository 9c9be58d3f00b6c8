//! Looks at a request body while it arrives: is it JSON, and which model does it name?
//!
//! The gateway must know the model before it can choose an account, yet a body may be tens of
//! megabytes and most callers put `model` first. So the syntax check and the search run together
//! over pieces of any size, hold no tree, and let the caller start sending as soon as the model is
//! known. Nothing is interpreted beyond the top-level members byokey acts on.

mod text;
mod utf8;

#[cfg(test)]
mod tests;

use std::ops::Range;

use self::utf8::Utf8;
use crate::{Fault, FaultKind};

/// Deepest nesting taken. Real requests stay below a few dozen levels; providers refuse far less.
pub const MAX_DEPTH: usize = 1024;
/// Longest model name taken, in bytes of its JSON literal.
const MAX_MODEL: usize = 1024;
/// Longest key literal kept: room for the keys below with every letter written as an escape.
const MAX_KEY: usize = 128;

/// An incremental look at one JSON object.
#[derive(Debug)]
pub struct Scan {
    state: State,
    depth: usize,
    /// One bit per open container: set for an object.
    kinds: [u64; MAX_DEPTH / 64],
    /// Bytes seen in earlier pushes.
    base: usize,
    utf8: Utf8,
    literal: Vec<u8>,
    literal_start: usize,
    role: Role,
    model: Option<Model>,
    stream: Option<bool>,
    first_key: Option<usize>,
    marks: Marks,
}

/// Members that say what kind of request a body is, as far as seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// There is a `messages` member, as in Chat and Messages.
    pub messages: bool,
    /// There is an `input` member, as in Responses.
    pub input: bool,
    /// The earlier response that a Responses request goes on from.
    pub previous_response_id: Option<String>,
    /// Whether the reply is to be kept, where that is said.
    pub store: Option<bool>,
    /// Whether the reply is to be made without the caller waiting for it.
    pub background: bool,
}

/// The model member of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name, unescaped.
    pub name: String,
    /// Where its JSON literal stands in the body, quotes included.
    pub at: Range<usize>,
}

/// Why a body was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// A byte that is not UTF-8.
    #[error("the body is not UTF-8 (byte {at})")]
    NotUtf8 {
        /// Offset in the body.
        at: usize,
    },
    /// A byte that JSON does not allow there.
    #[error("the body is not valid JSON (byte {at})")]
    NotJson {
        /// Offset in the body.
        at: usize,
    },
    /// The body ended inside a value.
    #[error("the body ends in the middle of its JSON (byte {at})")]
    CutShort {
        /// Length of the body.
        at: usize,
    },
    /// Nothing was sent.
    #[error("the body is empty; send a JSON object")]
    Empty,
    /// JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the body is nested deeper than {MAX_DEPTH} levels (byte {at})")]
    TooDeep {
        /// Offset in the body.
        at: usize,
    },
    /// No `model` member.
    #[error("`model` is missing; name one of the models that GET /v1/models lists")]
    NoModel,
    /// `model` is not a string, or longer than any name.
    #[error("`model` must be a string of at most {MAX_MODEL} bytes")]
    BadModel,
    /// `model` stands there twice, so byokey and the provider could read different ones.
    #[error("`model` is given twice")]
    TwoModels,
    /// `stream` is not a boolean.
    #[error("`stream` must be true or false")]
    BadStream,
    /// `previous_response_id` is neither a string nor null, or stands there twice.
    #[error("`previous_response_id` must be one string of at most {MAX_MODEL} bytes")]
    BadPrevious,
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        let mut fault = Fault::new(FaultKind::BadRequest, error.to_string());
        fault.param = match error {
            ScanError::NoModel | ScanError::BadModel | ScanError::TwoModels => Some("model".into()),
            ScanError::BadStream => Some("stream".into()),
            ScanError::BadPrevious => Some("previous_response_id".into()),
            _ => None,
        };
        fault
    }
}

/// What the string or literal being read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Other,
    /// A key of the outermost object.
    TopKey,
    /// The value of the outermost `model`.
    Model,
    /// The value of the outermost `stream`.
    Stream,
    /// The value of the outermost `previous_response_id`.
    Previous,
    /// The value of the outermost `store`.
    Store,
    /// The value of the outermost `background`.
    Background,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// Behind `{`: a key or `}`.
    FirstKey,
    /// Behind `,` in an object.
    Key,
    Colon,
    Value,
    /// Behind `[`: a value or `]`.
    FirstItem,
    /// Behind a value.
    After,
    Text {
        key: bool,
    },
    Escape {
        key: bool,
    },
    Hex {
        key: bool,
        left: u8,
    },
    Number(Number),
    Word {
        rest: &'static [u8],
    },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Int,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Default for Scan {
    fn default() -> Self {
        Self::new()
    }
}

impl Scan {
    /// A look at a new body.
    pub fn new() -> Self {
        Self {
            state: State::Start,
            depth: 0,
            kinds: [0; MAX_DEPTH / 64],
            base: 0,
            utf8: Utf8::default(),
            literal: Vec::new(),
            literal_start: 0,
            role: Role::Other,
            model: None,
            stream: None,
            first_key: None,
            marks: Marks::default(),
        }
    }

    /// The model, once its member has been seen whole.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// Whether the caller asks for a stream, as far as seen; absent and `null` mean no.
    pub fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Members that tell kinds of requests apart, as far as seen.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Where the first member begins, once it does; a member may be put in front of it.
    pub fn first_key(&self) -> Option<usize> {
        self.first_key
    }

    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// The first fault found; the scan is of no use afterwards.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        self.utf8
            .push(bytes)
            .map_err(|at| ScanError::NotUtf8 { at: self.base + at })?;
        let mut at = 0;
        while at < bytes.len() {
            at = self.step(bytes, at)?;
        }
        self.base += bytes.len();
        Ok(())
    }

    /// Says that the body is complete.
    ///
    /// # Errors
    /// When it is no complete JSON object or names no model.
    pub fn finish(&self) -> Result<&Model, ScanError> {
        self.finish_any()?;
        self.model.as_ref().ok_or(ScanError::NoModel)
    }

    /// As [`finish`](Self::finish), for objects that need no model.
    ///
    /// # Errors
    /// When it is no complete JSON object.
    pub fn finish_any(&self) -> Result<(), ScanError> {
        match self.state {
            State::Done => Ok(()),
            State::Start => Err(ScanError::Empty),
            _ => Err(ScanError::CutShort { at: self.base }),
        }
    }

    /// Reads at least one byte from `at`; returns where to go on.
    fn step(&mut self, bytes: &[u8], at: usize) -> Result<usize, ScanError> {
        match self.state {
            State::Text { key } => return self.text(bytes, at, key),
            State::Number(number) => return self.number(bytes, at, number),
            _ => {}
        }
        let byte = bytes[at];
        let bad = ScanError::NotJson { at: self.base + at };
        match self.state {
            State::Escape { key } => {
                self.keep(byte)?;
                self.state = match byte {
                    b'u' => State::Hex { key, left: 4 },
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::Text { key },
                    _ => return Err(bad),
                };
            }
            State::Hex { key, left } => {
                self.keep(byte)?;
                if !byte.is_ascii_hexdigit() {
                    return Err(bad);
                }
                self.state = if left == 1 {
                    State::Text { key }
                } else {
                    State::Hex {
                        key,
                        left: left - 1,
                    }
                };
            }
            State::Word { rest } => match rest.split_first() {
                Some((&expected, rest)) if expected == byte => {
                    self.state = if rest.is_empty() {
                        State::After
                    } else {
                        State::Word { rest }
                    };
                }
                _ => return Err(bad),
            },
            _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => {}
            State::Start if byte == b'{' => self.open(true, at)?,
            State::Start => return Err(self.not_object(byte, at)),
            State::FirstKey | State::Key if byte == b'"' => self.begin_text(true, at),
            State::FirstKey if byte == b'}' => self.close(true, at)?,
            State::Colon if byte == b':' => self.state = State::Value,
            State::FirstItem if byte == b']' => self.close(false, at)?,
            State::Value | State::FirstItem => self.begin_value(byte, at)?,
            State::After if byte == b',' => {
                self.state = if self.in_object() {
                    State::Key
                } else {
                    State::Value
                };
                if self.depth == 1 {
                    self.role = Role::Other;
                }
            }
            State::After if byte == b'}' || byte == b']' => self.close(byte == b'}', at)?,
            _ => return Err(bad),
        }
        Ok(at + 1)
    }

    fn begin_value(&mut self, byte: u8, at: usize) -> Result<(), ScanError> {
        let role = if self.depth == 1 {
            self.role
        } else {
            Role::Other
        };
        match (role, byte) {
            (Role::Model, b'"') | (Role::Stream, b't' | b'f' | b'n') => {}
            (Role::Model, _) => return Err(ScanError::BadModel),
            (Role::Stream, _) => return Err(ScanError::BadStream),
            (Role::Previous, b'"' | b'n') => {}
            (Role::Previous, _) => return Err(ScanError::BadPrevious),
            _ => {}
        }
        match role {
            Role::Stream => self.stream = Some(byte == b't'),
            Role::Store => {
                self.marks.store = match byte {
                    b't' => Some(true),
                    b'f' => Some(false),
                    _ => None,
                };
            }
            Role::Background => self.marks.background = byte == b't',
            _ => {}
        }
        match byte {
            b'{' => self.open(true, at)?,
            b'[' => self.open(false, at)?,
            b'"' => self.begin_text(false, at),
            b't' => self.state = State::Word { rest: b"rue" },
            b'f' => self.state = State::Word { rest: b"alse" },
            b'n' => self.state = State::Word { rest: b"ull" },
            b'-' => self.state = State::Number(Number::Minus),
            b'0' => self.state = State::Number(Number::Zero),
            b'1'..=b'9' => self.state = State::Number(Number::Int),
            _ => return Err(ScanError::NotJson { at: self.base + at }),
        }
        Ok(())
    }

    fn begin_text(&mut self, key: bool, at: usize) {
        self.state = State::Text { key };
        if key && self.depth == 1 {
            self.role = Role::TopKey;
            self.first_key.get_or_insert(self.base + at);
        }
        if self.keeps() {
            self.literal.clear();
            self.literal.push(b'"');
            self.literal_start = self.base + at;
        }
    }

    fn text(&mut self, bytes: &[u8], mut at: usize, key: bool) -> Result<usize, ScanError> {
        let start = at;
        at += text::run(&bytes[at..]);
        if self.keeps() {
            self.keep_all(&bytes[start..at])?;
        }
        match bytes.get(at) {
            None => Ok(at),
            Some(b'"') => {
                self.end_text(key, at)?;
                Ok(at + 1)
            }
            Some(b'\\') => {
                self.keep(b'\\')?;
                self.state = State::Escape { key };
                Ok(at + 1)
            }
            Some(_) => Err(ScanError::NotJson { at: self.base + at }),
        }
    }

    fn end_text(&mut self, key: bool, at: usize) -> Result<(), ScanError> {
        self.state = if key { State::Colon } else { State::After };
        if !self.keeps() {
            return Ok(());
        }
        self.keep(b'"')?;
        if self.role == Role::TopKey {
            let key = serde_json::from_slice::<String>(&self.literal);
            self.role = self.role_of(key.as_deref().unwrap_or_default())?;
            return Ok(());
        }
        let text = serde_json::from_slice(&self.literal);
        if self.role == Role::Previous {
            let id = text.map_err(|_| ScanError::BadPrevious)?;
            self.marks.previous_response_id = Some(id);
        } else {
            self.model = Some(Model {
                name: text.map_err(|_| ScanError::BadModel)?,
                at: self.literal_start..self.base + at + 1,
            });
        }
        self.role = Role::Other;
        Ok(())
    }

    /// What the value behind a key of the outermost object is for.
    fn role_of(&mut self, key: &str) -> Result<Role, ScanError> {
        Ok(match key {
            "model" if self.model.is_some() => return Err(ScanError::TwoModels),
            "model" => Role::Model,
            "stream" => Role::Stream,
            "previous_response_id" if self.marks.previous_response_id.is_some() => {
                return Err(ScanError::BadPrevious);
            }
            "previous_response_id" => Role::Previous,
            "store" => Role::Store,
            "background" => Role::Background,
            "messages" => {
                self.marks.messages = true;
                Role::Other
            }
            "input" => {
                self.marks.input = true;
                Role::Other
            }
            _ => Role::Other,
        })
    }

    /// Whether the string being read is one that byokey acts on.
    fn keeps(&self) -> bool {
        self.depth == 1 && matches!(self.role, Role::TopKey | Role::Model | Role::Previous)
    }

    fn keep(&mut self, byte: u8) -> Result<(), ScanError> {
        if self.keeps() {
            self.keep_all(&[byte])
        } else {
            Ok(())
        }
    }

    fn keep_all(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        if self.role == Role::TopKey {
            // A longer key is none of ours; its cut literal will not decode to one either.
            let room = MAX_KEY.saturating_sub(self.literal.len());
            self.literal
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
        } else if self.literal.len() + bytes.len() > MAX_MODEL {
            return Err(match self.role {
                Role::Previous => ScanError::BadPrevious,
                _ => ScanError::BadModel,
            });
        } else {
            self.literal.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn number(&mut self, bytes: &[u8], at: usize, number: Number) -> Result<usize, ScanError> {
        let mut number = number;
        for (offset, &byte) in bytes[at..].iter().enumerate() {
            number = match (number, byte) {
                (Number::Minus, b'0') => Number::Zero,
                (Number::Minus | Number::Int, b'0'..=b'9') => Number::Int,
                (Number::Zero | Number::Int, b'.') => Number::Point,
                (Number::Point | Number::Fraction, b'0'..=b'9') => Number::Fraction,
                (Number::Zero | Number::Int | Number::Fraction, b'e' | b'E') => Number::E,
                (Number::E, b'+' | b'-') => Number::Sign,
                (Number::E | Number::Sign | Number::Exponent, b'0'..=b'9') => Number::Exponent,
                (Number::Zero | Number::Int | Number::Fraction | Number::Exponent, _) => {
                    self.state = State::After;
                    return Ok(at + offset);
                }
                _ => {
                    return Err(ScanError::NotJson {
                        at: self.base + at + offset,
                    });
                }
            };
        }
        self.state = State::Number(number);
        Ok(bytes.len())
    }

    fn open(&mut self, object: bool, at: usize) -> Result<(), ScanError> {
        if self.depth == MAX_DEPTH {
            return Err(ScanError::TooDeep { at: self.base + at });
        }
        let (word, bit) = (self.depth / 64, 1u64 << (self.depth % 64));
        self.kinds[word] = if object {
            self.kinds[word] | bit
        } else {
            self.kinds[word] & !bit
        };
        self.depth += 1;
        self.state = if object {
            State::FirstKey
        } else {
            State::FirstItem
        };
        Ok(())
    }

    fn close(&mut self, object: bool, at: usize) -> Result<(), ScanError> {
        if self.in_object() != object {
            return Err(ScanError::NotJson { at: self.base + at });
        }
        self.depth -= 1;
        self.state = if self.depth == 0 {
            State::Done
        } else {
            State::After
        };
        Ok(())
    }

    fn in_object(&self) -> bool {
        let top = self.depth - 1;
        self.kinds[top / 64] & (1 << (top % 64)) != 0
    }

    fn not_object(&self, byte: u8, at: usize) -> ScanError {
        match byte {
            b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => ScanError::NotObject,
            _ => ScanError::NotJson { at: self.base + at },
        }
    }
}
