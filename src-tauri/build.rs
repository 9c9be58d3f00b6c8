//! Lists the shell's commands and permissions. Only the tray app has any.

fn main() {
    #[cfg(feature = "desktop")]
    desktop();
}

/// Commands are checked against permissions only if they are declared here; undeclared, any page in
/// a window of byokey might call them.
#[cfg(feature = "desktop")]
fn desktop() {
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("src-tauri/capabilities/*.json")
        .app_manifest(tauri_build::AppManifest::new().commands(&["follow"]));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
    }
}
