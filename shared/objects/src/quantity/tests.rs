//! Amounts: the forms Kubernetes accepts, prints and refuses.

use super::{Quantity, QuantityError};

fn canonical(text: &str) -> String {
    Quantity::parse(text).map_or_else(|error| error.to_string(), |quantity| quantity.canonical())
}

#[test]
fn an_amount_is_printed_with_the_largest_suffix_that_keeps_it_whole() {
    for (text, expected) in [
        ("0", "0"),
        ("1", "1"),
        ("1000", "1k"),
        ("1500", "1500"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("1.", "1"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1024Ki", "1Mi"),
        ("0.5Gi", "512Mi"),
        ("1Gi", "1Gi"),
        ("1023Ki", "1023Ki"),
        ("512", "512"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("12E6", "12e6"),
        ("12e0", "12"),
        ("1E", "1E"),
        ("-1", "-1"),
        ("+1", "1"),
        ("0.1n", "1n"),
        ("0.0000000001", "1n"),
        ("1.1Ki", "1126400m"),
        ("100Ei", "9223372036854775807"),
        ("1e-3", "1e-3"),
        ("00", "0"),
        ("0Mi", "0"),
        ("05", "5"),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn a_text_that_is_no_amount_is_refused_in_kubernetes_words() {
    for (text, expected) in [
        ("", QuantityError::Format),
        ("a", QuantityError::Format),
        ("1x", QuantityError::Format),
        ("1 Gi", QuantityError::Format),
        ("1GB", QuantityError::Format),
        ("1Gi ", QuantityError::Format),
        ("1.2.3", QuantityError::Format),
        ("1KI", QuantityError::Format),
        ("1Em", QuantityError::Suffix),
        ("1K", QuantityError::Suffix),
        ("1mi", QuantityError::Suffix),
        ("1e", QuantityError::Suffix),
        ("1e99999999999", QuantityError::Suffix),
        ("1e30", QuantityError::Numeric),
        (".", QuantityError::Numeric),
        ("-", QuantityError::Numeric),
        ("é", QuantityError::Format),
    ] {
        match Quantity::parse(text) {
            Err(error) => assert_eq!(error, expected, "{text:?}"),
            Ok(quantity) => panic!("{text:?} was read as {quantity}"),
        }
    }
}

#[test]
fn numbers_for_the_kernel_are_rounded_up() {
    let quantity = |text: &str| Quantity::parse(text).unwrap_or(Quantity::ZERO);
    assert_eq!(quantity("1.5").to_milli(), 1500);
    assert_eq!(quantity("1u").to_milli(), 1);
    assert_eq!(quantity("100m").to_bytes(), 1);
    assert_eq!(quantity("64Mi").to_bytes(), 64 << 20);
    assert_eq!(quantity("-1500m").to_milli(), -1500);
    assert_eq!(quantity("1Ei").to_milli(), i64::MAX);
    assert_eq!(quantity("1u").rounded_to_milli().canonical(), "1m");
}

#[test]
fn amounts_compare_and_add_across_their_suffixes() {
    let quantity = |text: &str| Quantity::parse(text).unwrap_or(Quantity::ZERO);
    assert_eq!(quantity("1"), quantity("1000m"));
    assert!(quantity("1Gi") > quantity("1G"));
    assert_eq!(quantity("0").add(&quantity("1Mi")).canonical(), "1Mi");
    assert_eq!(quantity("500m").add(&quantity("1500m")).canonical(), "2");
}

#[test]
fn every_text_is_read_or_refused_and_the_canonical_form_reads_as_itself() {
    let mut random = crate::seeded::Random::new(7);
    for _ in 0..20_000 {
        let text: String = (0..random.below(7))
            .map(|_| *random.pick(&['0', '1', '9', '.', '-', '+', 'e', 'E', 'i', 'K', 'M', 'm', 'n', 'k', 'x']))
            .collect();
        let Ok(quantity) = Quantity::parse(&text) else { continue };
        let again = Quantity::parse(&quantity.canonical()).unwrap_or_else(|error| panic!("{text:?} -> {quantity}: {error}"));
        assert_eq!(again, quantity, "{text:?}");
        assert_eq!(again.canonical(), quantity.canonical(), "{text:?}");
    }
}
