//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::dlq::Dlq;

const EXAMPLES: &str = "\
Examples:
  connect-worker plugins
      lists the connectors, converters and transformations that are built in
  connect-worker plugins FileStreamSource
      prints the configuration keys of one of them
  connect-worker explain orders.json --sample order.json
      shows what each transformation and converter of a connector makes of a record, without Kafka
  connect-worker dlq list worker.properties orders-dead
      lists the dead letters of a topic with what went wrong
  connect-worker standalone worker.properties file-source.properties file-sink.json
      runs a worker with two connectors until Ctrl+C

  connect-worker distributed worker.properties
      runs a worker of a group, beside Java's workers or without them

A worker.properties that is complete:
  bootstrap.servers=localhost:9092
  key.converter=org.apache.kafka.connect.storage.StringConverter
  value.converter=org.apache.kafka.connect.storage.StringConverter
  offset.storage.file.filename=connect.offsets

A file-source.properties that is complete:
  name=file-source
  connector.class=FileStreamSource
  file=input.txt
  topic=lines";

const STANDALONE: &str = "\
The files are those of Kafka's connect-standalone, unchanged. A connector is described by Java properties with
`name`, by a flat JSON object with `name`, or by the JSON of a create request: {\"name\": …, \"config\": {…}}.
Connectors are created in the order given, and each is waited for. If one cannot be created, the worker stops.

Ctrl+C or SIGTERM stops the worker: records under way are delivered, offsets committed, and what did not stop within
task.shutdown.graceful.timeout.ms is named. A second one ends the program at once.

Exit codes:
  0  stopped by a signal
  1  the command line is wrong, or help was asked for
  2  the worker file cannot be read or is wrong, or Kafka cannot be reached
  3  the worker did not start, or a connector could not be created";

const DISTRIBUTED: &str = "\
The file is that of Kafka's connect-distributed, unchanged: group.id names the group, and config.storage.topic,
offset.storage.topic and status.storage.topic hold what the workers know together. Connectors are created through the
REST API of any worker. Workers that run on one machine need different ports: listeners=http://:8084

A worker finds the others by the addresses that they announce: rest.advertised.host.name and rest.advertised.port.

Ctrl+C or SIGTERM stops the worker: its tasks commit and stop, and it leaves the group. The others take over after
scheduled.rebalance.max.delay.ms, unless it is back by then.

Exit codes:
  0  stopped by a signal
  1  the command line is wrong, or help was asked for
  2  the worker file cannot be read or is wrong, or Kafka cannot be reached
  3  the worker did not start";

const EXPLAIN: &str = "\
No connector is started, and no Kafka is needed. A source's record goes through transformations, then converters; a
sink's bytes go through converters, then transformations. For each stage the report says what it
  reads   the parts that the outcome depends on, found by changing each of them
  writes  the parts that are new or different
  drops   the parts that are gone
and about how long it takes: an estimate, measured here with this one record.

The sample is a JSON object; every member may be left out:
  {\"topic\": \"orders\", \"partition\": 0, \"offset\": 42, \"timestamp\": 1700000000000,
   \"key\": \"7\", \"value\": {\"id\": 7}, \"headers\": [{\"key\": \"trace\", \"value\": \"a1\"}]}
For a source, key, value and header values are data: plain JSON has no schema, {\"schema\": …, \"payload\": …} has one, as
JsonConverter writes it. For a sink they are what stands in Kafka: a text is its UTF-8 bytes, {\"base64\": …} is those
bytes, any other JSON is its own text. Without --sample the source says what its records look like, or one is made up.

Exit codes:
  0  the record came through, or was dropped on purpose
  1  the command line or the sample is wrong
  2  the worker file cannot be read or is wrong
  3  the connector's configuration is wrong, or a stage refuses the sample";

const DLQ: &str = "\
A dead letter says where it came from and what went wrong when its connector has
errors.deadletterqueue.context.headers.enable=true. The worker's properties need no more than bootstrap.servers, and
what it takes to log in below consumer., producer. and at the top level.

  connect-worker dlq list worker.properties orders-dead --stage VALUE_CONVERTER
  connect-worker dlq show worker.properties orders-dead --at 0:17
  connect-worker dlq replay worker.properties orders-dead --exception DataException --dry-run

Replayed records keep key, value, timestamp, headers and partition, and lose the headers about the error. The letters
stay in their topic: a second replay writes the records again. Every reader of the origin gets them.

Exit codes:
  0  done
  1  the command line is wrong
  2  the worker file cannot be read or is wrong
  3  Kafka cannot be reached, there is no such topic, or letters could not be replayed";

/// Runs Kafka Connect's configuration files with the connectors that are built into this program.
#[derive(Debug, Parser)]
#[command(name = "connect-worker", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs one worker with connectors from files; source offsets are kept in a file.
    #[command(after_help = STANDALONE, arg_required_else_help = true)]
    Standalone {
        /// The worker's properties. An empty argument ("") means none.
        worker: OsString,
        /// Connectors to create, as .properties or .json.
        connectors: Vec<PathBuf>,
        /// What to log: error, warn, info, debug, trace, or per target: info,connect_runtime=debug. Also taken from
        /// RUST_LOG. [default: info; on a terminal warn]
        #[arg(long, value_name = "LEVEL")]
        log_level: Option<String>,
    },
    /// Runs one worker of a group that shares connectors and tasks; Java's workers may be in the same group.
    #[command(after_help = DISTRIBUTED, arg_required_else_help = true)]
    Distributed {
        /// The worker's properties.
        worker: OsString,
        /// What to log: error, warn, info, debug, trace, or per target: info,connect_runtime=debug. Also taken from
        /// RUST_LOG. [default: info; on a terminal warn]
        #[arg(long, value_name = "LEVEL")]
        log_level: Option<String>,
    },
    /// Shows what each stage of a connector makes of one record: reads, writes, drops, costs.
    #[command(after_help = EXPLAIN, arg_required_else_help = true)]
    Explain {
        /// The connector, as .properties or .json, as `standalone` takes it.
        connector: PathBuf,
        /// The worker's properties, for its converters and config providers. Without it converters are JsonConverter.
        #[arg(long, value_name = "FILE")]
        worker: Option<PathBuf>,
        /// A record to try, as JSON.
        #[arg(long, value_name = "FILE")]
        sample: Option<PathBuf>,
        /// Prints JSON for a program.
        #[arg(long)]
        json: bool,
    },
    /// Looks into a dead letter topic, and writes records back to where they came from.
    #[command(after_help = DLQ, arg_required_else_help = true, subcommand_required = true)]
    Dlq {
        #[command(subcommand)]
        what: Dlq,
    },
    /// Lists the plugins that are built in, or the configuration keys of one.
    Plugins {
        /// A plugin, under any of its names. `worker`, `source` and `sink` are the keys of the worker itself and those
        /// that all source or sink connectors have.
        name: Option<String>,
    },
    /// Writes the reference of all configuration keys as Markdown files.
    Docs {
        /// Where to write them. It is made if it is missing.
        directory: PathBuf,
    },
}
