//! Finds rows that only moved up or down since the last frame, so that the terminal can move them by itself.

use ratatui::buffer::{Buffer, Cell};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Rows `top..=bottom` moved by `up` rows (negative: down).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// The first row of the region.
    pub top: u16,
    /// The last row of the region.
    pub bottom: u16,
    /// How far.
    pub up: i32,
}

/// The furthest a region is moved; beyond that repainting costs as much.
const MAX_DISTANCE: i32 = 12;

/// Where fewer rows differ nothing was moved.
const LEAST_CHANGED: usize = 4;

/// Which rows differ.
pub fn compare(prev: &Buffer, next: &Buffer, differs: &mut Vec<bool>) {
    differs.clear();
    differs.extend((0..i32::from(next.area.height)).map(|y| row(prev, y) != row(next, y)));
}

/// The shift that explains most of the rows that differ, where it explains enough of them to be worth its bytes.
pub fn find(prev: &Buffer, next: &Buffer, differs: &[bool]) -> Option<Shift> {
    let rows = i32::from(next.area.height);
    // Most pictures differ in a row or two from the one before.
    if differs.iter().filter(|differs| **differs).count() < LEAST_CHANGED {
        return None;
    }
    let old: Vec<u64> = (0..rows).map(|y| hash(row(prev, y))).collect();
    let new: Vec<u64> = (0..rows).map(|y| hash(row(next, y))).collect();
    let blank = |y: i32| row(next, y).iter().all(|cell| cell.symbol() == " ");
    let mut best: Option<(usize, Shift)> = None;
    for up in (-MAX_DISTANCE..=MAX_DISTANCE).filter(|up| *up != 0) {
        // A row that moved onto one that looks the same, or a blank one, is no gain.
        let moved = |y: i32| {
            let from = y + up;
            (0..rows).contains(&from) && old[from as usize] == new[y as usize] && old[y as usize] != new[y as usize] && !blank(y)
        };
        let gain = (0..rows).filter(|y| moved(*y)).count();
        if gain < 3 || best.is_some_and(|(most, _)| most >= gain) {
            continue;
        }
        let (Some(first), Some(last)) = ((0..rows).find(|y| moved(*y)), (0..rows).rev().find(|y| moved(*y))) else { continue };
        // The region holds the rows where they were and where they are now.
        let (top, bottom) = (first.min(first + up), last.max(last + up));
        // Rows inside it that had not changed would be moved away and have to be painted again.
        let lost = (top..=bottom).filter(|y| old[*y as usize] == new[*y as usize] && !blank(*y)).count();
        if gain > lost + 2 {
            best = Some((gain, Shift { top: top as u16, bottom: bottom as u16, up }));
        }
    }
    best.map(|(_, shift)| shift)
}

/// Moves the rows in the picture of what the terminal shows. Rows that come in are `unknown`, because terminals fill
/// them with different backgrounds.
pub fn apply(screen: &mut Buffer, shift: Shift, unknown: &Cell) {
    let width = usize::from(screen.area.width);
    let (top, bottom) = (usize::from(shift.top), usize::from(shift.bottom));
    let region = &mut screen.content[top * width..(bottom + 1) * width];
    let distance = (shift.up.unsigned_abs() as usize * width).min(region.len());
    let rest = region.len() - distance;
    if shift.up > 0 {
        region.rotate_left(distance);
        region[rest..].fill(unknown.clone());
    } else {
        region.rotate_right(distance);
        region[..distance].fill(unknown.clone());
    }
}

fn row(buffer: &Buffer, y: i32) -> &[Cell] {
    let width = usize::from(buffer.area.width);
    let start = y as usize * width;
    &buffer.content[start..start + width]
}

fn hash(cells: &[Cell]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for cell in cells {
        cell.symbol().hash(&mut hasher);
        (cell.fg, cell.bg, cell.modifier).hash(&mut hasher);
    }
    hasher.finish()
}
