//! `cargo xtask receiver`: something to send webhooks to.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::process;
use crate::project::{Project, RECEIVER};

/// What `cargo xtask receiver` takes: all of it is the receiver's own, `--help` too.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// The receiver's options; `--help` lists them
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "OPTIONS"
    )]
    options: Vec<OsString>,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    eprintln!("xtask: building the receiver");
    let receiver = project.build_native(RECEIVER)?;
    let result = process::run(project.command(receiver).args(&options.options));
    match process::stopped_by() {
        // That is how one ends it.
        Some(_) => Ok(()),
        None => result,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_receiver_gets_all_options_as_they_are() {
        for given in [
            &[
                "--listen",
                "127.0.0.1:0",
                "--verbose",
                "--secret=whsec_AAAA",
            ][..],
            &["--help"],
            &[],
        ] {
            let command = [&["receiver"], given].concat();
            let parsed = Arguments::try_parse_from(command).expect("options");
            assert_eq!(parsed.options.options, given);
        }
    }
}
