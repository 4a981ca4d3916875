//! The file `.env`, from which both hosts read settings that are not in the environment.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// The key that callers of the API show. Several may stand there, separated by commas.
pub(crate) const API_KEY: &str = "SPIN_VARIABLE_API_KEY";

/// The key under which signing secrets and header values are stored.
pub(crate) const ENCRYPTION_KEY: &str = "SPIN_VARIABLE_ENCRYPTION_KEY";

const NEEDED: [&str; 2] = [API_KEY, ENCRYPTION_KEY];

/// 256 bits: what the cipher takes, and more than anybody guesses.
const KEY_BYTES: usize = 256 / 8;

const INTRODUCTION: &str = "\
# Settings for this machine; `cargo xtask up` made the keys. Never commit this file.
# Without the encryption key, stored signing secrets cannot be read any more: keep it with the data.
";

/// Makes sure that the settings without which the components do not work are in the file `path`, except those that the environment
/// gives; hosts prefer it. Lines that are there stay as they are.
///
/// # Returns
///
/// The names of the settings that were added, each with a fresh random key.
pub(crate) fn complete(
    path: &Path,
    in_environment: impl Fn(&str) -> bool,
) -> Result<Vec<&'static str>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(error).with_context(|| format!("could not read {}", path.display()));
        }
    };
    let settings = parse(&text).with_context(|| format!("in {}", path.display()))?;
    let mut addition = String::new();
    let mut added = Vec::new();
    for name in NEEDED {
        match value(&settings, name) {
            _ if in_environment(name) => {}
            Some(value) => ensure!(
                !value.is_empty(),
                "{name} in {} is empty; remove the line to have a key made",
                path.display()
            ),
            None => {
                addition += &format!("{name}={}\n", fresh(name)?);
                added.push(name);
            }
        }
    }
    if added.is_empty() {
        return Ok(added);
    }
    if text.is_empty() {
        addition.insert_str(0, INTRODUCTION);
    } else if !text.ends_with('\n') {
        addition.insert(0, '\n');
    }
    // One write, so that no half of a key is left if we are killed now. The mode is for a new file.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(addition.as_bytes()))
        .with_context(|| format!("could not write {}", path.display()))?;
    Ok(added)
}

/// A random key for the setting `name`.
pub(crate) fn fresh(name: &str) -> Result<String> {
    let mut random = [0; KEY_BYTES];
    getrandom::fill(&mut random).context("the system gives no random numbers")?;
    Ok(encoded(name, random))
}

/// Whether the file gives several API keys, of which a caller shows one.
pub(crate) fn has_several_api_keys(path: &Path) -> Result<bool> {
    let text =
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    Ok(value(&parse(&text)?, API_KEY).is_some_and(|keys| keys.contains(',')))
}

/// Reads settings with the parser that Spin uses. Of a name that stands there twice, hosts take the last value.
fn parse(text: &str) -> Result<Vec<(String, String)>> {
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .context("this is not a list of NAME=VALUE lines")
}

fn value<'a>(settings: &'a [(String, String)], name: &str) -> Option<&'a str> {
    settings
        .iter()
        .rfind(|(found, _)| found == name)
        .map(|(_, value)| value.as_str())
}

/// The API key goes into HTTP headers and command lines, so it has no character that either could mistake.
fn encoded(name: &str, random: [u8; KEY_BYTES]) -> String {
    if name == API_KEY {
        URL_SAFE_NO_PAD.encode(random)
    } else {
        STANDARD.encode(random)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(path: &Path) -> Vec<(String, String)> {
        parse(&fs::read_to_string(path).expect("read")).expect("parse")
    }

    #[test]
    fn a_missing_file_is_made_with_keys_that_nobody_else_may_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        assert_eq!(complete(&path, |_| false).expect("complete"), NEEDED);
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let settings = read(&path);
        let api_key = value(&settings, API_KEY).expect("an API key");
        assert_eq!(URL_SAFE_NO_PAD.decode(api_key).expect("base64").len(), 32);
        let encryption_key = value(&settings, ENCRYPTION_KEY).expect("an encryption key");
        assert_eq!(STANDARD.decode(encryption_key).expect("base64").len(), 32);
        assert_ne!(api_key, encryption_key);
    }

    #[test]
    fn a_complete_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        complete(&path, |_| false).expect("first");
        let before = fs::read_to_string(&path).expect("read");
        assert_eq!(
            complete(&path, |_| false).expect("second"),
            Vec::<&str>::new()
        );
        assert_eq!(fs::read_to_string(&path).expect("read"), before);
    }

    #[test]
    fn what_a_file_lacks_is_added_below_what_it_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        fs::write(&path, "# mine\nexport SPIN_VARIABLE_API_KEY=\"my own key\"").expect("write");
        assert_eq!(
            complete(&path, |_| false).expect("complete"),
            [ENCRYPTION_KEY]
        );
        let text = fs::read_to_string(&path).expect("read");
        assert!(
            text.starts_with("# mine\nexport SPIN_VARIABLE_API_KEY=\"my own key\"\n"),
            "{text}"
        );
        let settings = read(&path);
        assert_eq!(value(&settings, API_KEY), Some("my own key"));
        assert!(value(&settings, ENCRYPTION_KEY).is_some());
    }

    #[test]
    fn what_the_environment_gives_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        let added = complete(&path, |name| name == API_KEY).expect("complete");
        assert_eq!(added, [ENCRYPTION_KEY]);
        assert_eq!(value(&read(&path), API_KEY), None);
        let other = folder.path().join("other");
        complete(&other, |_| true).expect("complete");
        assert!(!other.exists());
    }

    #[test]
    fn an_empty_key_and_a_broken_file_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        fs::write(&path, "SPIN_VARIABLE_API_KEY=\n").expect("write");
        let error = complete(&path, |_| false).expect_err("must fail");
        assert!(error.to_string().contains("is empty; remove"), "{error}");
        fs::write(&path, "what is this\n").expect("write");
        let error = complete(&path, |_| false).expect_err("must fail");
        assert!(
            format!("{error:#}").contains("not a list of NAME=VALUE lines"),
            "{error:#}"
        );
    }

    #[test]
    fn several_api_keys_are_told_from_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        fs::write(&path, "SPIN_VARIABLE_API_KEY=one\n").expect("write");
        assert!(!has_several_api_keys(&path).expect("read"));
        fs::write(&path, "SPIN_VARIABLE_API_KEY=one,two\n").expect("write");
        assert!(has_several_api_keys(&path).expect("read"));
    }
}
