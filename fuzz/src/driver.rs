//! Runs a target on mutated inputs, and catches what it does.

use crate::{mutate::mutate, random::Random, targets::Target};
use std::{
    cell::RefCell,
    fmt, fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Most inputs that are kept to be mutated further.
const POOL: usize = 1024;

/// A single run that takes longer is a finding.
const SLOW: Duration = Duration::from_secs(2);

/// One target, fuzzed for a time from a seed.
pub struct Run {
    /// What runs.
    pub target: &'static Target,
    /// Decides all inputs.
    pub seed: u64,
    /// For how long.
    pub time: Duration,
}

/// What was found.
#[derive(Debug)]
pub enum Finding {
    /// The target panicked, or took too long.
    Failed {
        /// What it said.
        message: String,
        /// Where the input is saved.
        input: PathBuf,
    },
    /// The corpus or the input cannot be read.
    Unreadable(io::Error),
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message of a panic for the report, instead of printing each.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|panic| LAST_PANIC.with_borrow_mut(|last| *last = panic.to_string())));
}

// === impl Run ===

impl Run {
    /// Fuzzes. Answers how many inputs were tried.
    pub fn fuzz(&self) -> Result<u64, Finding> {
        let mut pool = self.corpus().map_err(Finding::Unreadable)?;
        for (count, input) in pool.clone().iter().enumerate() {
            self.try_one(input, count as u64)?;
        }
        let seeds = pool.len();
        let (mut random, end, mut count) = (Random::new(self.seed), Instant::now() + self.time, seeds as u64);
        while Instant::now() < end {
            let empty = Vec::new();
            let (one, other) = (random.pick(&pool).unwrap_or(&empty), random.clone());
            let other = { other }.pick(&pool).unwrap_or(&empty).clone();
            let input = mutate(one, &other, &mut random);
            if self.try_one(&input, count)? {
                match pool.len() {
                    POOL => {
                        let index = seeds + random.below(POOL - seeds);
                        pool[index] = input;
                    }
                    _ => pool.push(input),
                }
            }
            count += 1;
        }
        Ok(count)
    }

    /// Runs one input.
    pub fn replay(&self, path: &str) -> Result<u64, Finding> {
        let input = fs::read(path).map_err(Finding::Unreadable)?;
        self.try_one(&input, 0).map(|_| 1)
    }

    fn try_one(&self, input: &[u8], number: u64) -> Result<bool, Finding> {
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| (self.target.run)(input)));
        let message = match result {
            Ok(accepted) if begun.elapsed() < SLOW => return Ok(accepted),
            Ok(_) => format!("one input took {:?}", begun.elapsed()),
            Err(_) => LAST_PANIC.with_borrow(Clone::clone),
        };
        let input = self.save(input, number).map_err(Finding::Unreadable)?;
        Err(Finding::Failed { message, input })
    }

    fn save(&self, input: &[u8], number: u64) -> io::Result<PathBuf> {
        let folder = home().join("crashes");
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{}-{number}", self.target.name, self.seed));
        fs::write(&path, input)?;
        Ok(path)
    }

    /// The seed corpus, in the order of the file names.
    fn corpus(&self) -> io::Result<Vec<Vec<u8>>> {
        let entries = fs::read_dir(home().join("corpus").join(self.target.name))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        paths.iter().map(fs::read).collect()
    }
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

// === impl Finding ===

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { message, input } => write!(f, "{message}\n  saved as {}", input.display()),
            Self::Unreadable(error) => write!(f, "{error}"),
        }
    }
}
