//! The table: every row against the rules that hold for all of them.

use crate::Catalog;

#[test]
fn bundled_rows_load() {
    let catalog = Catalog::bundled().unwrap();
    assert!(catalog.providers().count() >= 10);
}
