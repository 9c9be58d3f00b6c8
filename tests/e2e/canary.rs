//! Secrets in all the forms in which they may lie somewhere, and a search for them.

use std::{fs, path::Path};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

use crate::rig::Ran;

/// All forms in which a text may lie somewhere.
pub(crate) struct Canary {
    name: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    pub(crate) fn of(name: &str, text: &str) -> Self {
        let name = name.to_owned();
        let bytes = text.as_bytes();
        let mut forms = vec![bytes.to_vec()];
        let utf16 = || text.encode_utf16();
        forms.push(utf16().flat_map(u16::to_le_bytes).collect());
        forms.push(utf16().flat_map(u16::to_be_bytes).collect());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        forms.push(hex.to_uppercase().into());
        forms.push(hex.into());
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
        let url: String = bytes
            .iter()
            .map(|byte| {
                if plain(byte) {
                    char::from(*byte).into()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        forms.push(url.into());
        // Base64 depends on where in its group of three bytes the text begins; the first and last
        // characters also depend on the neighbours.
        for shift in 0..3 {
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(bytes);
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                let encoded = engine.encode(&shifted).into_bytes();
                forms.push(encoded[4..encoded.len() - 4].to_vec());
            }
        }
        Self { name, forms }
    }

    pub(crate) fn lies_in(&self, bytes: &[u8]) -> bool {
        self.forms
            .iter()
            .any(|form| memmem::find(bytes, form).is_some())
    }
}

/// Where canaries must not be.
#[derive(Default)]
pub(crate) struct Search {
    pub(crate) canaries: Vec<Canary>,
    pub(crate) places: usize,
}

impl Search {
    #[track_caller]
    pub(crate) fn look(&mut self, place: &str, bytes: &[u8]) {
        self.places += 1;
        for canary in &self.canaries {
            assert!(
                !canary.lies_in(bytes),
                "the {} lies in {place}",
                canary.name
            );
        }
    }

    #[track_caller]
    pub(crate) fn look_at(&mut self, ran: &Ran) {
        self.look(
            &format!("the output of {}", ran.call),
            (ran.out.clone() + &ran.err).as_bytes(),
        );
    }

    #[track_caller]
    pub(crate) fn look_through(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.look_through(&path);
            } else {
                let bytes = fs::read(&path).unwrap();
                self.look(&path.display().to_string(), &bytes);
            }
        }
    }
}
