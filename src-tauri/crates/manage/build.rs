//! Puts the built page (`ui/dist`) into the program. Without Node there is none, and byokey builds
//! all the same: `/ui/` then says how to make it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // The folder is always there: a file that keeps it is under version control, and the page's
    // build puts it back.
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist.canonicalize()?, "", &mut files)?;
    }
    files.sort();
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let out = PathBuf::from(out);
    let mut table = String::from("&[\n");
    for (number, (name, path)) in files.iter().enumerate() {
        // Copied, so that a new build of the page cannot take a file away from a running compiler.
        let copy = out.join(format!("page_{number}"));
        fs::copy(path, &copy)?;
        // Writing into a text cannot fail.
        let _ = writeln!(table, "    ({name:?}, include_bytes!({copy:?})),");
    }
    table.push(']');
    fs::write(out.join("page_files.rs"), table)
}

/// All files below `folder`, by their path from the top with `/` between.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let inner = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{inner}/"), files)?;
        } else {
            files.push((inner, entry.path()));
        }
    }
    Ok(())
}
