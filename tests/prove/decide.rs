//! Which subjects a check runs: all that have no proof of what they are now, and some that have one,
//! so that a proof that is false, or true no more, is found.

use scaffold::proof::history::History;
use scaffold::text::digest;

use crate::common::proof::Decision;

/// Of the proven subjects one in so many is drawn to run again.
pub const SHARE: usize = 10;
/// A proven subject runs again after so many landings, drawn or not.
pub const BOUND: u32 = 20;
/// A subject that has been unproven for so many landings, the present one included, is a failure.
pub const PATIENCE: usize = 10;

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
/// the next one others. With `everything`, whatever can be run is run.
pub fn decide(
    candidates: &[Candidate],
    history: &History,
    seed: &str,
    everything: bool,
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
    let decision = |candidate: &Candidate| {
        let digest = match &candidate.digest {
            Ok(digest) => digest,
            Err(missing) => return Decision::Unproven(missing.clone()),
        };
        let run = |reason: &str| Decision::Run(reason.to_owned());
        if everything {
            return run("everything is run");
        }
        let Some(proof) = proof(candidate) else {
            let waits = candidate.seldom && history.unproven_for(&candidate.name) + 1 < PATIENCE;
            return match history.last(&candidate.name, digest) {
                Some(_) => run("failed the last time"),
                None if waits => Decision::Unproven("`make prove` runs it".to_owned()),
                None => run("not proven as it is now"),
            };
        };
        if history.next_landing() - proof.record.landing >= BOUND {
            return run("proven long ago");
        }
        if drawn.contains(&candidate.name.as_str()) {
            return run("proven, and drawn to run again");
        }
        Decision::Proven {
            commit: proof.record.commit.clone(),
            day: proof.record.day.clone(),
            seconds: proof.entry.seconds,
        }
    };
    candidates.iter().map(decision).collect()
}
