//! No module uses another one that uses it, by whatever way. Modules and those in them are left aside: what a module has
//! in files of its own is one thing.

use crate::house::sources;
use std::collections::{BTreeMap, BTreeSet};

type Uses = BTreeMap<String, BTreeSet<String>>;

/// The paths of a tree of imports, each as it would stand alone.
fn paths(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else {
        return vec![tree.trim().trim_end_matches("::self").to_owned()];
    };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut part, mut parts) = (0_usize, String::new(), Vec::new());
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let whole = |part: &String| paths(&format!("{head}{part}"));
    parts.iter().filter(|part| !part.is_empty()).flat_map(whole).collect()
}

/// What stands behind each `crate::` and `super::` in a file, with that.
fn mentions(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(|line| line.split_whitespace().chain([" "]))
        .collect();
    let starts = code.match_indices("crate::").chain(code.match_indices("super::"));
    let is_start = |at: usize| !code[..at].ends_with([':', '_']) || code[..at].ends_with("crate::");
    let mut found = Vec::new();
    for (at, _) in starts.filter(|(at, _)| is_start(*at)) {
        let (mut depth, mut before) = (0_usize, ' ');
        let end = code[at..].find(|c: char| {
            // Another bracket begins a value or a block.
            let is_group = c == '{' && (depth > 0 || before == ':');
            depth += usize::from(is_group);
            let ends = depth == 0 && !c.is_alphanumeric() && !matches!(c, '_' | ':');
            depth -= usize::from(c == '}' && depth > 0);
            before = c;
            ends
        });
        found.extend(paths(code[at..].split_at(end.unwrap_or(code.len() - at)).0));
    }
    found
}

/// The longest module that a path from another module begins with.
fn module_of(path: &str, from: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut at: Vec<&str> = Vec::new();
    for (ix, part) in path.split("::").enumerate() {
        match part {
            "crate" => at.clear(),
            "super" if ix == 0 => at = from.split("::").collect(),
            _ => {}
        }
        match part {
            "crate" => {}
            "super" => drop(at.pop()),
            name => at.push(name),
        }
    }
    while !at.is_empty() {
        let name = at.join("::");
        if modules.contains(&name) {
            return Some(name);
        }
        at.pop();
    }
    None
}

fn uses(sources: &[(String, String)]) -> Uses {
    let name = |file: &str| file.trim_end_matches(".rs").replace('/', "::");
    let modules: BTreeSet<String> = sources.iter().map(|(file, _)| name(file)).collect();
    let is_within = |one: &str, other: &str| {
        one == other || one.strip_prefix(other).is_some_and(|rest| rest.starts_with("::"))
    };
    let of = |(file, text): &(String, String)| {
        let module = name(file);
        let used = mentions(text)
            .iter()
            .filter_map(|path| module_of(path, &module, &modules))
            .filter(|used| !is_within(used, &module) && !is_within(&module, used))
            .collect();
        (module, used)
    };
    sources.iter().map(of).collect()
}

/// A cycle that goes through a module, the shortest there is.
fn cycle_through(start: &str, uses: &Uses) -> Option<Vec<String>> {
    let mut ways: Vec<Vec<&str>> = vec![vec![start]];
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut at = 0;
    while let Some(way) = ways.get(at).cloned() {
        at += 1;
        for next in uses.get(*way.last()?).into_iter().flatten() {
            if next == start {
                return Some(way.into_iter().map(str::to_owned).collect());
            }
            if seen.insert(next) {
                ways.push([&way[..], &[next.as_str()]].concat());
            }
        }
    }
    None
}

#[test]
fn no_modules_use_each_other() {
    let uses = uses(&sources());
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 500, "they are read: {uses:?}");
    let cycles: BTreeSet<Vec<String>> =
        uses.keys().filter_map(|module| cycle_through(module, &uses)).collect();
    assert_eq!(cycles, BTreeSet::new());
}

#[test]
fn a_cycle_is_found() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let uses = uses(&[
        file("a.rs", "use crate::b::{self, Thing, c::{Other}};"),
        file("b.rs", ""),
        file("b/c.rs", "fn f() { crate::d::call() }"),
        file("d.rs", "// crate::b\nuse super::a::of;"),
    ]);
    assert_eq!(cycle_through("a", &uses), Some(["a", "b::c", "d"].map(str::to_owned).to_vec()));
    assert_eq!(cycle_through("b", &uses), None);
}
