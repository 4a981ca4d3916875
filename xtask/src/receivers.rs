//! The packages that the example receivers need, for the tests that run them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::packages::{self, Packages, program};
use crate::project::Project;

/// Installs what is not installed yet. Where that can't be, the tests of that receiver are skipped, but on CI nothing is.
pub(crate) fn ready(project: &Project) -> Result<()> {
    for (language, installed) in [
        ("python", python(project)),
        ("javascript", javascript(project)),
    ] {
        let installed = installed
            .with_context(|| format!("the packages of the {language} receiver can't be had"));
        packages::ready_or_skipped(installed, "its tests will be skipped")?;
    }
    Ok(())
}

fn python(project: &Project) -> Result<()> {
    let (source, folder) = folders(project, "python");
    let requirements = source.join("requirements.txt");
    packages::python(project, "the Python receiver", folder, &requirements)?;
    Ok(())
}

/// Node looks for packages beside the file that wants them: the receiver is copied to where they are.
fn javascript(project: &Project) -> Result<()> {
    let (source, folder) = folders(project, "javascript");
    let packages = Packages::new(folder, &source.join("package-lock.json"))?;
    let are_installed = packages.are_installed();
    if !are_installed {
        packages.start_over()?;
    }
    let folder = &packages.folder;
    for file in ["package.json", "package-lock.json", "receiver.js"] {
        fs::copy(source.join(file), folder.join(file))
            .with_context(|| format!("could not copy {file} to {}", folder.display()))?;
    }
    if are_installed {
        return Ok(());
    }
    program("node", "Node.js")?;
    let npm = program("npm", "npm, which comes with Node.js")?;
    eprintln!("xtask: installing the packages of the JavaScript receiver");
    let mut npm = project.command(npm);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder);
    packages.install(&mut npm)
}

/// Where a receiver is, and where its packages go.
fn folders(project: &Project, language: &str) -> (PathBuf, PathBuf) {
    let source = project.root().join("examples/receivers").join(language);
    (
        source,
        project.root().join("target/receivers").join(language),
    )
}
