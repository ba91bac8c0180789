//! This file is about commitments.

use keyward_log::{Commitment, Opening};

#[test]
fn it_is_the_documented_hash() {
    // printf 'keyward-commitment/v1\n0123456789abcdefFEDCBA9876543210' | openssl sha256 -binary | base64
    let commitment = Commitment::of(b"0123456789abcdef", b"FEDCBA9876543210");
    assert_eq!(commitment.to_string(), "A7bI9a3Sue2njGvEFknaPVvWMFaABtnpG/DJ5134lG4=");
    assert_eq!(commitment.to_string().parse(), Ok(commitment));
}

#[test]
fn only_its_opening_opens_it() {
    let opening = Opening { salt: [1; 16], id: [2; 16] };
    for bit in 0..128 {
        let mut other = opening;
        other.id[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(other.commitment(), opening.commitment());
        other = opening;
        other.salt[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(other.commitment(), opening.commitment());
    }
    assert_eq!(opening.to_string(), "AQEBAQEBAQEBAQEBAQEBAQ== AgICAgICAgICAgICAgICAg==");
    assert_eq!(opening.to_string().parse(), Ok(opening));
}
