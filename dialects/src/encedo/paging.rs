//! This file is about parts of lists: where they begin and how long they are, in a path or in a body.

use keyward_core::error::Error;

use super::answers::FAILED;

/// The most keys of one answer.
const MOST: usize = 15;

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) count: usize,
}

impl Part {
    /// The part that begins there and has at most so many.
    pub(super) fn new(offset: Option<usize>, count: Option<usize>) -> Self {
        Self { offset: offset.unwrap_or_default(), count: count.unwrap_or(MOST).min(MOST) }
    }
}

/// A number in a path. What is none is refused with 406, as the vendor does; one too large to be a place is past every end.
pub(super) fn number(segment: Option<&str>) -> Result<Option<usize>, Error> {
    let Some(text) = segment else { return Ok(None) };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(Some(text.parse().unwrap_or(usize::MAX))) } else { Err(FAILED) }
}
