//! The program `scaffold`: parse, run, say what went wrong.

use std::ffi::OsString;
use std::process::ExitCode;

use scaffold::cli;
use scaffold::terminal::output::report;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Behind `--` there are no flags.
    let json = arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    match cli::run(&arguments, json) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report(&error, json);
            ExitCode::from(error.exit_code())
        }
    }
}
