/// UTF-8 validity over pieces that may cut a character.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    tail: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// Checks the next piece; on failure the offset of the offending byte within it.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), usize> {
        let mut skipped = 0;
        while self.len > 0 {
            let Some((&byte, rest)) = bytes.split_first() else {
                return Ok(());
            };
            self.tail[self.len] = byte;
            self.len += 1;
            match std::str::from_utf8(&self.tail[..self.len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() || self.len == 4 => return Err(skipped),
                Err(_) => {}
            }
            bytes = rest;
            skipped += 1;
        }
        let Err(error) = std::str::from_utf8(bytes) else {
            return Ok(());
        };
        let start = error.valid_up_to();
        if error.error_len().is_some() {
            return Err(skipped + start);
        }
        let tail = &bytes[start..];
        self.tail[..tail.len()].copy_from_slice(tail);
        self.len = tail.len();
        Ok(())
    }
}
