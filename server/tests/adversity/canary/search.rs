//! This file is about looking for many needles in much hay.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// How much of a needle must be there to call it found, in bytes: its last ones, which are not its public part.
const PART: usize = 16;

/// The page before a thread's stack, in bytes.
const GUARD: u64 = 4096;

/// How much is read at once, in bytes.
const CHUNK: usize = 64 << 10;

/// What is looked for.
pub(super) struct Needles {
    /// By their first two bytes, which all but a few places of the hay rule out.
    begins: Vec<bool>,
    parts: HashMap<[u8; PART], usize>,
}

impl Needles {
    /// Looks for bytes: any whole window of their first 16 bytes.
    pub(super) fn new(needles: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut begins = vec![false; 1 << 16];
        let mut parts = HashMap::new();
        for (number, needle) in needles.into_iter().enumerate() {
            let part: [u8; PART] = needle[..PART].try_into().expect("it is long enough");
            begins[usize::from(u16::from_le_bytes([part[0], part[1]]))] = true;
            parts.insert(part, number);
        }
        Self { begins, parts }
    }

    /// Looks for secrets, by the part of them that nobody can guess and that no handle shows.
    pub(super) fn texts(secrets: &[String]) -> Self {
        // The last six of our own format are its check; the sixteen before them are random.
        Self::new(secrets.iter().map(|secret| secret.as_bytes()[secret.len() - PART - 6..].to_vec()))
    }

    /// Looks for these too.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.begins.iter_mut().zip(other.begins).for_each(|(begins, too)| *begins |= too);
        self.parts.extend(other.parts);
        self
    }

    /// Where in the hay they are.
    fn find<'a>(&'a self, hay: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        hay.windows(PART).enumerate().filter_map(|(at, window)| {
            let begin = u16::from_le_bytes([window[0], window[1]]);
            (self.begins[usize::from(begin)] && self.parts.contains_key(window)).then_some(at)
        })
    }

    /// Fails if there is one.
    pub(super) fn search(&self, place: &str, hay: &[u8]) {
        if let Some(at) = self.find(hay).next() {
            panic!("a secret in {place} at {at}: {}", around(hay, at));
        }
    }

    /// Searches every file of a folder.
    pub(super) fn search_files(&self, folder: &Path) {
        let mut searched = 0;
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.search_files(&path);
            } else {
                self.search(&path.display().to_string(), &fs::read(&path).expect("a file"));
                searched += 1;
            }
        }
        assert!(searched > 0 || folder.file_name().is_none_or(|name| name != "data"), "nothing was searched");
    }
}

/// What stands around a place, for people.
fn around(hay: &[u8], at: usize) -> String {
    let near = &hay[at.saturating_sub(120)..(at + 80).min(hay.len())];
    near.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect()
}

/// A part of a process' memory.
struct Region {
    name: String,
    bytes: Vec<u8>,
    /// Whether a thread has or had its stack there: behind a page that nobody may touch.
    is_stack: bool,
}

/// Fails if something is in the memory of a process. What a call had on its stack lies there until the next one is as deep,
/// so that there only some of it is looked for: what is never on a stack.
#[expect(clippy::print_stderr, reason = "a part that was not tested must be seen")]
pub(super) fn search_memory(pid: u32, all: &Needles, on_stacks: &Needles) {
    match memory(pid) {
        Err(error) => eprintln!("NOT TESTED: the memory of process {pid} cannot be read: {error}"),
        Ok(regions) => {
            let found = regions.iter().flat_map(|Region { name, bytes, is_stack }| {
                let needles = if *is_stack { on_stacks } else { all };
                needles.find(bytes).map(move |at| format!("{name} at {at}: {}", around(bytes, at)))
            });
            let found: Vec<String> = found.collect();
            assert!(found.is_empty(), "{} secrets found:\n{}", found.len(), found.join("\n"));
        }
    }
}

/// The writable memory of a process.
fn memory(pid: u32) -> io::Result<Vec<Region>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut regions = Vec::new();
    let mut guarded = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        let Some((from, to)) = range.split_once('-') else { continue };
        let (from, to) = (address(from), address(to));
        if rights == "---p" && to - from == GUARD {
            guarded = to;
        }
        if !rights.starts_with("rw") {
            continue;
        }
        let is_stack = from == guarded || line.ends_with("[stack]");
        for at in (from..to).step_by(CHUNK) {
            let length = usize::try_from(to - at).expect("it fits").min(CHUNK + PART);
            let mut bytes = vec![0; length];
            // A region may be gone again by now, and the kernel's own pages cannot be read; most of what an
            // allocator keeps in reserve was never touched.
            if memory.read_exact_at(&mut bytes, at).is_ok() && bytes != vec![0; length] {
                regions.push(Region { name: format!("{at:x} of {line}"), bytes, is_stack });
            }
        }
    }
    assert!(regions.iter().filter(|region| region.is_stack).count() > 2, "not all of it was read");
    Ok(regions)
}

fn address(text: &str) -> u64 {
    u64::from_str_radix(text, 16).expect("an address")
}
