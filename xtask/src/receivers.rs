//! The examples of verifying webhooks, made ready for the tests that run them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::packages::{self, Packages, program};
use crate::project::Project;

/// An example, in a folder of its language's name under `examples/receivers`.
struct Example {
    language: &'static str,
    /// The programs it needs, each with the Debian package that has it.
    programs: &'static [(&'static str, &'static str)],
    /// What makes it runnable, in a copy of its folder.
    commands: &'static [&'static str],
}

/// All but the one in Rust, which cargo builds with the tests. Node.js comes with npm, and Python with pip, from wherever the
/// developer has them.
const EXAMPLES: [Example; 7] = [
    Example {
        language: "typescript",
        programs: &[],
        commands: &[
            "npm ci --ignore-scripts --no-audit --no-fund",
            "npm run --silent build",
        ],
    },
    Example {
        language: "python",
        programs: &[],
        commands: &[
            "python3 -m pip install --quiet --no-input --disable-pip-version-check --root-user-action=ignore --target packages --requirement requirements.txt",
        ],
    },
    Example {
        language: "go",
        programs: &[("go", "golang-go")],
        commands: &["go build -buildvcs=false -o try ."],
    },
    Example {
        language: "ruby",
        programs: &[("ruby", "ruby")],
        commands: &[],
    },
    Example {
        language: "php",
        programs: &[("php", "php-cli")],
        commands: &[],
    },
    Example {
        language: "java",
        programs: &[
            ("java", "default-jdk-headless"),
            ("javac", "default-jdk-headless"),
        ],
        commands: &["javac Verify.java Try.java"],
    },
    Example {
        language: "csharp",
        programs: &[("mcs", "mono-mcs"), ("mono", "mono-runtime")],
        commands: &["mcs -out:try.exe Verify.cs Try.cs"],
    },
];

/// Makes ready what is not ready yet. Where that can't be, the tests of that language are skipped, but on CI nothing is.
pub(crate) fn ready(project: &Project) -> Result<()> {
    for example in &EXAMPLES {
        let language = example.language;
        let ready = example
            .ready(project)
            .with_context(|| format!("the {language} example of verifying webhooks can't be run"));
        packages::ready_or_skipped(ready, "its tests will be skipped")?;
    }
    Ok(())
}

impl Example {
    fn ready(&self, project: &Project) -> Result<()> {
        let root = project.root();
        let source = root.join("examples/receivers").join(self.language);
        let files = fs::read_dir(&source)
            .with_context(|| format!("could not list {}", source.display()))?
            .map(|entry| Ok(entry?.path()))
            // Not the folders of packages or of bytecode, of whoever tries it where it is.
            .filter(|path| path.as_ref().map_or(true, |path| path.is_file()));
        let mut files = files.collect::<Result<Vec<PathBuf>>>()?;
        files.sort();
        let folder = root.join("target/receivers").join(self.language);
        let packages = Packages::new(folder, &files)?;
        packages::debian(self.programs)?;
        if packages.are_installed() {
            return Ok(());
        }
        eprintln!("xtask: building the {} example", self.language);
        packages.start_over()?;
        for file in &files {
            let copy = packages.folder.join(file.file_name().unwrap_or_default());
            fs::copy(file, &copy).with_context(|| format!("could not write {}", copy.display()))?;
        }
        let commands = self.commands.iter().map(|command| {
            let mut words = command.split_whitespace();
            let name = words.next().context("a command is empty")?;
            let mut command = project.command(program(name, name)?);
            command.args(words).current_dir(&packages.folder);
            Ok(command)
        });
        packages.install(&mut commands.collect::<Result<Vec<_>>>()?)
    }
}
