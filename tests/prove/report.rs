//! What became of a plan: the table that people read, whether all is well, and the record.

use std::fmt::Write as _;

use scaffold::proof::history::History;
use scaffold::proof::record::{Entry, Outcome, Record, Unproven};

use crate::common::proof::{Decision, Ended, Plan, Planned};
use crate::common::subjects::subject;
use crate::decide::PATIENCE;

/// The machine, as far as a record tells.
pub struct Machine {
    /// Processors.
    pub cores: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// Kernel and its version.
    pub kernel: String,
}

/// The state of a subject after a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It ran.
    Ran(Ended),
    /// It was proven before, and is as it was then.
    Proven,
    /// Neither, for this reason.
    Unproven(String),
}

/// What became of the subjects of a plan.
pub struct Report<'a> {
    /// The records from before this check.
    pub history: &'a History,
    /// The plan.
    pub plan: &'a Plan,
    /// Each planned subject with its state.
    pub states: Vec<(&'a Planned, State)>,
}

impl<'a> Report<'a> {
    /// Puts a plan together with how its subjects `ended`.
    pub fn new(
        history: &'a History,
        plan: &'a Plan,
        ended: impl Fn(&str) -> Option<Ended>,
    ) -> Self {
        let state = |planned: &Planned| match (&planned.decision, ended(&planned.name)) {
            (Decision::Run(_), Some(ended)) => State::Ran(ended),
            (Decision::Run(_), None) if history.proof(&planned.name, &planned.digest).is_some() => {
                State::Proven
            }
            (Decision::Run(_), None) => State::Unproven("the check did not come to it".to_owned()),
            (Decision::Proven { .. }, _) => State::Proven,
            (Decision::Unproven(reason), _) => State::Unproven(reason.clone()),
        };
        let states = plan.subjects.iter().map(|planned| (planned, state(planned))).collect();
        Self { history, plan, states }
    }

    /// All subjects with their states, and a last line that counts them.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let width = self.states.iter().map(|(planned, _)| planned.name.len()).max().unwrap_or(0);
        let (mut ran, mut proven, mut unproven, mut total) = (0, 0, 0, 0);
        for (planned, state) in &self.states {
            let (word, seconds, why) = match state {
                State::Ran(ended) => {
                    ran += 1;
                    total += ended.seconds;
                    let reason = match &planned.decision {
                        Decision::Run(reason) => reason.as_str(),
                        _ => "",
                    };
                    let word = if ended.passed { "run now" } else { "FAILED" };
                    (word, format!("{} s", ended.seconds), reason.to_owned())
                }
                State::Proven => {
                    proven += 1;
                    let seen = self.history.proof(&planned.name, &planned.digest);
                    let seen = seen.expect("what is proven has a proof");
                    let (commit, day) = (&seen.record.commit[..12], &seen.record.day);
                    let seconds = format!("{} s", seen.entry.seconds);
                    ("proven", seconds, format!("at {commit} on {day}"))
                }
                State::Unproven(reason) => {
                    unproven += 1;
                    ("NOT proven", "-".to_owned(), reason.clone())
                }
            };
            let _ = writeln!(text, "  {word:<10} {seconds:>7}  {:<width$}  {why}", planned.name);
        }
        let _ = writeln!(
            text,
            "{ran} run now in {total} s, {proven} proven before, {unproven} not proven"
        );
        text
    }

    /// Why this check is a failure, each reason with what to do.
    pub fn failures(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (planned, state) in &self.states {
            let name = &planned.name;
            match state {
                State::Ran(Ended { passed: false, why, .. }) => {
                    let but = match self.history.passed(name, &planned.digest) {
                        Some(seen) => format!(
                            ", and passed with the same digest at {} on {}: it is flaky, or that entry is false; it is not tried again",
                            &seen.record.commit[..12],
                            seen.record.day
                        ),
                        None => String::new(),
                    };
                    found.push(format!("{name} failed{but}\n{why}"));
                }
                State::Unproven(reason) => {
                    let landings = self.history.unproven_for(name) + 1;
                    if landings >= PATIENCE {
                        found.push(format!(
                            "{name} is unproven for {landings} landings ({reason}); run `make prove` where everything that it needs is there"
                        ));
                    }
                }
                State::Ran(_) | State::Proven => {}
            }
        }
        found
    }

    /// The record of this check. What is unproven is named only where the check was gone through.
    pub fn record(&self, day: String, machine: Machine, complete: bool) -> Record {
        let entry = |(planned, state): &(&Planned, State)| match state {
            State::Ran(ended) => Some(Entry {
                name: planned.name.clone(),
                digest: planned.digest.clone(),
                result: if ended.passed { Outcome::Passed } else { Outcome::Failed },
                seconds: ended.seconds,
                what: subject(&planned.name).what.to_owned(),
                projects: planned.projects.clone(),
            }),
            _ => None,
        };
        let unproven = |(planned, state): &(&Planned, State)| match state {
            State::Unproven(reason) if complete => {
                Some(Unproven { name: planned.name.clone(), reason: reason.clone() })
            }
            _ => None,
        };
        Record {
            landing: self.history.next_landing(),
            commit: self.plan.commit.clone(),
            day,
            cores: machine.cores,
            memory_mib: machine.memory_mib,
            kernel: machine.kernel,
            entries: self.states.iter().filter_map(entry).collect(),
            unproven: self.states.iter().filter_map(unproven).collect(),
        }
    }
}
