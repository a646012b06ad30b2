//! Plays a script on a stage, and writes what was recorded of it.

use super::hook::Hook;
use super::script::{Act, Script};
use super::stage::{Frame, Stage};
use super::world::World;
use super::{cast, raster, svg};
use crate::console::app::state::App;
use crate::console::keys::key::Key;
use crate::console::model::namespaces::Namespaces;
use crate::console::run::Live;
use crate::console::term::caps::Depth;
use crate::console::theme::glyph::Glyphs;
use crate::console::theme::load::Theme;
use crate::console::theme::role::Role;
use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a recording rests on its last picture.
const REST: Duration = Duration::from_secs(3);

/// What was recorded.
pub struct Recording {
    /// The window: columns and rows.
    pub size: (u16, u16),
    /// Its name.
    pub title: String,
    /// The pictures, in their order.
    pub frames: Vec<Frame>,
    /// Names of moments.
    pub markers: Vec<(Duration, String)>,
    /// How long it takes.
    pub length: Duration,
    /// Colours of what has none of its own: letters, background.
    pub plain: ((u8, u8, u8), (u8, u8, u8)),
    /// Pictures by the names of their files.
    pub stills: Vec<(String, Buffer)>,
}

/// What is done beside a demo.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// A file to record it into as a session.
    pub session: Option<&'a Path>,
    /// A program that makes happen what a world would: it is run at each marker, with the marker's name.
    pub on_marker: Option<&'a Path>,
}

/// Reads a script and plays it to its end; against a daemon where there is one.
///
/// # Errors
/// Names the line of the script that cannot be read or whose expectation failed, with the screen.
pub fn play(path: &Path, live: Option<Live>, address: &str, beside: Beside<'_>) -> anyhow::Result<(Script, Recording)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let script = Script::parse(&text).map_err(|why| anyhow!("{}: {why}", path.display()))?;
    let theme = Theme::load(&script.theme, Depth::True, Glyphs::Unicode)?;
    let text = theme.style(Role::Text);
    let plain = (rgb(text.fg, (0xd5, 0xdb, 0xe5)), rgb(text.bg, (0x12, 0x16, 0x1e)));
    let mut app = App::new(Timestamp::UNIX_EPOCH, script.size, theme, Namespaces::default(), address.to_owned());
    let mut stage = match live {
        Some(live) => {
            app.zone = jiff::tz::TimeZone::system();
            Stage::live(app, live)
        }
        None => Stage::in_world(app, world(path, &script)?),
    };
    if let Some(session) = beside.session {
        stage.record_session(session).with_context(|| format!("cannot record to {}", session.display()))?;
    }
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut recording = Recording {
        size: script.size,
        title: name,
        frames: Vec::new(),
        markers: Vec::new(),
        length: Duration::ZERO,
        plain,
        stills: Vec::new(),
    };
    let mut stage = run(&script, stage, &mut recording, beside.on_marker.map(Hook::new))
        .map_err(|why| anyhow!("{}: {why}", path.display()))?;
    stage.end_session().context("the recorded session is not whole")?;
    recording.length = stage.at() + REST;
    recording.frames = stage.frames;
    Ok((script, recording))
}

fn world(path: &Path, script: &Script) -> anyhow::Result<World> {
    let Some(name) = &script.world else {
        bail!("{}: it names no world (#: world FILE); --live plays it against a daemon", path.display())
    };
    let file = path.with_file_name(name);
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    World::parse(&text).map_err(|why| anyhow!("{}: {why}", file.display()))
}

fn run(script: &Script, mut stage: Stage, recording: &mut Recording, mut hook: Option<Hook>) -> Result<Stage, String> {
    for step in &script.steps {
        if stage.is_over {
            return Err(format!("line {}: the console was left before", step.line));
        }
        let fail = |stage: &Stage, what: String| Err(format!("line {}: {what}; the screen shows\n{}", step.line, stage.text()));
        match &step.act {
            Act::Press(keys, pause) => keys.iter().for_each(|key| press(&mut stage, *key, pause.unwrap_or(script.typing))),
            Act::Type(text, pause) => {
                for letter in text.chars() {
                    let name = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
                    if let Some(key) = Key::parse(&name) {
                        press(&mut stage, key, pause.unwrap_or(script.typing));
                    }
                }
            }
            Act::Sleep(time) => stage.advance(*time),
            Act::Wait(regex, timeout) => {
                let until = stage.until(*timeout);
                while !regex.is_match(&stage.text()) {
                    if stage.now() >= until || stage.is_over {
                        return fail(&stage, format!("/{regex}/ does not come"));
                    }
                    stage.step(until);
                }
            }
            Act::Expect(regex) if !regex.is_match(&stage.text()) => return fail(&stage, format!("/{regex}/ is not there")),
            Act::ExpectNot(regex) if regex.is_match(&stage.text()) => return fail(&stage, format!("/{regex}/ is there")),
            Act::Expect(_) | Act::ExpectNot(_) => {}
            Act::Screenshot(file) => recording.stills.push((file.clone(), stage.picture().clone())),
            Act::Show(is_shown) => stage.show(*is_shown),
            Act::Marker(name) => {
                recording.markers.push((stage.at(), name.clone()));
                if let Some(hook) = &mut hook {
                    hook.begin(name, &mut stage).map_err(|why| format!("line {}: {why}", step.line))?;
                }
            }
        }
    }
    if let Some(hook) = &mut hook {
        hook.finish(&mut stage)?;
    }
    Ok(stage)
}

fn press(stage: &mut Stage, key: Key, pause: Duration) {
    stage.press(key);
    stage.advance(pause);
}

/// A colour as red, green and blue.
pub fn rgb(color: Option<Color>, plain: (u8, u8, u8)) -> (u8, u8, u8) {
    match color {
        Some(Color::Rgb(r, g, b)) => (r, g, b),
        _ => plain,
    }
}

/// Writes a recording into a file, in the form that its ending says.
///
/// # Errors
/// Where the ending is unknown or the file cannot be written.
pub fn write(recording: &Recording, path: &Path) -> anyhow::Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bytes = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("cast") if name.ends_with(".v2.cast") => cast::v2(recording).into_bytes(),
        Some("cast") => cast::v3(recording).into_bytes(),
        Some("svg") => svg::film(recording).into_bytes(),
        Some("gif") => raster::gif(recording)?,
        _ => bail!(
            "{}: a recording is a .cast (asciicast 3), .v2.cast (asciicast 2), .gif or .svg, or a .skiffrec of a demo",
            path.display()
        ),
    };
    save(path, &bytes)
}

/// Writes the still pictures of a recording below a folder; their names.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_stills(recording: &Recording, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for (name, picture) in &recording.stills {
        let path = folder.join(name);
        if path.extension().is_none_or(|ending| ending != "svg") {
            bail!("{name}: a still picture is a .svg");
        }
        save(&path, svg::still(picture, &recording.title, recording.plain).as_bytes())?;
        written.push(path);
    }
    Ok(written)
}

fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
