//! The signal that asks a container to end: its image's STOPSIGNAL, by name or number, else SIGTERM.

use nix::sys::signal::Signal;
use std::str::FromStr;

/// The number of an image's `STOPSIGNAL`; SIGTERM for none, and for one that this kernel does not have.
pub fn stop_signal(image: Option<&str>) -> i32 {
    image.and_then(parse).unwrap_or(Signal::SIGTERM as i32)
}

fn parse(text: &str) -> Option<i32> {
    /// The kernel's, without the two that libc keeps for itself.
    const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;
    let text = text.trim().to_ascii_uppercase();
    if let Ok(number) = text.parse() {
        return (1..=*REAL_TIME.end()).contains(&number).then_some(number);
    }
    let name = text.strip_prefix("SIG").unwrap_or(&text);
    let real_time = |base: i32, offset: &str| {
        let offset = if offset.is_empty() { 0 } else { offset.parse::<i32>().ok()? };
        Some(base + offset).filter(|number| REAL_TIME.contains(number))
    };
    if let Some(offset) = name.strip_prefix("RTMIN") {
        return real_time(*REAL_TIME.start(), offset);
    }
    if let Some(offset) = name.strip_prefix("RTMAX") {
        return real_time(*REAL_TIME.end(), offset);
    }
    Signal::from_str(&format!("SIG{name}")).ok().map(|signal| signal as i32)
}

#[cfg(test)]
mod tests {
    use super::stop_signal;

    #[test]
    fn a_stop_signal_is_a_name_a_number_or_sigterm() {
        let check = |text: &str, number: i32| assert_eq!(stop_signal(Some(text)), number, "{text}");
        check("SIGQUIT", 3);
        check("quit", 3);
        check("10", 10);
        check("SIGRTMIN+3", 37);
        check("RTMAX-1", 63);
        check("SIGRTMIN+99", 15);
        check("-RTMIN", 15);
        check("0", 15);
        check("99", 15);
        check("nonsense", 15);
        assert_eq!(stop_signal(None), 15);
    }
}
