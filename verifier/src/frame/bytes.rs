//! This file is about reading and writing a frame's fields.

use super::FrameError;
use crate::place::Place;

/// What is left of a frame.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The type of a frame, and what follows it.
    pub(super) fn open(frame: &'a [u8], limit: usize) -> Result<(u8, Self), FrameError> {
        if frame.len() > limit {
            return Err(FrameError::TooLong);
        }
        let (first, rest) = frame.split_first().ok_or(FrameError::Length)?;
        Ok((*first, Self(rest)))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(FrameError::Length)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn slice(&mut self, length: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(FrameError::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn text(&mut self, length: usize, field: &'static str) -> Result<&'a str, FrameError> {
        str::from_utf8(self.slice(length)?).map_err(|_| FrameError::Field(field))
    }

    pub(super) fn u8(&mut self) -> Result<u8, FrameError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, FrameError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, FrameError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn u128(&mut self) -> Result<u128, FrameError> {
        self.array().map(u128::from_be_bytes)
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, FrameError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FrameError::Field(field)),
        }
    }

    /// A place, or 0 for none.
    pub(super) fn place(&mut self) -> Result<Option<Place>, FrameError> {
        match self.u32()? {
            0 => Ok(None),
            number => Place::from_number(number).map(Some).ok_or(FrameError::Field("place")),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left, item by item.
    pub(super) fn rest<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, FrameError>,
    ) -> Result<Vec<T>, FrameError> {
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), FrameError> {
        if self.is_empty() { Ok(()) } else { Err(FrameError::Length) }
    }
}

/// A frame that is being written.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(kind: u8) -> Self {
        Self(vec![kind])
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn u128(&mut self, value: u128) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A place, or 0 for none.
    pub(super) fn place(&mut self, place: Option<Place>) -> &mut Self {
        self.u32(place.map_or(0, Place::to_number))
    }

    /// A length or a count of one byte.
    pub(super) fn short(&mut self, length: usize) -> Result<&mut Self, FrameError> {
        Ok(self.u8(u8::try_from(length).map_err(|_| FrameError::TooLong)?))
    }

    /// A length or a count of two bytes.
    pub(super) fn long(&mut self, length: usize) -> Result<&mut Self, FrameError> {
        Ok(self.u16(u16::try_from(length).map_err(|_| FrameError::TooLong)?))
    }

    pub(super) fn finish(self, limit: usize) -> Result<Vec<u8>, FrameError> {
        if self.0.len() > limit { Err(FrameError::TooLong) } else { Ok(self.0) }
    }
}
