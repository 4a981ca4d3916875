//! What runs the components: Spin, or the embedded host that stands in for it.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::project::{EMBEDDED_HOST, Project};
use crate::spin::{self, Spin};

/// What is to run the components.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostChoice {
    /// Whatever suits.
    Auto,
    /// Spin.
    Spin,
    /// The embedded host.
    Embedded,
}

/// What runs the components.
pub(crate) enum Host {
    Spin(Spin),
    Embedded,
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spin(spin) => spin.fmt(formatter),
            Self::Embedded => formatter.write_str("the embedded host, which stands in for Spin"),
        }
    }
}

impl Host {
    /// The host that was chosen; auto: Spin if there is one, else the embedded host.
    pub(crate) fn choose(choice: HostChoice) -> Result<Self> {
        if choice == HostChoice::Embedded {
            return Ok(Self::Embedded);
        }
        match Spin::find()? {
            Some(spin) => Ok(Self::Spin(spin)),
            None if choice == HostChoice::Auto => Ok(Self::Embedded),
            None => bail!("there is no Spin on the PATH; {}", spin::HOW_TO_INSTALL),
        }
    }

    /// Its program, which is built first if it is the project's own.
    pub(crate) fn program(&self, project: &Project) -> Result<PathBuf> {
        match self {
            Self::Spin(spin) => Ok(spin.path.clone()),
            Self::Embedded => {
                eprintln!("xtask: building the embedded host");
                project.build_native(EMBEDDED_HOST)
            }
        }
    }
}
