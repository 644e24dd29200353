//! Reading a breakdown against the Markdown parser alone, in turns in one process.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use execution_coordinator::breakdown::{Deps, parse};
use std::time::Instant;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut ours, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        let begin = Instant::now();
        std::hint::black_box(parse(&text, None, Deps::Explicit));
        ours.push(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        std::hint::black_box(pulldown_cmark::Parser::new(&text).into_offset_iter().count());
        alone.push(begin.elapsed().as_secs_f64());
    }
    ours.sort_by(f64::total_cmp);
    alone.sort_by(f64::total_cmp);
    let megabytes = text.len() as f64 / 1e6;
    let tasks = parse(&text, None, Deps::Explicit).plan.tasks.len();
    println!(
        "| {tasks} tasks | {megabytes:.1} | {:.0} | {:.0} | {:.2} |",
        megabytes / ours[3],
        megabytes / alone[3],
        ours[3] / alone[3]
    );
}
