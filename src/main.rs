//! The program `scaffold`: parse, run, say what went wrong.

use std::ffi::OsString;
use std::process::ExitCode;

use scaffold::cli::{self, Request};
use scaffold::error::Error;
use scaffold::output::{print, report};
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
    let templates = cli::templates_argument(arguments);
    if templates.is_none()
        && let Some(Request::Print(text)) = cli::overview(&Pack::embedded_manifest()?, arguments)
    {
        print(&text)?;
        return Ok(0);
    }
    let pack = match templates {
        Some(dir) => Pack::load(&dir)?,
        None => Pack::embedded()?,
    };
    let request = cli::parse(&pack, arguments)?;
    Session { pack: &pack, json }.run(&request)
}
