//! Whose the ranges of a text are, once that is found out (`ownership`).

use std::ops::Range;

/// Whose a range of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A task, by its index.
    Task(usize),
    /// A group of tasks, by its index.
    Group(usize),
    /// The plan as a whole.
    Plan,
    /// Nobody.
    Unused(Reason),
}

/// Why a range of the text belongs to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Front matter of a file that is no task.
    FrontMatter,
    /// A comment.
    Comment,
    /// Links to the text's own headings.
    TableOfContents,
    /// A record of what happened to the text or the plan.
    History,
}

impl Reason {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::FrontMatter => "front matter",
            Self::Comment => "a comment",
            Self::TableOfContents => "a table of contents",
            Self::History => "a section that is known to hold no work",
        }
    }
}

/// Whose text is whose, section by section: from one heading to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ownership {
    /// The sections in the order of the text.
    pub sections: Vec<Section>,
    /// Headings, and items of lists, with tasks below them.
    pub groups: Vec<Group>,
    /// The innermost group of each task.
    pub of_task: Vec<Option<usize>>,
}

/// What stands below one heading, with the heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Where it starts, in bytes of the whole text.
    pub start: usize,
    /// Its ranges without gaps, in bytes from its start on, each with its owner.
    pub parts: Vec<(Range<usize>, Owner)>,
}

/// A heading, or an item of a list, with tasks below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The line that names it.
    pub span: Range<usize>,
    /// The group that it is in.
    pub parent: Option<usize>,
}

impl Ownership {
    /// All ranges with their owners, in the order of the text.
    pub fn ranges(&self) -> impl Iterator<Item = (Range<usize>, Owner)> {
        self.sections.iter().flat_map(|section| {
            section.parts.iter().map(|(range, owner)| {
                (section.start + range.start..section.start + range.end, *owner)
            })
        })
    }

    /// The owners whose words are told about a task: its own, its groups from the innermost on, the plan.
    pub fn told_to(&self, task: usize) -> Vec<Owner> {
        let mut owners = vec![Owner::Task(task)];
        let mut next = self.of_task.get(task).copied().flatten();
        while let Some(group) = next.filter(|_| owners.len() <= self.groups.len()) {
            owners.push(Owner::Group(group));
            next = self.groups[group].parent;
        }
        owners.push(Owner::Plan);
        owners
    }

    /// Whose a byte is.
    pub fn owner_at(&self, offset: usize) -> Option<Owner> {
        let at = self.sections.partition_point(|section| section.start <= offset).checked_sub(1)?;
        let section = &self.sections[at];
        section
            .parts
            .iter()
            .find(|(range, _)| range.contains(&(offset - section.start)))
            .map(|(_, owner)| *owner)
    }
}
