//! The program `scaffold`: parse, run, say what went wrong.

use std::ffi::OsString;
use std::process::ExitCode;

use scaffold::commands::run::Session;
use scaffold::lint::validate;
use scaffold::pack::load::Pack;
use scaffold::project::intent::{project_root, refuse_foreign};
use scaffold::terminal::arguments::{self, Request};
use scaffold::terminal::output::{print, report};
use scaffold::text::error::Error;

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
    let templates = arguments::templates_argument(arguments);
    if templates.is_none()
        && let Some(Request::Print(text)) =
            arguments::overview(&Pack::embedded_manifest()?, arguments)
    {
        print(&text)?;
        return Ok(0);
    }
    let pack = match templates {
        Some(dir) => validate::load(&dir)?,
        None => Pack::embedded()?,
    };
    let request = arguments::parse(&pack, arguments).map_err(|error| {
        // Whether a word is wrong is for the project's own pack to say.
        let root = project_root().filter(|_| arguments::is_about_a_project(arguments));
        root.and_then(|root| refuse_foreign(&pack, &root).err()).unwrap_or(error)
    })?;
    Session { pack: &pack, json }.run(&request)
}
