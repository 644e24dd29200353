//! Ids of tasks, as texts refer to them: exactly, without padding, or as a range.

use super::forms::bare_name;
use super::refs::{Target, ids_in};
use crate::core::id::StreamId;
use crate::core::plan::Plan;
use foldhash::{HashMap, HashMapExt};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// The ids of a plan, as they may be referred to. What few breakdowns need is made when it is.
pub struct Names {
    /// Lower-case ids as written, with the tasks that have them.
    pub exact: HashMap<String, Vec<usize>>,
    /// How many tasks and streams there were.
    of: (usize, usize),
    streams: OnceCell<HashMap<StreamId, Vec<usize>>>,
    groups: OnceCell<HashMap<String, Option<usize>>>,
    sorted: OnceCell<BTreeSet<(String, usize)>>,
    canonical: OnceCell<HashMap<String, Vec<usize>>>,
    numbers: OnceCell<BTreeMap<(String, u64), Vec<usize>>>,
    members: OnceCell<BTreeMap<(String, u64), Vec<usize>>>,
}

impl Names {
    /// The ids of a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut exact: HashMap<String, Vec<usize>> = HashMap::with_capacity(plan.tasks.len());
        for (ix, task) in plan.tasks.iter().enumerate() {
            exact.entry(task.id.as_str().to_lowercase()).or_default().push(ix);
        }
        Self {
            exact,
            of: (plan.tasks.len(), plan.streams.len()),
            streams: OnceCell::new(),
            groups: OnceCell::new(),
            sorted: OnceCell::new(),
            canonical: OnceCell::new(),
            numbers: OnceCell::new(),
            members: OnceCell::new(),
        }
    }

    /// Whether no task and no stream has been added to a plan since.
    pub fn are_of(&self, plan: &Plan) -> bool {
        self.of == (plan.tasks.len(), plan.streams.len())
    }

    /// Tasks with their ids, in the order of the tasks.
    fn ids(&self) -> Vec<(usize, &str)> {
        let mut ids: Vec<(usize, &str)> = self
            .exact
            .iter()
            .flat_map(|(id, holders)| holders.iter().map(|ix| (*ix, id.as_str())))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The tasks of a stream.
    pub fn of_stream(&self, plan: &Plan, stream: &StreamId) -> &[usize] {
        let streams = self.streams.get_or_init(|| {
            let mut streams: HashMap<StreamId, Vec<usize>> = HashMap::new();
            for (ix, task) in plan.tasks.iter().enumerate() {
                task.stream
                    .iter()
                    .for_each(|stream| streams.entry(stream.clone()).or_default().push(ix));
            }
            streams
        });
        streams.get(stream).map_or(&[], Vec::as_slice)
    }

    /// The stream of a name, whatever its case, where no other has it.
    pub fn group(&self, plan: &Plan, name: &str) -> Option<usize> {
        let groups = self.groups.get_or_init(|| {
            let mut groups = HashMap::new();
            for (ix, stream) in plan.streams.iter().enumerate() {
                let name = stream.name.to_lowercase();
                let names = BTreeSet::from(
                    [bare_name(&name), bare_name(stream.id.as_str()), &name].map(str::to_lowercase),
                );
                for name in names {
                    groups.entry(name).and_modify(|known| *known = None).or_insert(Some(ix));
                }
            }
            groups
        });
        groups.get(&name.to_lowercase()).copied().flatten()
    }

    /// The tasks that have this id with something behind it: `T031-MIN`.
    pub fn with_suffix(&self, id: &str) -> Vec<usize> {
        let base = format!("{}-", id.to_lowercase());
        let sorted = self
            .sorted
            .get_or_init(|| self.ids().into_iter().map(|(ix, id)| (id.to_owned(), ix)).collect());
        sorted
            .range((base.clone(), 0)..)
            .take_while(|(name, _)| name.starts_with(&base))
            .map(|(_, ix)| *ix)
            .collect()
    }

    /// The tasks that have this id but for its padding.
    pub fn canonical(&self, id: &str) -> &[usize] {
        let all = self.canonical.get_or_init(|| {
            let mut all: HashMap<String, Vec<usize>> = HashMap::new();
            for (ix, id) in self.ids() {
                all.entry(canonical(id)).or_default().push(ix);
            }
            all
        });
        all.get(&canonical(id)).map_or(&[], Vec::as_slice)
    }

    fn members(&self) -> &BTreeMap<(String, u64), Vec<usize>> {
        self.members.get_or_init(|| by(&self.ids(), member))
    }

    fn numbers(&self) -> &BTreeMap<(String, u64), Vec<usize>> {
        self.numbers.get_or_init(|| by(&self.ids(), number))
    }

    /// The tasks from one id to another, both with the same letters.
    pub fn range(&self, from: &str, to: &str) -> Option<Vec<usize>> {
        let of = |ends: Option<((String, u64), (String, u64))>,
                  all: &BTreeMap<(String, u64), Vec<usize>>|
         -> Vec<usize> {
            let Some(((prefix, low), (second, high))) = ends else { return Vec::new() };
            let fits = (prefix == second || second.is_empty()) && low <= high;
            let keys = all.range((prefix.clone(), low)..=(prefix, high.max(low))).filter(|_| fits);
            keys.flat_map(|(_, holders)| holders.clone()).collect()
        };
        let (from, to) = (from.to_lowercase(), to.to_lowercase());
        let members = of(member(&from).zip(member(&to)), self.members());
        // `1-3` may be all that begins so.
        let members = if members.is_empty() {
            of(number(&from).zip(number(&to)), self.numbers())
        } else {
            members
        };
        if members.is_empty() { None } else { Some(members) }
    }

    /// The tasks that a text names by ids and ranges, as indices.
    pub fn named(&self, text: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for reference in ids_in(text) {
            match &reference.to {
                Target::Task(id) => {
                    found.extend(self.exact.get(&id.to_lowercase()).into_iter().flatten())
                }
                Target::Range(from, to) => found.extend(self.range(from, to).unwrap_or_default()),
                _ => {}
            }
        }
        found
    }

    /// The task whose id is the least different from one that does not exist.
    pub fn nearest(&self, id: &str) -> Option<usize> {
        let id = id.to_lowercase();
        // One number is as near to a wrong one as another: only letters, padding and signs may be slips of the pen.
        let numbers = |id| {
            str::split(id, |c: char| !c.is_ascii_digit())
                .filter_map(|digits| digits.parse::<u64>().ok())
        };
        let own: Vec<u64> = numbers(&id).collect();
        let same = self.exact.iter().filter(|(name, _)| numbers(name).eq(own.iter().copied()));
        let near =
            same.map(|(name, holders)| (strsim::damerau_levenshtein(name, &id), name, holders[0]));
        near.filter(|(distance, ..)| *distance <= 1 + id.len() / 3).min().map(|(_, _, ix)| ix)
    }
}

