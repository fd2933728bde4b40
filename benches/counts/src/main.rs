//! Runs each converter, transformation chain and loop on a fixed number of records, for callgrind to count.
//!
//! `cargo xtask counts` runs it under `valgrind --tool=callgrind --dump-after=*instructions_until_here*`: callgrind
//! writes what was executed since the last dump each time that function returns, and this program prints a line for
//! each of these dumps: `-` for what does not count, or a name and the number of records. Where a name comes twice, the
//! first with a negative number, the difference counts: what is done once per run drops out.

mod converters;
mod loops;
mod records;
mod transforms;

use connect_api::BoxError;

fn main() -> Result<(), BoxError> {
    converters::run()?;
    transforms::run()?;
    loops::run()
}

/// Everything since the last call was preparation.
fn prepared() {
    instructions_until_here();
    print("-");
}

/// Everything since the last call was the work of a case.
fn counted(name: &str, records: i64) {
    instructions_until_here();
    print(&format!("{name}\t{records}"));
}

/// A place that callgrind finds by its name.
#[inline(never)]
fn instructions_until_here() {
    std::hint::black_box(());
}

#[expect(clippy::print_stdout, reason = "the names of the dumps are the program's output")]
fn print(line: &str) {
    println!("{line}");
}
