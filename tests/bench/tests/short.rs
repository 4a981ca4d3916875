//! The benchmark itself, for a moment: what it measures is for people to judge, that it works is not.

use std::process::Command;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");

#[test]
fn a_short_run_prints_a_line_for_each_case_and_writes_the_same_as_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("figures.json");
    let run = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--duration", "1", "--rounds", "1"])
        .args([
            "--only",
            "end-to-end",
            "--only",
            "drain",
            "--only",
            "startup",
        ])
        .arg("--json")
        .arg(&file)
        .env("MANIFEST", MANIFEST)
        .output()
        .expect("the benchmark starts");
    let (table, said) = (text(&run.stdout), text(&run.stderr));
    assert!(run.status.success(), "{said}");

    let json = std::fs::read_to_string(&file).expect("a file");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let measures = json["measures"].as_array().expect("a list");
    assert_eq!(measures.len(), 6);
    for measure in measures {
        let what = measure["what"].as_str().expect("a name");
        assert!(table.contains(&format!("| {what} ")), "{what}: {table}");
    }
    let (sent, started) = measures.split_at(4);
    for measure in sent {
        assert_eq!(measure["note"], "each webhook came once", "{measure}");
    }
    let note = started[0]["note"].as_str().expect("a note");
    assert!(note.starts_with("5 components, "), "{note}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
