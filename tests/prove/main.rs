//! The slow tests and their proofs: decides before a check which of them run, and afterwards says
//! what is proven and writes it down. `make prove` and `.ci/run` call it:
//!
//! ```text
//! cargo test --test prove -- --begin            (PROOF=record: all, PROOF=skip-proven: what is needed)
//! cargo test --test prove -- --end complete     (or `stopped`, where the check did not go through)
//! ```
#[path = "../common/mod.rs"]
mod common;
mod decide;
mod digest;
mod here;
mod report;

use std::fs;
use std::process::ExitCode;

use common::proof::{Decision, Plan, Planned, ended};
use common::repository;
use common::subjects::SUBJECTS;
use decide::{Candidate, ROOM_S, decide};
use digest::Inputs;
use here::Here;
use report::Report;
use scaffold::proof::history::History;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<&str>>()[..] {
        ["--begin"] => begin(),
        ["--end", how @ ("complete" | "stopped")] => return end(how == "complete"),
        // `cargo test` runs every test program, with words for all of them.
        _ => {}
    }
    ExitCode::SUCCESS
}

fn history() -> History {
    let read = History::in_folder(&repository().join("tests/proven"));
    read.unwrap_or_else(|faults| panic!("{}", faults.first().expect("there is a fault")))
}

/// How many seconds there are for what has no proof: `PROOF_ROOM_S`, where that is set.
fn room() -> u32 {
    match std::env::var("PROOF_ROOM_S") {
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("PROOF_ROOM_S is seconds, not {text:?}"))
        }
        Err(_) => ROOM_S,
    }
}

/// Decides what runs.
fn begin() {
    let room = match std::env::var("PROOF").as_deref() {
        Ok("record") => None,
        Ok("skip-proven") => Some(room()),
        other => panic!("PROOF is `record` or `skip-proven`, not {other:?}"),
    };
    let here = Here::default();
    let inputs: Vec<_> = SUBJECTS.iter().map(|subject| Inputs::of(subject, &here)).collect();
    let candidates: Vec<Candidate> = SUBJECTS
        .iter()
        .zip(&inputs)
        .map(|(subject, inputs)| Candidate {
            name: subject.name.to_owned(),
            digest: inputs.as_ref().map(Inputs::digest).map_err(Clone::clone),
            seldom: subject.seldom,
        })
        .collect();
    let commit = here::git(&["rev-parse", "HEAD"]).trim().to_owned();
    let history = history();
    let decisions = decide(&candidates, &history, &commit, room);
    println!("landing {}, what is drawn follows from {commit}", history.next_landing());
    let width = candidates.iter().map(|candidate| candidate.name.len()).max().unwrap_or(0);
    let mut subjects = Vec::new();
    for ((candidate, inputs), decision) in candidates.into_iter().zip(inputs).zip(decisions) {
        match &decision {
            Decision::Run(reason) => println!("  runs        {:<width$}  {reason}", candidate.name),
            Decision::Proven { .. } => {}
            Decision::Unproven(reason) => {
                println!("  NOT proven  {:<width$}  {reason}", candidate.name);
            }
        }
        subjects.push(Planned {
            name: candidate.name,
            digest: candidate.digest.unwrap_or_default(),
            projects: inputs.map(|inputs| inputs.projects).unwrap_or_default(),
            decision,
        });
    }
    let is_proven = |planned: &&Planned| matches!(planned.decision, Decision::Proven { .. });
    println!("  {} more are proven", subjects.iter().filter(is_proven).count());
    Plan { commit, clean: here::is_clean(), subjects }.write();
}

/// Says what became of it, and writes the record.
fn end(complete: bool) -> ExitCode {
    let (history, plan) = (history(), Plan::read());
    let report = Report::new(&history, &plan, ended);
    print!("{}", report.table());
    let unchanged = here::git(&["rev-parse", "HEAD"]).trim() == plan.commit && here::is_clean();
    if plan.clean && unchanged {
        let record = report.record(here::day(), here::machine(), complete);
        let text = record.text();
        let path = format!("tests/proven/{}", record.file_name(&text));
        fs::create_dir_all(repository().join("tests/proven")).expect("a folder for records");
        fs::write(repository().join(&path), text).expect("the record is written");
        println!("{path} records this; commit it");
    } else {
        println!("nothing is recorded, since the working tree is not that of a commit");
    }
    Plan::forget();
    let failures = report.failures();
    for failure in &failures {
        eprintln!("error: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
