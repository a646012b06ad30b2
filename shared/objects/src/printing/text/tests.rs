//! Tables as aligned text.

use super::{Layout, align, escape_terminal};
use crate::printing::{Column, Header, Table, TableWriter};

const DESCRIBE: Layout = Layout { min_width: 0, padding: 2 };

fn table(rows: &[&[&str]]) -> Table {
    let columns = ["Name", "Ready", "Age"].map(|name| Column { name: name.to_owned(), priority: 0 }).to_vec();
    Table { columns, rows: rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect() }
}

#[test]
fn a_column_is_as_wide_as_its_widest_cell_and_at_least_six() {
    let text = table(&[&["kubia", "1/1", "5m"], &["a-longer-name", "0/1", "12s"]]).to_text(Header::Shown);
    assert_eq!(text, "NAME            READY   AGE\nkubia           1/1     5m\na-longer-name   0/1     12s\n");
    assert_eq!(table(&[&["a", "b", "c"]]).to_text(Header::Hidden), "a     b     c\n");
}

#[test]
fn a_cell_shows_its_first_line_and_nothing_a_terminal_obeys() {
    let text = table(&[&["a", "two\nlines", "\u{1b}[31mred"]]).to_text(Header::Hidden);
    assert_eq!(text, "a     two...   ^[[31mred\n");
    assert_eq!(escape_terminal("a\rb"), "a\\rb");
}

#[test]
fn later_rows_keep_the_columns_of_earlier_ones() {
    let mut writer = TableWriter::new();
    let _ = writer.to_text(&table(&[&["a-longer-name", "0/1", "12s"]]), Header::Shown);
    assert_eq!(writer.to_text(&table(&[&["kubia", "1/1", "5m"]]), Header::Hidden), "kubia           1/1     5m\n");
}

#[test]
fn a_line_without_the_column_ends_it() {
    let text = align("Name:\tx\nLabels:\t<none>\nAdresses:\n  In:\t1\n", DESCRIBE);
    assert_eq!(text, "Name:    x\nLabels:  <none>\nAdresses:\n  In:  1\n");
    assert_eq!(align("a\t\tb\nccc\t\td\n", DESCRIBE), "a      b\nccc    d\n");
    assert_eq!(align("a\t\nb", DESCRIBE), "a  \nb");
    assert_eq!(align("", DESCRIBE), "");
}
