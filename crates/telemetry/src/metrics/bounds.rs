//! The upper bounds of the histograms.

use super::histogram::Buckets;

/// Tokens; bounds of the OpenTelemetry GenAI conventions, as for the three below.
pub(super) static TOKENS: Buckets = Buckets::new(
    &[1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
    1.0,
);

/// A whole request, in microseconds.
pub(super) static DURATION: Buckets = Buckets::new(
    &[
        10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000, 5_120_000, 10_240_000,
        20_480_000, 40_960_000, 81_920_000,
    ],
    1e6,
);

/// To the first token, in microseconds.
pub(super) static FIRST_TOKEN: Buckets = Buckets::new(
    &[
        1_000, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 250_000, 500_000, 750_000, 1_000_000, 2_500_000,
        5_000_000, 7_500_000, 10_000_000,
    ],
    1e6,
);

/// Between tokens, in microseconds.
pub(super) static PER_TOKEN: Buckets = Buckets::new(
    &[
        10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000, 400_000, 500_000, 750_000, 1_000_000,
        2_500_000,
    ],
    1e6,
);

/// Cost of a request, in billionths of a US dollar.
pub(super) static COST: Buckets = Buckets::new(
    &[
        10_000,
        100_000,
        1_000_000,
        5_000_000,
        10_000_000,
        50_000_000,
        100_000_000,
        500_000_000,
        1_000_000_000,
        5_000_000_000,
        10_000_000_000,
        50_000_000_000,
        100_000_000_000,
    ],
    1e9,
);

/// The gateway's own part of a request, in nanoseconds.
pub(super) static OVERHEAD: Buckets = Buckets::new(
    &[
        25_000,
        50_000,
        100_000,
        200_000,
        500_000,
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
        500_000_000,
        1_000_000_000,
        5_000_000_000,
    ],
    1e9,
);

/// A hook's call, in nanoseconds.
pub(super) static HOOK: Buckets = Buckets::new(
    &[
        1_000,
        5_000,
        10_000,
        50_000,
        100_000,
        500_000,
        1_000_000,
        5_000_000,
        10_000_000,
        50_000_000,
        100_000_000,
        500_000_000,
        1_000_000_000,
        5_000_000_000,
    ],
    1e9,
);
