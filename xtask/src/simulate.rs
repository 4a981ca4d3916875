//! `cargo xtask simulate`: what a model makes of outages, for ten accounts or ten thousand.

use std::env;
use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::process;
use crate::project::{Project, SIMULATION};

/// What `cargo xtask simulate` takes: the model itself reads and checks it.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// What the model is told; --help lists it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    eprintln!("xtask: building the model");
    let model = project.build_native(SIMULATION)?;
    let mut model = project.command(model);
    // Where we are called, so that relative names mean what they do there.
    model.current_dir(env::current_dir()?);
    process::run(model.args(&options.arguments))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_model_gets_every_argument_as_it_is() {
        let arguments = ["--accounts", "7", "--help", "--plots", "docs/images"];
        let command = ["simulate"].into_iter().chain(arguments);
        let parsed = Command::try_parse_from(command).expect("arguments");
        assert_eq!(parsed.options.arguments, arguments);
    }
}
