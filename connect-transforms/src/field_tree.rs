//! [`FieldTree`]: several field paths that are followed together.

use connect_api::{Error, ErrorKind, Result, Schema, Str};

use crate::field_path::FieldPath;

/// Paths by their first step. With paths of one step it is a list of names.
#[derive(Debug)]
pub(crate) struct FieldTree<T>(Vec<Branch<T>>);

/// A field with what is to be done with it, and with the fields below it.
#[derive(Debug)]
pub(crate) struct Branch<T> {
    pub(crate) name: Str,
    /// Set where a path ends.
    pub(crate) here: Option<T>,
    pub(crate) below: FieldTree<T>,
}

impl<T> Default for FieldTree<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FieldTree<T> {
    /// Where a path ends, made if it is not there.
    pub(crate) fn entry(&mut self, path: &FieldPath) -> Result<&mut Option<T>> {
        let (last, before) = path.split().map_err(|_| {
            Error::new(ErrorKind::Config, "The empty path names no field; write `` for a field without name")
        })?;
        let tree = before.iter().fold(self, |tree, step| &mut tree.branch(step).below);
        Ok(&mut tree.branch(last).here)
    }

    fn branch(&mut self, name: &Str) -> &mut Branch<T> {
        let place = self.0.iter().position(|branch| branch.name == *name).unwrap_or_else(|| {
            self.0.push(Branch { name: name.clone(), here: None, below: Self::default() });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// The branch of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&Branch<T>> {
        self.0.iter().find(|branch| branch.name == name)
    }

    /// All branches, in the order in which they were made.
    pub(crate) fn branches(&self) -> &[Branch<T>] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a condition holds for the end of some path.
    pub(crate) fn any(&self, holds: &impl Fn(&T) -> bool) -> bool {
        self.0.iter().any(|branch| branch.here.as_ref().is_some_and(holds) || branch.below.any(holds))
    }

    /// Whether some path ends at a field of the schema.
    pub(crate) fn reaches(&self, schema: &Schema) -> bool {
        self.0.iter().any(|branch| match schema.field(&branch.name) {
            Ok(Some(field)) => branch.here.is_some() || branch.below.reaches(field.schema()),
            _ => false,
        })
    }

    /// The name of a field at which one path ends, and through which another leads.
    pub(crate) fn crossing(&self) -> Option<&Str> {
        self.0.iter().find_map(|branch| match branch.here.is_some() && !branch.below.is_empty() {
            true => Some(&branch.name),
            false => branch.below.crossing(),
        })
    }
}
