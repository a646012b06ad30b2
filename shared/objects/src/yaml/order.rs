//! The order of keys: letters after everything else, runs of digits by their number.

use std::cmp::Ordering;

/// Compares two keys as go-yaml sorts them: `a2` before `a10`, `-a` before `a`.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let Some(place) = left.iter().zip(&right).position(|(left, right)| left != right) else {
        return left.len().cmp(&right.len());
    };
    let (here, there) = (left[place], right[place]);
    match (here.is_alphabetic(), there.is_alphabetic()) {
        (true, true) => return here.cmp(&there),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Zeros inside a number count as digits of it, so that 100 comes after 10.
    let is_inside_number = (here == '0' || there == '0')
        && left[..place].iter().rev().take_while(|character| character.is_ascii_digit()).any(|digit| *digit != '0');
    let start = u128::from(is_inside_number);
    let (left_number, left_length) = number(&left[place..], start);
    let (right_number, right_length) = number(&right[place..], start);
    left_number.cmp(&right_number).then(left_length.cmp(&right_length)).then(here.cmp(&there))
}

fn number(characters: &[char], start: u128) -> (u128, usize) {
    let digits = characters.iter().map_while(|character| character.to_digit(10));
    let mut length = 0;
    let mut value = start;
    for digit in digits {
        value = value.saturating_mul(10).saturating_add(u128::from(digit));
        length += 1;
    }
    (value, length)
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn numbers_in_keys_are_compared_as_numbers() {
        let mut keys = ["b", "a10", "a2", "B", "-x", "a", "1", "a100", "ab", "a.b", "a-b", "a/b", "_c"];
        keys.sort_by(|left, right| compare(left, right));
        assert_eq!(keys, ["-x", "_c", "1", "B", "a", "a-b", "a.b", "a/b", "a2", "a10", "a100", "ab", "b"]);
    }
}