/// Ids by what they have in common and their numbers.
fn by(
    ids: &[(usize, &str)],
    key: fn(&str) -> Option<(String, u64)>,
) -> BTreeMap<(String, u64), Vec<usize>> {
    let mut all: BTreeMap<(String, u64), Vec<usize>> = BTreeMap::new();
    for (ix, key) in ids.iter().filter_map(|(ix, id)| key(id).map(|key| (*ix, key))) {
        all.entry(key).or_default().push(ix);
    }
    all
}

/// Letters and the first number of an id.
fn number(id: &str) -> Option<(String, u64)> {
    let letters = id.bytes().take_while(|b| b.is_ascii_alphabetic() || *b == b'-').count();
    let digits = id[letters..].bytes().take_while(u8::is_ascii_digit).count();
    id[letters..letters + digits].parse().ok().map(|number| (id[..letters].to_owned(), number))
}

/// An id without padding: `T001` and `t1` are the same.
fn canonical(id: &str) -> String {
    let lower = id.to_lowercase();
    match number(&lower) {
        Some((prefix, value)) => {
            let rest = lower[prefix.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{prefix}{value}{rest}")
        }
        None => lower,
    }
}

/// What the ids of a range have in common, and the number that counts in them: `1.3` is the third of `1.`.
fn member(id: &str) -> Option<(String, u64)> {
    let last =
        id.rsplit_once('.').filter(|(_, last)| last.starts_with(|c: char| c.is_ascii_digit()));
    match last {
        Some((whole, last)) => number(last).map(|(_, value)| (format!("{whole}."), value)),
        None => number(id),
    }
}
