//! This file is about profiles: what many keys share, told once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

use super::FrameError;
use super::bytes::{Reader, Writer};

/// Whose keys they are, and what they may be used for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Their organization.
    pub organization: u128,
    /// Their account.
    pub account: u128,
    /// How often each may be used. Every verifier counts for itself.
    pub rate_limit: Option<RateLimit>,
    /// The networks that they may be used from; none: from everywhere. At most 255.
    pub networks: Vec<Network>,
    /// What they may be used for, each at most 255 bytes, in the order in which the server keeps them.
    pub scopes: Vec<String>,
}

/// At most `limit` uses in any window, spread evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// Uses.
    pub limit: NonZeroU32,
    /// The window, in seconds.
    pub window_seconds: NonZeroU32,
}

/// Every address that begins with the same bits as this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// An address in it.
    pub address: IpAddr,
    /// How many bits count: at most 32, or 128 for IPv6.
    pub prefix: u8,
}

impl Profile {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let (organization, account) = (reader.u128()?, reader.u128()?);
        let limit = (NonZeroU32::new(reader.u32()?), NonZeroU32::new(reader.u32()?));
        let rate_limit = match limit {
            (None, None) => None,
            (Some(limit), Some(window_seconds)) => Some(RateLimit { limit, window_seconds }),
            (Some(_), None) | (None, Some(_)) => return Err(FrameError::Field("rate limit")),
        };
        let networks = (0..reader.u8()?).map(|_| Network::read(reader)).collect::<Result<_, _>>()?;
        let scopes = reader.rest(|reader| {
            let length = reader.u8()?.into();
            reader.text(length, "scope").map(str::to_owned)
        })?;
        Ok(Self { organization, account, rate_limit, networks, scopes })
    }

    pub(super) fn write(&self, writer: &mut Writer) -> Result<(), FrameError> {
        writer.u128(self.organization).u128(self.account);
        let (limit, window) =
            self.rate_limit.map_or((0, 0), |limit| (limit.limit.get(), limit.window_seconds.get()));
        writer.u32(limit).u32(window).short(self.networks.len())?;
        self.networks.iter().try_for_each(|network| network.write(writer))?;
        for scope in &self.scopes {
            writer.short(scope.len())?.bytes(scope.as_bytes());
        }
        Ok(())
    }
}

impl Network {
    const V4: u8 = 4;
    const V6: u8 = 6;

    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let address = match reader.u8()? {
            Self::V4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
            _ => return Err(FrameError::Field("address family")),
        };
        Self { address, prefix: reader.u8()? }.checked()
    }

    fn write(&self, writer: &mut Writer) -> Result<(), FrameError> {
        self.checked()?;
        match self.address {
            IpAddr::V4(address) => writer.u8(Self::V4).bytes(&address.octets()),
            IpAddr::V6(address) => writer.u8(Self::V6).bytes(&address.octets()),
        };
        writer.u8(self.prefix);
        Ok(())
    }

    const fn checked(self) -> Result<Self, FrameError> {
        let bits = match self.address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if self.prefix <= bits { Ok(self) } else { Err(FrameError::Field("prefix")) }
    }
}
