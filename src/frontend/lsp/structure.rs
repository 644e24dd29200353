//! The breakdown as a tree: symbols, folding, selection, links.

use super::snapshot::{Item, Snapshot};
use crate::core::progress::stream_label;
use crate::escape::line;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use tower_lsp::ls_types::{
    DocumentLink, DocumentSymbol, FoldingRange, FoldingRangeKind, Position, Range as Span,
    SelectionRange, SymbolInformation, SymbolKind, Uri,
};

impl Snapshot {
    /// What something is called.
    pub fn name(&self, item: &Item) -> String {
        line(&match item {
            Item::Task(id) => {
                let title = self.planned(id).map_or("", |task| task.title.as_str());
                format!("{id} {title}").trim().to_owned()
            }
            Item::Stream(id) => {
                let name = self
                    .parsed()
                    .plan
                    .streams
                    .iter()
                    .find(|stream| stream.id == *id)
                    .map_or("", |stream| stream.name.as_str());
                let label = stream_label(id.as_str());
                if name.is_empty() || label.contains(name) {
                    label
                } else {
                    format!("{label}: {name}")
                }
            }
            Item::Gate(id) => id.to_string(),
        })
    }

    fn kind(item: &Item) -> SymbolKind {
        match item {
            Item::Task(_) => SymbolKind::METHOD,
            Item::Stream(_) => SymbolKind::MODULE,
            Item::Gate(_) => SymbolKind::EVENT,
        }
    }

    /// The stream that something belongs to.
    fn parent(&self, item: &Item) -> Option<Item> {
        match item {
            Item::Task(id) => self.planned(id)?.stream.clone().map(Item::Stream),
            _ => None,
        }
    }

    /// Streams with their tasks, and gates.
    pub fn symbols(&self) -> Vec<DocumentSymbol> {
        let mut roots: Vec<(Item, DocumentSymbol)> = Vec::new();
        for (item, span, block) in self.blocks() {
            #[expect(deprecated, reason = "the field has to be there")]
            let symbol = DocumentSymbol {
                name: self.name(&item),
                detail: self.label(&item).map(|label| label.text),
                kind: Self::kind(&item),
                tags: None,
                deprecated: None,
                range: self.span(&(block.start..block.end.max(span.end))),
                selection_range: self.span(&(span.start..span.end.min(self.line_end(span.start)))),
                children: None,
            };
            let parent = self
                .parent(&item)
                .and_then(|parent| roots.iter_mut().find(|(known, _)| *known == parent));
            match parent {
                Some((_, parent)) => parent.children.get_or_insert_default().push(symbol),
                None => roots.push((item, symbol)),
            }
        }
        roots.into_iter().map(|(_, symbol)| symbol).collect()
    }

    /// The same without a tree, for clients that take none.
    pub fn flat_symbols(&self) -> Vec<SymbolInformation> {
        let one = |(item, _, block): (Item, Range<usize>, Range<usize>)| {
            #[expect(deprecated, reason = "the field has to be there")]
            let symbol = SymbolInformation {
                name: self.name(&item),
                kind: Self::kind(&item),
                tags: None,
                deprecated: None,
                location: self.location(&block),
                container_name: self.parent(&item).map(|parent| self.name(&parent)),
            };
            symbol
        };
        self.blocks().into_iter().map(one).collect()
    }

    /// One fold for each stream and each task of several lines.
    pub fn folds(&self) -> Vec<FoldingRange> {
        let fold = |(_, _, block): (Item, Range<usize>, Range<usize>)| {
            let (start, end) = (self.position(block.start).line, self.position(block.end).line);
            (end > start).then(|| FoldingRange {
                start_line: start,
                end_line: end,
                kind: Some(FoldingRangeKind::Region),
                ..FoldingRange::default()
            })
        };
        self.blocks().into_iter().filter_map(fold).collect()
    }

    /// The line, the task, the stream, the whole.
    pub fn selection(&self, position: Position) -> SelectionRange {
        let offset = self.offset(position);
        let whole = self.analysis.window.clone();
        let mut ranges = Vec::from([whole]);
        let around = |block: &Range<usize>| block.start <= offset && offset <= block.end;
        let mut blocks: Vec<Range<usize>> =
            self.blocks().into_iter().map(|(_, _, block)| block).filter(around).collect();
        blocks.sort_by_key(|block| std::cmp::Reverse(block.len()));
        ranges.extend(blocks);
        ranges.push(self.line(offset));
        let mut selection: Option<SelectionRange> = None;
        for range in ranges {
            let span = self.span(&range);
            let inside = |outer: Range<usize>| outer.start <= range.start && range.end <= outer.end;
            if selection
                .as_ref()
                .is_none_or(|parent| parent.range != span && inside(self.bytes(parent.range)))
            {
                selection = Some(SelectionRange { range: span, parent: selection.map(Box::new) });
            }
        }
        selection.unwrap_or(SelectionRange { range: Span::default(), parent: None })
    }

    /// Files that tasks name, where they exist below the breakdown's workspace.
    pub fn links(&self, roots: &[PathBuf]) -> Vec<DocumentLink> {
        let folder = self.analysis.path.as_deref().and_then(Path::parent);
        let bases: Vec<&Path> =
            folder.into_iter().chain(roots.iter().map(PathBuf::as_path)).collect();
        let mut links = Vec::new();
        for (item, _, block) in self.blocks() {
            let Item::Task(id) = &item else { continue };
            let Some(task) = self.planned(id) else { continue };
            for file in &task.files {
                let relative = Path::new(file);
                let safe = relative.components().all(|part| matches!(part, Component::Normal(_)));
                let target =
                    bases.iter().map(|base| base.join(relative)).find(|path| safe && exists(path));
                let at = self.text()[block.clone()].find(file.as_str()).map(|at| block.start + at);
                if let (Some(at), Some(target)) = (at, target.and_then(Uri::from_file_path)) {
                    let tooltip = Some(format!("a file of task {id}"));
                    links.push(DocumentLink {
                        range: self.span(&(at..at + file.len())),
                        target: Some(target),
                        tooltip,
                        data: None,
                    });
                }
            }
            if let Some((state, ix)) = self.task_state(id)
                && let Some((order, _)) = &state.tasks[ix].result
                && let Some(item) = self.task(id)
                && let Some(name) = item.name(self.text())
                && let Some(target) = self
                    .execution
                    .as_ref()
                    .and_then(|execution| Uri::from_file_path(execution.output(*order)))
            {
                let tooltip = Some(format!("what its last attempt ({order}) printed"));
                links.push(DocumentLink {
                    range: self.span(&name),
                    target: Some(target),
                    tooltip,
                    data: None,
                });
            }
        }
        links
    }
}

/// A link to what does not exist is worse than none.
fn exists(path: &Path) -> bool {
    path.is_file()
}
