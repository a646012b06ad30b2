//! What a piece of the picture is, which is all that the code says of its look.

use serde::Deserialize;

macro_rules! roles {
    ($($(#[doc = $doc:literal])+ $role:ident),+ $(,)?) => {
        /// The role of a piece of the picture.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Role { $($(#[doc = $doc])+ $role),+ }

        impl Role {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$role),+];
        }
    };
}

roles! {
    /// Text, and the background of everything.
    Text,
    /// Text of less weight.
    Dim,
    /// Lines and what is hardly there.
    Faint,
    /// What catches the eye: names, the brand.
    Accent,
    /// The line at the top.
    Bar,
    /// The name of the program in it.
    Brand,
    /// What is less important in it.
    BarDim,
    /// Headings of columns.
    Heading,
    /// The heading of the column one stands on.
    HeadingHere,
    /// The row one stands on.
    Selected,
    /// The mark beside it.
    Cursor,
    /// A marked row.
    Marked,
    /// As it should be.
    Ok,
    /// On its way.
    Busy,
    /// To be looked at.
    Warn,
    /// Failing.
    Bad,
    /// Ended.
    Done,
    /// What may be out of date.
    Stale,
    /// A key in hints and help.
    Key,
    /// What it does.
    Hint,
    /// A match of a search.
    Match,
    /// The match one stands on.
    MatchHere,
    /// A box over the picture.
    Popup,
    /// Its border.
    Border,
    /// The border of a box that asks something dangerous.
    Danger,
    /// A button.
    Button,
    /// The button that Enter presses.
    ButtonHere,
    /// A line one types into.
    Field,
    /// What could be typed next.
    Ghost,
    /// Keys of YAML, labels of a description.
    YamlKey,
    /// Texts of YAML.
    YamlText,
    /// Numbers of YAML.
    YamlNumber,
    /// Words of YAML: true, null.
    YamlWord,
    /// Comments of YAML.
    YamlComment,
    /// Marks of YAML: `- : |`.
    YamlMark,
    /// Where a fault is in a text.
    Fault,
    /// Line numbers.
    Gutter,
    /// The number of the line one stands on.
    GutterHere,
    /// The line one stands on in the editor.
    Line,
    /// Selected text in the editor.
    Selection,
}
