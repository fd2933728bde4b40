//! What a new version of a subject must fit.

use std::sync::Arc;

use super::language::{References, reads};
use crate::registry::RegistrySchema;

/// A schema with the texts of its references.
pub(super) type Resolved = (RegistrySchema, Vec<(String, Arc<str>)>);

/// Which schemas a new one must be able to read, or be read by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compatibility {
    /// Anything goes.
    None,
    /// The new one reads the latest.
    #[default]
    Backward,
    /// The new one reads all.
    BackwardTransitive,
    /// The latest reads the new one.
    Forward,
    /// All read the new one.
    ForwardTransitive,
    /// Both ways with the latest.
    Full,
    /// Both ways with all.
    FullTransitive,
}

impl Compatibility {
    /// As the registry's API writes it, `BACKWARD_TRANSITIVE` say.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "NONE" => Self::None,
            "BACKWARD" => Self::Backward,
            "BACKWARD_TRANSITIVE" => Self::BackwardTransitive,
            "FORWARD" => Self::Forward,
            "FORWARD_TRANSITIVE" => Self::ForwardTransitive,
            "FULL" => Self::Full,
            "FULL_TRANSITIVE" => Self::FullTransitive,
            _ => return None,
        })
    }

    /// Checks a new schema against earlier ones, the latest last.
    pub(super) fn check(
        self,
        new: &RegistrySchema,
        references: &References,
        earlier: &[Resolved],
    ) -> Result<(), String> {
        let (backward, forward, all) = match self {
            Self::None => return Ok(()),
            Self::Backward => (true, false, false),
            Self::BackwardTransitive => (true, false, true),
            Self::Forward => (false, true, false),
            Self::ForwardTransitive => (false, true, true),
            Self::Full => (true, true, false),
            Self::FullTransitive => (true, true, true),
        };
        let from = if all { 0 } else { earlier.len().saturating_sub(1) };
        for (old, old_references) in &earlier[from..] {
            let (new, old) = ((new, references), (old, old_references.as_slice()));
            if backward {
                reads(new, old)?;
            }
            if forward {
                reads(old, new)?;
            }
        }
        Ok(())
    }
}
