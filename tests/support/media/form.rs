//! A multipart form, read from its whole body.

use std::collections::HashMap;

use memchr::memmem::find;

use crate::fault::Fault;

/// The fields of a form.
#[derive(Debug, Default)]
pub(super) struct Form {
    texts: HashMap<String, String>,
    files: HashMap<String, File>,
}

/// What is known of a file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) bytes: usize,
}

impl Form {
    pub(super) fn read(content_type: &str, body: &[u8]) -> Result<Self, Fault> {
        let boundary = parameter(content_type, "boundary")
            .filter(|_| content_type.starts_with("multipart/form-data"))
            .ok_or_else(|| Fault::bad("Could not parse multipart form"))?;
        let mut form = Self::default();
        let edge = format!("--{boundary}");
        let mut rest = body;
        let mut ended = false;
        while let Some(at) = find(rest, edge.as_bytes()) {
            form.field(&rest[..at]);
            rest = &rest[at + edge.len()..];
            ended = rest.starts_with(b"--");
        }
        match ended {
            true => Ok(form),
            false => Err(Fault::bad("Could not parse multipart form: it has no end")),
        }
    }

    fn field(&mut self, part: &[u8]) {
        let Some(at) = find(part, b"\r\n\r\n") else {
            return;
        };
        let head = String::from_utf8_lossy(&part[..at]).into_owned();
        let body = &part[at + 4..];
        let body = body.strip_suffix(b"\r\n").unwrap_or(body);
        let line = |name: &str| {
            let mut lines = head.lines();
            lines
                .find(|line| line.to_ascii_lowercase().starts_with(name))
                .unwrap_or_default()
        };
        let Some(name) = parameter(line("content-disposition"), "name") else {
            return;
        };
        match parameter(line("content-disposition"), "filename") {
            Some(file) => {
                let content_type = line("content-type").split_once(':').map_or("", |it| it.1);
                let content_type = content_type.trim().to_owned();
                let bytes = body.len();
                self.files.insert(
                    name,
                    File {
                        name: file,
                        content_type,
                        bytes,
                    },
                );
            }
            None => {
                self.texts
                    .insert(name, String::from_utf8_lossy(body).into_owned());
            }
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    pub(super) fn file(&self, name: &str) -> Result<&File, Fault> {
        let missing = || Fault::bad(format!("{name}: Field required")).param(name);
        self.files.get(name).ok_or_else(missing)
    }
}

/// A header's parameter, with or without quotes.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut parameters = header.split(';').map(str::trim);
    let found = parameters.find_map(|it| it.strip_prefix(name)?.strip_prefix('='))?;
    Some(found.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_files_are_read() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nw\r\n--x\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
            Content-Type: audio/wav\r\n\r\nab\r\ncd\r\n--x--\r\n";
        let form = Form::read("multipart/form-data; boundary=x", body).unwrap();
        assert_eq!(form.text("model"), Some("w"));
        let file = form.file("file").unwrap();
        assert_eq!((file.name.as_str(), file.bytes), ("a.wav", 6));
        assert_eq!(file.content_type, "audio/wav");
        assert!(form.file("other").is_err());
        assert!(Form::read("multipart/form-data; boundary=x", &body[..60]).is_err());
        assert!(Form::read("application/json", b"{}").is_err());
    }
}
