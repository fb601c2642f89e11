//! Writes `docs/config.md` and `docs/config.schema.json` from the types of the configuration.
//!
//! `cargo run -p dyne-xpcs-config --example config_reference`

use std::path::Path;

use dyne_xpcs_config::{json_schema, reference_markdown};

fn main() -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::create_dir_all(&docs)?;
    std::fs::write(docs.join("config.md"), reference_markdown())?;
    let schema = format!("{:#}\n", json_schema());
    std::fs::write(docs.join("config.schema.json"), schema)
}
