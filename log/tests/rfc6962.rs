//! This file is about the vectors of the reference implementation of RFC 6962: a tree of eight leaves.

use keyward_log::{Hash, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};

use crate::sample::Log;

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const H1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const H2: &str = "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7";
const H3: &str = "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7";
const H4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const H5: &str = "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658";
const H6: &str = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f";
const H2_3: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const H4_5: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const H6_7: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const H4_6: &str = "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e";
const H4_7: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

/// Index, size, proof.
const INCLUSION: [(u64, u64, &[&str]); 9] = [
    (0, 1, &[]),
    (0, 8, &[H1, H2_3, H4_7]),
    (1, 8, &[ROOTS[1], H2_3, H4_7]),
    (2, 8, &[H3, ROOTS[2], H4_7]),
    (4, 8, &[H5, H6_7, ROOTS[4]]),
    (5, 8, &[H4, H6_7, ROOTS[4]]),
    (2, 3, &[ROOTS[2]]),
    (1, 5, &[ROOTS[1], H2_3, H4]),
    (5, 7, &[H4, H6, ROOTS[4]]),
];

/// Old size, new size, proof.
const CONSISTENCY: [(u64, u64, &[&str]); 6] = [
    (1, 1, &[]),
    (1, 8, &[H1, H2_3, H4_7]),
    (6, 8, &[H4_5, H6_7, ROOTS[4]]),
    (2, 5, &[H2_3, H4]),
    (3, 7, &[H2, H3, ROOTS[2], H4_6]),
    (4, 8, &[H4_7]),
];

fn hex(text: &str) -> Hash {
    let digits = text.as_bytes().as_chunks::<2>().0.iter();
    let bytes = digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
    Hash(bytes.collect::<Vec<_>>().try_into().unwrap())
}

fn hashes(proof: &[&str]) -> Vec<Hash> {
    proof.iter().map(|hash| hex(hash)).collect()
}

fn log() -> Log {
    Log::with_leaves(LEAVES.iter().map(|leaf| Hash::leaf(leaf)))
}

#[test]
fn roots() {
    let mut log = Log::default();
    assert_eq!(Hash::EMPTY, hex(ROOTS[0]));
    assert_eq!(log.tree.root(), hex(ROOTS[0]));
    for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
        log.append(Hash::leaf(leaf));
        assert_eq!(log.tree.root(), hex(root));
    }
}

#[test]
fn inclusion_proofs() {
    for (index, size, proof) in INCLUSION {
        let proof = hashes(proof);
        assert_eq!(inclusion_proof(&log().at(size), index, size), Ok(proof.clone()), "{index} in {size}");
        let leaf = Hash::leaf(LEAVES[usize::try_from(index).unwrap()]);
        let root = hex(ROOTS[usize::try_from(size).unwrap()]);
        assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()), "{index} in {size}");
    }
}

#[test]
fn consistency_proofs() {
    for (old, new, proof) in CONSISTENCY {
        let proof = hashes(proof);
        assert_eq!(consistency_proof(&log().at(new), old, new), Ok(proof.clone()), "{old} to {new}");
        let root = |size: u64| hex(ROOTS[usize::try_from(size).unwrap()]);
        let verified = verify_consistency(old, &root(old), new, &root(new), &proof);
        assert_eq!(verified, Ok(()), "{old} to {new}");
    }
}
