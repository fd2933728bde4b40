//! `connect-worker dlq`: what stands in a dead letter topic, why, and the way back.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use connect_api::Properties;
use connect_runtime::Connect;
use connect_runtime::config::read_properties_file;
use connect_runtime::dead_letters::{DeadLetter, DeadLetterTopic, Selection};

use crate::table::columns;
use crate::{Failure, output, plugins};

/// How wide a value may be in the list.
const WIDTH: usize = 40;

#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    /// Lists letters, one line each: where they stand, where they came from, what went wrong.
    List {
        #[command(flatten)]
        topic: Topic,
        #[command(flatten)]
        filter: Filter,
        /// How many to show.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        limit: usize,
    },
    /// Shows letters in full: the record, and the error with all its causes.
    Show {
        #[command(flatten)]
        topic: Topic,
        #[command(flatten)]
        filter: Filter,
    },
    /// Writes records back to the topic that they came from, as they were. The letters stay.
    Replay {
        #[command(flatten)]
        topic: Topic,
        #[command(flatten)]
        filter: Filter,
        /// All letters of the topic; needed where nothing else says which.
        #[arg(long)]
        all: bool,
        /// Another topic than the one that the letters name.
        #[arg(long, value_name = "TOPIC")]
        to: Option<String>,
        /// Only says how many records that would be.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which dead letter topic.
#[derive(Args, Debug)]
pub(crate) struct Topic {
    /// The worker's properties: where Kafka is, and how to log in.
    worker: PathBuf,
    /// The dead letter topic.
    topic: String,
}

/// Which of its letters; all conditions must hold.
#[derive(Args, Debug)]
pub(crate) struct Filter {
    /// A letter by partition and offset of the dead letter topic, 0:17 say; several of them with several --at.
    #[arg(long, value_name = "PARTITION:OFFSET", value_parser = position)]
    at: Vec<(i32, i64)>,
    /// The stage that failed: VALUE_CONVERTER, TRANSFORMATION, TASK_PUT and so on.
    #[arg(long)]
    stage: Option<String>,
    /// The Java class of the error, with or without its package.
    #[arg(long, value_name = "CLASS")]
    exception: Option<String>,
    /// The connector that gave the record up.
    #[arg(long, value_name = "NAME")]
    connector: Option<String>,
}

fn position(text: &str) -> Result<(i32, i64), String> {
    let parsed = text
        .split_once(':')
        .and_then(|(partition, offset)| Some((partition.parse::<i32>().ok()?, offset.parse::<i64>().ok()?)));
    parsed.ok_or_else(|| format!("`{text}` is no partition and offset such as 0:17"))
}

impl Filter {
    fn selection(&self) -> Selection {
        let mut selection = Selection::all();
        for (partition, offset) in &self.at {
            selection = selection.at(*partition, *offset);
        }
        if let Some(stage) = &self.stage {
            selection = selection.stage(stage);
        }
        if let Some(class) = &self.exception {
            selection = selection.exception(class);
        }
        match &self.connector {
            Some(name) => selection.connector(name),
            None => selection,
        }
    }
}

/// Does it and ends.
pub(crate) fn run(what: &Dlq) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The program could not be started: {error}");
            return Failure::Worker.into();
        }
    };
    match runtime.block_on(work(what)) {
        Ok(()) => ExitCode::SUCCESS,
        Err((failure, text)) => {
            eprintln!("{text}");
            failure.into()
        }
    }
}

type Done<T> = Result<T, (Failure, String)>;

async fn work(what: &Dlq) -> Done<()> {
    match what {
        Dlq::List { topic, filter, limit } => list(&open(topic).await?, &filter.selection(), *limit).await,
        Dlq::Show { topic, filter } => show(&open(topic).await?, &filter.selection()).await,
        Dlq::Replay { topic, filter, all, to, dry_run } => {
            let selection = filter.selection();
            if !all && !selection.is_restricted() {
                let text = "Say which letters: --at, --stage, --exception, --connector, or --all";
                return Err((Failure::Usage, text.to_owned()));
            }
            replay(&open(topic).await?, &selection, to.as_deref(), *dry_run).await
        }
    }
}

async fn open(topic: &Topic) -> Done<DeadLetterTopic> {
    let properties =
        read_properties_file(&topic.worker).await.map_err(|error| (Failure::Worker, error.trace()))?;
    // A file for this purpose needs no more than the way to Kafka.
    let defaults = Properties::from([
        ("key.converter", "ByteArrayConverter"),
        ("value.converter", "ByteArrayConverter"),
        ("offset.storage.file.filename", "unused"),
    ]);
    let mut all = defaults;
    all.extend(properties);
    let builder = Connect::builder().standalone().properties(all).plugins(plugins::register);
    builder.dead_letters(&topic.topic).await.map_err(|error| {
        let text = format!("Worker, from '{}': {}", topic.worker.display(), crate::error_text(&error));
        (Failure::Worker, text)
    })
}

fn failed(error: &connect_runtime::Error) -> (Failure, String) {
    (Failure::Start, crate::error_text(error))
}

