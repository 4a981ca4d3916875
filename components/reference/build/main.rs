//! Makes the files that the component answers with: the OpenAPI document, its viewer and the guides, compressed, with an
//! entity tag for each.

mod guides;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// The file of the viewer's crate that is the whole viewer.
const VIEWER: &str = "scalar.js";

/// A file as it is served.
struct Served {
    path: String,
    content: Vec<u8>,
}

impl Served {
    fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            content: content.into(),
        }
    }

    fn media_type(&self) -> &'static str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            None if self.content.starts_with(b"<!doctype html>") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("json") => "application/json",
            Some("png") => "image/png",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../..");
    let assets = Path::new("assets");
    let viewer = scalar_api_reference::get_asset(VIEWER).ok_or("the viewer's crate lacks it")?;
    let mut files = vec![
        Served::new("/openapi.json", api::document::json()),
        Served::new("/docs", fs::read(assets.join("viewer.html"))?),
        Served::new("/docs/viewer.css", fs::read(assets.join("viewer.css"))?),
        Served::new("/docs/viewer.js", fs::read(assets.join("viewer.js"))?),
        Served::new(format!("/docs/{VIEWER}"), viewer),
    ];
    // The guides look like the dashboard.
    let mut style = fs::read(root.join("crates/pages/assets/style.css"))?;
    style.extend(fs::read(assets.join("guides.css"))?);
    files.push(Served::new("/docs/guides.css", style));
    files.extend(guides::all(root)?);
    write(&files)?;

    for read in [
        "build",
        "assets",
        "../../docs",
        "../../crates/pages/assets/style.css",
    ] {
        println!("cargo:rerun-if-changed={read}");
    }
    for read in guides::AT_THE_ROOT {
        println!("cargo:rerun-if-changed=../../{read}");
    }
    Ok(())
}

/// Writes the files, and `files.rs` with a line for each of them.
fn write(files: &[Served]) -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut list = String::from("[");
    for (index, file) in files.iter().enumerate() {
        // 96 bits of the content's hash: no two versions have the same.
        let mut hash = String::new();
        for byte in &Sha256::digest(&file.content)[..12] {
            write!(hash, "{byte:02x}")?;
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&file.content)?;
        let gzip = gzip.finish()?;
        // Images are compressed already.
        let compressed = gzip.len() < file.content.len() / 10 * 9;
        let body = folder.join(index.to_string());
        fs::write(&body, if compressed { &gzip } else { &file.content })?;
        write!(
            list,
            "File {{ path: {:?}, media_type: {:?}, hash: {hash:?}, compressed: {compressed}, body: include_bytes!({body:?}) }},",
            file.path,
            file.media_type(),
        )?;
    }
    list.push(']');
    fs::write(folder.join("files.rs"), list)?;
    Ok(())
}
