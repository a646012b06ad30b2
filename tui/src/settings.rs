//! The folders of the console's own files, and the configuration file: what flags and environment do not say.

use crate::args::Common;
use serde::Deserialize;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

/// What `config.toml` says. A flag counts more than it, and so does a variable of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The daemon's address.
    pub node: Option<String>,
    /// The certificate for `wss://` addresses.
    pub cert: Option<PathBuf>,
    /// The namespace to work in.
    pub namespace: Option<String>,
    /// The console's theme, or `auto`.
    pub theme: Option<String>,
    /// The signs that the console draws with.
    pub glyphs: GlyphChoice,
    /// Whether the console takes the mouse; unset, it does.
    pub mouse: Option<bool>,
    /// Whether the console changes nothing.
    pub readonly: bool,
    /// Whether the console prints lines.
    pub plain: bool,
}

/// The signs that the console draws with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum GlyphChoice {
    /// As the locale says.
    #[default]
    Auto,
    /// Lines, dots and blocks.
    Unicode,
    /// Letters and punctuation alone.
    Ascii,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is there and cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no configuration.
    #[error("{path}: {detail}\n`skiff config --defaults` prints every setting")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong where.
        detail: String,
    },
}

/// `$XDG_CONFIG_HOME/skiff`, where the user's own files are read.
pub fn config_folder() -> Option<PathBuf> {
    Some(directories::ProjectDirs::from("", "", "skiff")?.config_dir().to_owned())
}

/// `$XDG_STATE_HOME/skiff`, where the console keeps what it wants to know again.
pub fn state_folder() -> Option<PathBuf> {
    Some(directories::ProjectDirs::from("", "", "skiff")?.state_dir()?.to_owned())
}

impl Settings {
    /// The user's configuration; without a file that of nobody.
    ///
    /// # Errors
    /// [`SettingsError`] names the file and the line.
    pub fn load() -> Result<Self, SettingsError> {
        match config_folder() {
            Some(folder) => Self::read(&folder.join("config.toml")),
            None => Ok(Self::default()),
        }
    }

    fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(SettingsError::Read { path: path.to_owned(), source }),
        };
        let wrong =
            |error: toml::de::Error| SettingsError::Syntax { path: path.to_owned(), detail: error.to_string().trim().to_owned() };
        toml::from_str(&text).map_err(wrong)
    }

    /// Fills in what neither flags nor environment said.
    pub fn fill(&self, common: &mut Common) {
        common.node = common.node.take().or_else(|| self.node.clone());
        common.cert = common.cert.take().or_else(|| self.cert.clone());
        common.namespace = common.namespace.take().or_else(|| self.namespace.clone());
    }

    /// The configuration as a file, with what every setting means. What is not set stands behind a `#`, with its default.
    pub fn to_text(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let glyphs = match self.glyphs {
            GlyphChoice::Auto => None,
            GlyphChoice::Unicode => Some("\"unicode\"".to_owned()),
            GlyphChoice::Ascii => Some("\"ascii\"".to_owned()),
        };
        let set = |is_set: bool| is_set.then(|| "true".to_owned());
        let path = |path: &PathBuf| quoted(&path.display().to_string());
        let lines = [
            (
                "The daemon's address (--node, SKIFF_NODE).",
                "node",
                self.node.as_deref().map(quoted),
                "\"unix:///run/skiff/skiffd.sock\"",
            ),
            (
                "The certificate for wss:// addresses (--cert, SKIFF_CERT).",
                "cert",
                self.cert.as_ref().map(path),
                "\"~/.config/skiff/cert.pem\"",
            ),
            (
                "The namespace to work in (-n). The console begins with all of them.",
                "namespace",
                self.namespace.as_deref().map(quoted),
                "\"default\"",
            ),
            (
                "The console's theme: a name, or auto for dark or light as the terminal is (--theme, SKIFF_THEME).",
                "theme",
                self.theme.as_deref().map(quoted),
                "\"auto\"",
            ),
            ("The signs it draws with: unicode, ascii, or auto, as the locale says (--glyphs).", "glyphs", glyphs, "\"auto\""),
            (
                "The mouse for the console; false leaves it, and its selection, to the terminal (space s in the console).",
                "mouse",
                self.mouse.map(|mouse| mouse.to_string()),
                "true",
            ),
            ("A console that changes nothing in the cluster (--readonly).", "readonly", set(self.readonly), "false"),
            ("A console that prints lines instead of drawing, for screen readers (--plain).", "plain", set(self.plain), "false"),
        ];
        let mut out = String::new();
        for (about, name, value, default) in lines {
            let line = value.map_or_else(|| format!("# {name} = {default}"), |value| format!("{name} = {value}"));
            let _ = writeln!(out, "{}# {about}\n{line}", if out.is_empty() { "" } else { "\n" });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{GlyphChoice, Settings};
    use crate::args::Common;
    use std::path::PathBuf;

    fn read(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).expect("it is written");
        Settings::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_printed_is_read_back_as_the_same() {
        let settings = Settings {
            node: Some("wss://oak:7943".to_owned()),
            cert: Some(PathBuf::from("/a \"b\".pem")),
            theme: Some("nord".to_owned()),
            glyphs: GlyphChoice::Ascii,
            readonly: true,
            ..Settings::default()
        };
        assert_eq!(read(&settings.to_text()), Ok(settings));
        assert_eq!(read(&Settings::default().to_text()), Ok(Settings::default()), "defaults stand behind a #");
        let uncommented = Settings::default().to_text().lines().filter(|line| !line.contains('.')).collect::<Vec<_>>().join("\n");
        let all = read(&uncommented.replace("# ", "")).expect("each default is a value that may be set");
        assert_eq!(all.theme.as_deref(), Some("auto"));
    }

    #[test]
    fn a_fault_names_the_file_and_the_line() {
        let error = read("theme = \"nord\"\nthem = 1\n").expect_err("no such setting");
        assert!(
            error.contains("config.toml") && error.contains("line 2") && error.contains("skiff config --defaults"),
            "{error}"
        );
        assert_eq!(Settings::read(&PathBuf::from("/nonexistent/config.toml")).ok(), Some(Settings::default()));
    }

    #[test]
    fn a_flag_counts_more_than_the_file() {
        let settings = Settings { node: Some("/a.sock".to_owned()), namespace: Some("team".to_owned()), ..Settings::default() };
        let mut common = Common { node: Some("/b.sock".to_owned()), ..Common::default() };
        settings.fill(&mut common);
        assert_eq!((common.node.as_deref(), common.namespace.as_deref()), (Some("/b.sock"), Some("team")));
    }
}
