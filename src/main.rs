//! The program `scaffold`: parse, run, say what went wrong.

use std::ffi::OsString;
use std::process::ExitCode;

use scaffold::cli;
use scaffold::error::Error;
use scaffold::output::report;
use scaffold::pack::Pack;
use scaffold::run::Session;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    match run(&arguments, json) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report(&error, json);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: &[OsString], json: bool) -> Result<u8, Error> {
    let pack = match cli::templates_argument(arguments) {
        Some(dir) => Pack::load(&dir)?,
        None => Pack::embedded()?,
    };
    let request = cli::parse(&pack, arguments)?;
    Session { pack: &pack, json }.run(&request)
}
