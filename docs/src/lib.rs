//! The book, compiled: every code block of every chapter is a doc test
//!
//! A chapter that is not listed here is not tested; the tests below see to it that none is forgotten.

pub mod spool;
pub mod text_files;

macro_rules! chapters {
    ($($module:ident: $file:literal),* $(,)?) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!($file)]
            mod $module {}
        )*

        #[cfg(test)]
        const CHAPTERS: &[(&str, &str)] = &[$(($file, include_str!($file))),*];
    };
}
chapters! {
    readme: "../../README.md",
    architecture: "../../ARCHITECTURE.md",
    introduction: "introduction.md",
    embed: "tutorial/embed.md",
    source: "tutorial/source.md",
    sink: "tutorial/sink.md",
    test: "tutorial/test.md",
    publish: "tutorial/publish.md",
    rest: "operate/rest.md",
    metrics: "operate/metrics.md",
    offsets: "guide/offsets.md",
    exactly_once: "guide/exactly-once.md",
    exactly_once_sinks: "guide/exactly-once-sinks.md",
    errors: "guide/errors.md",
    config: "guide/config.md",
    application: "guide/application.md",
    simulation: "guide/simulation.md",
    performance: "guide/performance.md",
    worker: "operate/worker.md",
    deviations: "deviations.md",
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::CHAPTERS;

    const SUMMARY: &str = include_str!("SUMMARY.md");

    fn book() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
    }

    fn pages(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pages(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.strip_prefix(book()).unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_page_stands_in_the_summary_and_every_entry_of_it_is_a_page() {
        let mut found = Vec::new();
        pages(&book(), &mut found);
        for page in found {
            let page = page.display().to_string();
            assert!(page == "SUMMARY.md" || SUMMARY.contains(&format!("]({page})")), "{page} is not listed");
        }
        for entry in SUMMARY.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(book().join(entry).is_file(), "{entry} does not exist");
        }
    }

    #[test]
    fn every_page_with_rust_in_it_is_compiled() {
        let mut found = Vec::new();
        pages(&book(), &mut found);
        for page in found {
            let page = page.display().to_string();
            let text = fs::read_to_string(book().join(&page)).unwrap();
            let listed = CHAPTERS.iter().any(|(file, _)| *file == page);
            assert!(listed || !text.contains("```rust"), "{page} is not a chapter of lib.rs");
        }
    }

    #[test]
    fn links_between_pages_lead_somewhere() {
        let mut found = Vec::new();
        pages(&book(), &mut found);
        for page in found {
            let path = book().join(&page);
            let text = fs::read_to_string(&path).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
                let inside = !link.is_empty() && !link.contains(':');
                assert!(!inside || path.parent().unwrap().join(link).exists(), "{}: {link}", page.display());
            }
        }
    }

    #[test]
    fn the_tutorials_show_the_code_that_is_tested() {
        let shown = |chapter: &str, code: &str| {
            let (_, text) = CHAPTERS.iter().find(|(file, _)| *file == chapter).unwrap();
            assert!(text.contains(code.trim()), "{chapter} differs from its module");
        };
        shown("tutorial/source.md", include_str!("spool.rs"));
        shown("tutorial/sink.md", include_str!("text_files.rs"));
    }

    #[test]
    fn the_program_of_the_readme_is_short() {
        let (_, readme) = CHAPTERS[0];
        let program = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert!(program.lines().count() <= 23, "{} lines", program.lines().count());
    }
}