async fn list(topic: &DeadLetterTopic, selection: &Selection, limit: usize) -> Done<()> {
    let mut rows = vec![["AT", "FROM", "CONNECTOR", "STAGE", "ERROR", "VALUE"].map(str::to_owned).to_vec()];
    let mut more = false;
    let visit = topic.visit(selection, |letter| {
        more = rows.len() > limit;
        if more {
            return ControlFlow::Break(());
        }
        rows.push(row(&letter));
        ControlFlow::Continue(())
    });
    visit.await.map_err(|error| failed(&error))?;
    output::print(columns(&rows));
    if more {
        output::line("There are more; --limit shows them.");
    }
    Ok(())
}

fn row(letter: &DeadLetter) -> Vec<String> {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let task = letter.task().map(|task| format!("-{task}")).unwrap_or_default();
    let simple = letter.exception().and_then(|class| class.rsplit('.').next());
    vec![
        format!("{}:{}", letter.partition, letter.offset),
        origin(letter),
        letter.connector().map_or_else(|| "-".to_owned(), |name| format!("{name}{task}")),
        text(letter.stage()),
        match (simple, letter.message()) {
            (Some(class), Some(message)) => short(&format!("{class}: {}", message.trim()), 2 * WIDTH),
            (class, message) => text(class.or(message)),
        },
        short(&bytes(letter.value.as_deref()), WIDTH),
    ]
}

fn origin(letter: &DeadLetter) -> String {
    match (letter.origin_topic(), letter.origin_partition(), letter.origin_offset()) {
        (Some(topic), Some(partition), Some(offset)) => format!("{topic}-{partition}@{offset}"),
        (Some(topic), ..) => format!(
            "{topic} (source {} {})",
            letter.source_partition().unwrap_or("?"),
            letter.source_offset().unwrap_or("?")
        ),
        _ => "-".to_owned(),
    }
}

fn short(text: &str, width: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(width) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// Text where it is text; otherwise how much there is.
fn bytes(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "(null)".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("({} bytes, {})", bytes.len(), hex(bytes)),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > 16 { " …" } else { "" };
    format!("{}{more}", shown.join(" "))
}

async fn show(topic: &DeadLetterTopic, selection: &Selection) -> Done<()> {
    let visit = topic.visit(selection, |letter| {
        output::print(story(&letter));
        ControlFlow::Continue(())
    });
    visit.await.map_err(|error| failed(&error))
}

fn story(letter: &DeadLetter) -> String {
    let mut rows = vec![
        ("letter", format!("{}:{}", letter.partition, letter.offset)),
        ("from", origin(letter)),
        ("key", bytes(letter.key.as_deref())),
        ("value", bytes(letter.value.as_deref())),
    ];
    for (name, value) in letter.original_headers().iter() {
        rows.push(("header", format!("{name}={}", bytes(value.map(|value| &value[..])))));
    }
    let task = letter.task().map(|task| format!(", task {task}")).unwrap_or_default();
    let told = [
        ("connector", letter.connector().map(|name| format!("{name}{task}"))),
        ("stage", letter.stage().map(str::to_owned)),
        ("class", letter.class().map(str::to_owned)),
        ("error", letter.exception().map(str::to_owned)),
        ("message", letter.message().map(str::to_owned)),
    ];
    rows.extend(told.into_iter().filter_map(|(name, text)| Some((name, text?))));
    let mut text: String = rows.iter().map(|(name, value)| format!("{name:<10}{value}\n")).collect();
    match letter.stack_trace() {
        Some(trace) => {
            for line in trace.lines() {
                text.push_str(&format!("    {line}\n"));
            }
        }
        None => text.push_str(
            "It has no headers that say more: errors.deadletterqueue.context.headers.enable was off.\n",
        ),
    }
    text.push('\n');
    text
}

async fn replay(topic: &DeadLetterTopic, selection: &Selection, to: Option<&str>, dry_run: bool) -> Done<()> {
    if dry_run {
        let (mut records, mut lost) = (0_u64, 0_u64);
        let visit = topic.visit(selection, |letter| {
            if to.is_some() || letter.origin_topic().is_some() {
                records += 1
            } else {
                lost += 1
            }
            ControlFlow::Continue(())
        });
        visit.await.map_err(|error| failed(&error))?;
        output::line(format_args!("{records} records would be written."));
        if lost > 0 {
            output::line(format_args!(
                "{lost} letters do not say where they came from; --to names a topic for them."
            ));
        }
        return Ok(());
    }
    let replayed = topic.replay(selection, to).await.map_err(|error| failed(&error))?;
    output::line(format_args!("{} records were written.", replayed.records));
    if replayed.without_origin.is_empty() {
        return Ok(());
    }
    let lost: Vec<String> = replayed.without_origin.iter().map(|(p, o)| format!("{p}:{o}")).collect();
    let text =
        format!("These do not say where they came from; --to names a topic for them: {}", lost.join(" "));
    Err((Failure::Start, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_partition_and_an_offset() {
        assert_eq!(position("3:17"), Ok((3, 17)));
        for wrong in ["17", "a:1", "1:", ":"] {
            assert!(position(wrong).unwrap_err().contains(wrong));
        }
    }

    #[test]
    fn values_are_shown_in_one_short_line() {
        assert_eq!(short("a\nb", 9), "a b");
        assert_eq!(short("größer als das", 6), "größer…");
        assert_eq!(bytes(None), "(null)");
        assert_eq!(bytes(Some(&[0xff, 0x01])), "(2 bytes, ff 01)");
    }
}
