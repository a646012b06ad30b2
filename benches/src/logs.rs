//! The way of a log line from a container's output to its file: lines a second from one container and from fifty, and none lost.

use crate::report::Row;
use crate::skiff::Skiff;
use crate::{IMAGE, podman};
use anyhow::{Context as _, Result, bail};
use bench::machine::now_ns;
use serde_json::{Value, json};

/// How many write at once in the second part.
const MANY: u64 = 50;
/// Seconds until all of ours run; podman takes longer to start fifty.
const OUR_START: u64 = 10;
const THEIR_START: u64 = 60;

/// Reads logs: how many lines came, in their order, and when the workload wrote.
#[derive(Debug, Default)]
struct Reader {
    rest: Vec<u8>,
    lines: u64,
    began_ns: f64,
    ended_ns: f64,
    fault: Option<String>,
}

impl Reader {
    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some(length) = self.rest[begin..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[begin..begin + length]).into_owned();
            begin += length + 1;
            self.line(&line);
        }
        self.rest.drain(..begin);
    }

    fn line(&mut self, line: &str) {
        if let Some(times) = line.strip_prefix("wrote ") {
            let mut times = times.split_whitespace().filter_map(|word| word.parse().ok());
            (self.began_ns, self.ended_ns) = (times.next().unwrap_or_default(), times.next().unwrap_or_default());
            return;
        }
        let number = line.get(..13).and_then(|number| number.parse::<u64>().ok());
        if number != Some(self.lines) && self.fault.is_none() {
            self.fault = Some(format!("line {} is {line:?}", self.lines));
        }
        self.lines += 1;
    }

    /// When it was written, if all of it is there.
    fn finish(self, of: &str, lines: u64) -> Result<(f64, f64)> {
        if let Some(fault) = self.fault {
            bail!("{of}: lines were lost or doubled: {fault}");
        }
        if self.lines != lines || self.ended_ns <= self.began_ns {
            bail!("{of}: {} of {lines} lines came", self.lines);
        }
        Ok((self.began_ns, self.ended_ns))
    }
}

fn command(lines: u64, wait: u64) -> Result<Vec<String>> {
    let start = now_ns()? as u64 / 1_000_000_000 + wait;
    Ok(["/bin/demo-server", "lines", &lines.to_string(), &start.to_string()].map(str::to_owned).into())
}

fn names(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("bench-log-{count}-{number}")).collect()
}

/// All lines over the time from the first to the last.
fn rate(times: &[(f64, f64)], lines: u64) -> f64 {
    let began = times.iter().map(|(began, _)| *began).fold(f64::INFINITY, f64::min);
    let ended = times.iter().map(|(_, ended)| *ended).fold(0.0, f64::max);
    (lines * times.len() as u64) as f64 / ((ended - began) / 1e9)
}

async fn ours(count: u64, lines: u64, skiff: &mut Skiff) -> Result<f64> {
    let (names, command) = (names(count), command(lines, OUR_START)?);
    let manifest = |name: &String| {
        let container = json!({"name": "c", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [container]}})
    };
    let has_ended = |pod: &Value| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    skiff.create_all(names.iter().map(manifest).collect(), has_ended).await?;
    let mut times = Vec::new();
    for name in &names {
        let mut reader = Reader::default();
        skiff.read_log(name, |bytes| reader.take(bytes)).await?;
        times.push(reader.finish(name, lines)?);
    }
    skiff.delete_pods(&names).await?;
    Ok(rate(&times, lines))
}

fn theirs(count: u64, lines: u64) -> Result<f64> {
    let (names, wait) = (names(count), if count == 1 { OUR_START } else { THEIR_START });
    podman::run_to_end(&names, &command(lines, wait)?)?;
    let mut times = Vec::new();
    for name in &names {
        let mut reader = Reader::default();
        reader.take(&podman::read_log(name)?);
        times.push(reader.finish(name, lines).context("podman")?);
    }
    podman::remove(&names)?;
    Ok(rate(&times, lines))
}

/// Both parts, ours and theirs.
pub async fn measure(lines: u64, skiff: &mut Skiff) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for count in [1, MANY] {
        let each = (lines / count).max(1);
        let what = format!("log lines a second from {count} container{}", if count == 1 { "" } else { "s" });
        rows.push(Row::beside(&what, ours(count, each, skiff).await?, theirs(count, each)?));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::Reader;

    fn read(text: &str) -> Result<(f64, f64), String> {
        let mut reader = Reader::default();
        for bytes in text.as_bytes().chunks(7) {
            reader.take(bytes);
        }
        reader.finish("c", 2).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_that_is_missing_or_came_twice_is_found() {
        let (first, second, end) = ("0000000000000 x\n", "0000000000001 x\n", "wrote 5 9\n");
        assert_eq!(read(&[first, second, end].concat()), Ok((5.0, 9.0)));
        for bad in [[first, first, end], [second, first, end], [first, end, ""], [first, second, ""]] {
            assert!(read(&bad.concat()).is_err(), "{bad:?}");
        }
    }
}
