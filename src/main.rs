//! The program `scaffold`: parse, run, say what went wrong.

use std::ffi::OsString;
use std::process::ExitCode;

use scaffold::cli::{self, Request};
use scaffold::error::Error;
use scaffold::lifecycle::{project_root, refuse_foreign};
use scaffold::output::{print, report};
use scaffold::pack::Pack;
use scaffold::run::Session;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Behind `--` there are no flags.
    let json = arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json");
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
    let request = cli::parse(&pack, arguments).map_err(|error| {
        // Whether a word is wrong is for the project's own pack to say.
        let root = project_root().filter(|_| cli::is_about_a_project(arguments));
        root.and_then(|root| refuse_foreign(&pack, &root).err()).unwrap_or(error)
    })?;
    Session { pack: &pack, json }.run(&request)
}
