//! Makes what the component answers with: the API's description as a document and as a page, the page's style sheet, and
//! an entity tag for each.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    let document = api::document();
    for (name, content) in [
        ("openapi.json", api::document::json()),
        ("docs.html", api::document::page::page(&document)),
        ("style.css", api::document::page::STYLE.to_owned()),
    ] {
        // 96 bits of the content's hash: no two versions have the same.
        let hash = Sha256::digest(&content);
        let hash: String = hash[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        fs::write(folder.join(format!("{name}.etag")), format!("\"{hash}\""))?;
        fs::write(folder.join(name), content)?;
    }
    // The crate that it is made by is a dependency, and cargo knows when that changes.
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
