//! The one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    jitsuin::cli::main()
}
