//! These tests are about what travels of a digest: it finds the key whose digest it is of, and nothing else does.

use keyward_verifier::{Fingerprint, Place, Row, Table};

#[test]
fn a_row_that_came_by_its_fingerprint_is_found_by_its_digest() {
    let (table, place) = (Table::new(1, 0), Place::of_bits(7));
    let digest: [u8; 32] = std::array::from_fn(|n| n as u8);
    let bytes = Fingerprint::from(&digest).to_bytes();
    assert_eq!(bytes.as_slice(), &digest[8..22]);
    let row = Row { id: 9, profile: 1, expires_at: None, not_before: None, flags: 3 };
    table.insert(place, Fingerprint::from_bytes(bytes), &row, b"").unwrap();
    assert_eq!(table.find(place, &digest, &mut Vec::new()), Some(row));
    for kept in 8..22 {
        let mut other = digest;
        other[kept] ^= 1;
        assert_eq!(table.find(place, &other, &mut Vec::new()), None, "byte {kept}");
    }
}
