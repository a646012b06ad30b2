//! The body of an answer, as much of it as anybody looks at: by its length, in chunks, or up to the end of the connection.

use super::Head;
use super::stream::Stream;

/// So much is read of a body (`maxRespBodyLength`).
const LIMIT: usize = 10 << 10;
/// A chunk's length is a few digits.
const LINE_LIMIT: usize = 1024;

/// Reads a body; what is past the limit is left.
pub(super) async fn read(stream: &mut Stream, head: &Head) -> Result<String, String> {
    let mut bytes = Vec::new();
    if head.get("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked")) {
        chunks(stream, &mut bytes).await?;
    } else if !matches!(head.status, 204 | 304) {
        let length = head.get("content-length").and_then(|length| length.parse::<usize>().ok());
        let wanted = length.unwrap_or(usize::MAX).min(LIMIT);
        take(stream, wanted, &mut bytes).await?;
        if length.is_some() && bytes.len() < wanted {
            return Err("unexpected EOF".to_owned());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Takes bytes until there are so many more, or no more.
async fn take(stream: &mut Stream, count: usize, bytes: &mut Vec<u8>) -> Result<(), String> {
    let mut left = count;
    while left > 0 {
        if stream.buffer().is_empty() && stream.fill().await? == 0 {
            return Ok(());
        }
        let part = left.min(stream.buffer().len());
        bytes.extend_from_slice(&stream.buffer()[..part]);
        stream.consume(part);
        left -= part;
    }
    Ok(())
}

async fn chunks(stream: &mut Stream, bytes: &mut Vec<u8>) -> Result<(), String> {
    while bytes.len() < LIMIT {
        let line = line(stream).await?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16).map_err(|_| "invalid byte in chunk length".to_owned())?;
        if length == 0 {
            return Ok(());
        }
        let before = bytes.len();
        let wanted = length.min(LIMIT - before);
        take(stream, wanted, bytes).await?;
        if bytes.len() - before < wanted {
            return Err("unexpected EOF".to_owned());
        }
        if wanted == length {
            line_end(stream).await?;
        }
    }
    Ok(())
}

async fn line_end(stream: &mut Stream) -> Result<(), String> {
    match line(stream).await?.as_str() {
        "" => Ok(()),
        _ => Err("malformed chunked encoding".to_owned()),
    }
}

async fn line(stream: &mut Stream) -> Result<String, String> {
    loop {
        if let Some(end) = stream.buffer().iter().position(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(&stream.buffer()[..end]).trim_end_matches('\r').to_owned();
            stream.consume(end + 1);
            return Ok(text);
        }
        if stream.buffer().len() > LINE_LIMIT {
            return Err("header line too long".to_owned());
        }
        if stream.fill().await? == 0 {
            return Err("unexpected EOF".to_owned());
        }
    }
}
