//! The web server of the demo pods: says who answers, can be told to fail or crash, ends politely.
//!
//! ```text
//! demo-server [--listen ADDRESS:PORT] [--root FOLDER] [--crash-after SECONDS]
//! demo-server stamp
//! demo-server lines COUNT START
//! ```
//!
//! The main thread waits for SIGTERM and SIGINT; one thread accepts, one more serves each connection. `stamp` is for
//! benchmarks: it prints when its `main` began, then waits for SIGTERM. So is `lines`: from START (seconds since 1970) on it prints
//! so many numbered lines of 100 bytes as fast as they are taken, and then when it began and ended.

mod request;
mod server;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{SigSet, Signal};

use server::Server;

const USAGE: &str = "usage: demo-server [--listen ADDRESS:PORT] [--root FOLDER] [--crash-after SECONDS] | demo-server stamp | demo-server lines COUNT START";

fn main() -> ExitCode {
    let began = SystemTime::now();
    // Blocked before any thread is made, and before anything is said: as pid 1 an unblocked signal would be lost.
    let signals = ending_signals();
    if let Err(errno) = signals.thread_block() {
        return refuse(&format!("cannot block signals: {errno}"));
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["stamp"] {
        return stamp(began, &signals);
    }
    if let [word, count, start] = arguments.as_slice()
        && word == "lines"
    {
        return match (count.parse(), start.parse()) {
            (Ok(count), Ok(start)) => lines(count, start),
            _ => refuse(USAGE),
        };
    }
    match Options::parse(&arguments) {
        Ok(options) => serve(options, &signals),
        Err(message) => refuse(&message),
    }
}

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    listen: String,
    root: Option<PathBuf>,
    crash_after: Option<Duration>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { listen: "0.0.0.0:8080".to_owned(), root: None, crash_after: None };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().cloned().ok_or_else(|| format!("{flag} needs a value\n{USAGE}"));
            match flag.as_str() {
                "--listen" => options.listen = value()?,
                "--root" => options.root = Some(value()?.into()),
                "--crash-after" => {
                    let text = value()?;
                    let seconds = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
                    options.crash_after = Some(Duration::from_secs(seconds));
                }
                _ => return Err(format!("unknown argument {flag:?}\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn serve(options: Options, signals: &SigSet) -> ExitCode {
    let server = match Server::start(&options.listen, options.root) {
        Ok(server) => server,
        Err(error) => return refuse(&format!("cannot listen on {}: {error}", options.listen)),
    };
    say(&format!("listening on {}", server.address()));
    if let Some(delay) = options.crash_after {
        std::thread::spawn(move || crash(delay));
    }
    match signals.wait() {
        Ok(signal) => say(&format!("{signal}: finishing the requests under way")),
        Err(errno) => return refuse(&format!("cannot wait for signals: {errno}")),
    }
    server.stop();
    say("bye");
    ExitCode::SUCCESS
}

fn crash(delay: Duration) {
    std::thread::sleep(delay);
    say(&format!("crashing after {} s, as told", delay.as_secs()));
    std::process::exit(1);
}

fn stamp(began: SystemTime, signals: &SigSet) -> ExitCode {
    let began = began.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    say(&format!("started {began}"));
    match signals.wait() {
        Ok(_) => ExitCode::SUCCESS,
        Err(errno) => refuse(&format!("cannot wait for signals: {errno}")),
    }
}

fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// Several programs that are told the same start write at the same time.
fn lines(count: u64, start: u64) -> ExitCode {
    let start_ns = u128::from(start) * 1_000_000_000;
    let wait_ns = u64::try_from(start_ns.saturating_sub(nanoseconds())).unwrap_or(0);
    std::thread::sleep(Duration::from_nanos(wait_ns));
    let began = nanoseconds();
    let mut out = io::BufWriter::with_capacity(16 * 1024, io::stdout().lock());
    let filling = "x".repeat(85);
    for number in 0..count {
        // 13 bytes, a space, 85 and the line's end.
        if let Err(error) = writeln!(out, "{number:013} {filling}") {
            return refuse(&format!("cannot write: {error}"));
        }
    }
    let written = out.flush().and_then(|()| writeln!(out, "wrote {began} {}", nanoseconds())).and_then(|()| out.flush());
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("cannot write: {error}")),
    }
}

fn ending_signals() -> SigSet {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals
}

/// One whole line on the standard output. A reader that went away is no reason to stop serving.
fn say(line: &str) {
    let _unread = io::stdout().lock().write_all(format!("{line}\n").as_bytes()).and_then(|()| io::stdout().flush());
}

fn refuse(message: &str) -> ExitCode {
    let _unread = writeln!(io::stderr(), "demo-server: {message}");
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_read() {
        let plain = Options { listen: "0.0.0.0:8080".to_owned(), root: None, crash_after: None };
        assert_eq!(parse(""), Ok(plain));
        let all = parse("--listen 127.0.0.1:1 --root /data --crash-after 5").unwrap();
        let expected =
            Options { listen: "127.0.0.1:1".to_owned(), root: Some("/data".into()), crash_after: Some(Duration::from_secs(5)) };
        assert_eq!(all, expected);
    }

    #[test]
    fn a_wrong_command_line_is_refused_with_the_reason() {
        assert!(parse("--listen").unwrap_err().contains("--listen needs a value"));
        assert!(parse("--crash-after soon").unwrap_err().contains("\"soon\" is not a number"));
        assert!(parse("--verbose").unwrap_err().contains("usage: demo-server"));
    }
}
