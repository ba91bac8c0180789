//! This file is about UUIDs: another way to print the 128 bits of an id (RFC 9562, section 4).

use keyward_core::id::Id;

/// Where the hyphens are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads 36 characters: 32 hexadecimal digits of either case, and four hyphens where they belong.
pub(crate) fn parse(text: &str) -> Option<Id> {
    let fits = text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| {
            if HYPHENS.contains(&place) { byte == b'-' } else { byte.is_ascii_hexdigit() }
        });
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    u128::from_str_radix(&digits, 16).ok().filter(|_| fits).map(Id::from_bits)
}

/// Prints in lower case.
pub(crate) fn print(id: Id) -> String {
    let bits = id.bits();
    let low = |bits: u128, digits: u32| bits & ((1 << (4 * digits)) - 1);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        low(bits >> 80, 4),
        low(bits >> 64, 4),
        low(bits >> 48, 4),
        low(bits, 12)
    )
}

#[cfg(test)]
mod tests {
    use keyward_core::id::Id;

    use super::{parse, print};

    #[test]
    fn reads_and_prints_rfc_9562() {
        // RFC 9562, appendix A.6.
        let id = Id::from_bits(0x017f_22e2_79b0_7cc3_98c4_dc0c_0c07_398f);
        assert_eq!(print(id), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        assert_eq!(parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), Some(id));
        assert_eq!(parse(&print(Id::from_bits(0))), Some(Id::from_bits(0)));
    }

    #[test]
    fn refuses_what_is_no_uuid() {
        for wrong in [
            "",
            "017f22e279b07cc398c4dc0c0c07398f",
            "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ",
            "017f22e2-79b0-7cc3-98c4+dc0c0c07398f",
            "+17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
            "ä17f22e2-79b0-7cc3-98c4-dc0c0c0739ä",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
