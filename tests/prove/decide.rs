//! Which subjects a check runs: those that have no proof of what they are now, as many as there is room
//! for, and some that have one, so that a proof that is false, or true no more, is found.

use std::cmp::Reverse;

use scaffold::proof::history::History;
use scaffold::proof::record::Outcome;
use scaffold::text::digest;

use crate::common::proof::Decision;

/// Of the proven subjects one in so many is drawn to run again.
pub const SHARE: usize = 10;
/// A proven subject runs again after so many landings, drawn or not.
pub const BOUND: u32 = 20;
/// A subject that has been unproven for so many landings, the present one included, is a failure.
pub const PATIENCE: usize = 10;

/// How long what has no proof may take in a check, in seconds, so that the whole of it, with what it
/// builds and measures besides, takes an hour at most.
pub const ROOM_S: u32 = 1200;
/// What a subject is thought to take that has never passed, in seconds.
const UNKNOWN_S: u32 = 300;

/// A subject about which is decided.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its digest now, or what the machine lacks.
    pub digest: Result<String, String>,
    /// Whether only `make prove` runs it, until [`PATIENCE`] is over.
    pub seldom: bool,
}

/// What becomes of each candidate. `seed` is the commit: the same commit draws the same subjects,
/// the next one others. What has no proof runs while there is `room`, in seconds, by what each took when
/// it passed last: those first that have been waiting for the most landings, and the short before the
/// long. Without a `room`, whatever can be run is run.
pub fn decide(
    candidates: &[Candidate],
    history: &History,
    seed: &str,
    room: Option<u32>,
) -> Vec<Decision> {
    let proof = |candidate: &Candidate| {
        let digest = candidate.digest.as_ref().ok()?;
        history.proof(&candidate.name, digest)
    };
    let mut proven: Vec<&str> = candidates
        .iter()
        .filter(|candidate| proof(candidate).is_some())
        .map(|candidate| candidate.name.as_str())
        .collect();
    proven.sort_by_cached_key(|name| digest::of(format!("{seed} {name}").as_bytes()));
    let drawn = &proven[..proven.len().div_ceil(SHARE)];
    let run = |reason: &str| Decision::Run(reason.to_owned());
    let decision = |candidate: &Candidate| {
        let digest = match &candidate.digest {
            Ok(digest) => digest,
            Err(missing) => return Decision::Unproven(missing.clone()),
        };
        if room.is_none() {
            return run("everything is run");
        }
        let Some(entry) = proof(candidate) else {
            let waits = candidate.seldom && history.unproven_for(&candidate.name) + 1 < PATIENCE;
            return match history.last(&candidate.name, digest) {
                Some(_) => run("failed the last time"),
                None if waits => Decision::Unproven("`make prove` runs it".to_owned()),
                None => run(UNPROVEN),
            };
        };
        if history.next_landing() - entry.record.landing >= BOUND {
            return run("proven long ago");
        }
        if drawn.contains(&candidate.name.as_str()) {
            return run("proven, and drawn to run again");
        }
        Decision::Proven {
            commit: entry.record.commit.clone(),
            day: entry.record.day.clone(),
            seconds: entry.entry.seconds,
        }
    };
    let mut decisions: Vec<Decision> = candidates.iter().map(decision).collect();
    if let Some(room) = room {
        let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        postpone(&names, &mut decisions, history, room);
    }
    decisions
}

/// Why most run.
const UNPROVEN: &str = "not proven as it is now";

/// Takes back that something runs for which there is no room, unless it has waited long enough.
fn postpone(names: &[&str], decisions: &mut [Decision], history: &History, room: u32) {
    let seconds = |name: &str| {
        let seen = history
            .entries()
            .find(|seen| seen.entry.name == name && seen.entry.result == Outcome::Passed);
        seen.map_or(UNKNOWN_S, |seen| seen.entry.seconds)
    };
    let mut waiting: Vec<(usize, usize, u32)> = decisions
        .iter()
        .enumerate()
        .filter(|(_, decision)| matches!(decision, Decision::Run(why) if why == UNPROVEN))
        .map(|(at, _)| (history.unproven_for(names[at]), at, seconds(names[at])))
        .collect();
    waiting.sort_by_key(|(landings, at, seconds)| (Reverse(*landings), *seconds, *at));
    let mut taken = 0;
    for (landings, at, seconds) in waiting {
        if landings + 1 >= PATIENCE || taken + seconds <= room {
            taken += seconds;
        } else {
            let why = format!("there is no room for its {seconds} s; `make prove` runs it");
            decisions[at] = Decision::Unproven(why);
        }
    }
}
