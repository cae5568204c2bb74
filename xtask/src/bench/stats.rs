//! Medians and how far values spread.

/// The value in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// The distance of the smallest from the largest value, in parts of the median.
pub(super) fn spread(values: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let smallest = values.clone().into_iter().fold(f64::INFINITY, f64::min);
    let largest = values.clone().into_iter().fold(f64::NEG_INFINITY, f64::max);
    (largest - smallest) / median(values)
}

/// Of sorted values, by the nearest rank.
pub(super) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    let index = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_spread_is_relative() {
        assert_eq!(spread([9.0, 10.0, 11.0]), 0.2);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 50.0), 2.0);
        assert_eq!(percentile(&[1.0], 99.0), 1.0);
        assert!(percentile(&[], 99.0).is_nan());
    }
}
