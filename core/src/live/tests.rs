use keyward_verifier::Place as TablePlace;
use keyward_verifier::frame::Change;

use super::schemes::LIMIT;
use super::{Live, Whose};
use crate::crypto::{AesKeySize, Algorithm, Crypto, Private, Source, Usage, Usages};
use crate::id::Id;
use crate::key::tests::key;
use crate::key::{Key, Kind, Material, Place, Proof, Scheme, SecretMaterial};
use crate::seal::{Pepper, SlotSecret};
use crate::secret::{Digest, Handle, Presented};
use crate::verifiers::Notice;

const TEXT: &str = "brought-along-0001";

fn way(number: u8) -> Scheme {
    Scheme::HmacSha256(vec![number].into())
}

/// A key of this organization whose text is known by a digest that was taken this way.
fn brought(organization: u64, way: Scheme, pepper: &Pepper) -> Key {
    known(TEXT, organization, way, pepper)
}

fn known(text: &str, organization: u64, way: Scheme, pepper: &Pepper) -> Key {
    let digest = way.digest(text);
    let mut key = key();
    key.head.organization = Id::from_bits(organization.into()).into();
    key.head.account = Id::from_bits(u128::from(organization) + 1000).into();
    key.head.id = Id::from_bits(digest.place(pepper).into()).into();
    key.head.place = Place::Digest(digest.place(pepper));
    let proof = Proof::Digest(way, digest);
    key.traits.material = Material::Secret(SecretMaterial { proof, hint: String::new(), recoverable: None });
    key
}

fn finds(live: &Live, text: &str, whose: Whose, pepper: &Pepper) -> Option<Id> {
    live.find(&Presented::read(text).unwrap(), whose, pepper).map(|(entry, _)| entry.key.id())
}

/// An earlier build let an organization have sixteen ways: what is in a store is found, and nothing new is let in beside it.
#[test]
fn what_an_earlier_build_let_in_stays_in_use() {
    let pepper = Pepper::new(&[9; 32]);
    let live = Live::new(1, 64, SlotSecret::new([0; 32]).sealer().unwrap());
    let keys: Vec<Key> = (0..16).map(|number| brought(7, way(number), &pepper)).collect();
    keys.iter().for_each(|key| live.admit(key).unwrap());
    let organization = keys[0].head.organization;
    for key in &keys {
        let whose = Whose::One(organization);
        assert!(finds(&live, TEXT, whose, &pepper).is_some(), "{} are left", live.len());
        assert!(finds(&live, "another-text-0001", whose, &pepper).is_none());
        assert_eq!(live.reserve(organization, &way(99)).is_err(), live.len() >= LIMIT, "{}", live.len());
        live.end(&key.head);
    }
    assert!(finds(&live, TEXT, Whose::Anyone, &pepper).is_none());
    assert!(!live.schemes.any(), "no pepper is left");
}

/// A key that changes is put in its own place: its way is neither lost nor counted twice.
#[test]
fn a_key_that_changes_keeps_its_way() {
    let pepper = Pepper::new(&[9; 32]);
    let live = Live::new(1, 64, SlotSecret::new([0; 32]).sealer().unwrap());
    let mut key = brought(7, way(1), &pepper);
    for name in ["one", "another", "and another"] {
        key.traits.name = name.to_owned();
        live.admit(&key).unwrap();
        assert_eq!(finds(&live, TEXT, Whose::One(key.head.organization), &pepper), Some(key.head.id.id()));
    }
    live.end(&key.head);
    assert!(!live.schemes.any());
}

/// Whoever imports the SHA-256 of a text could otherwise keep another organization from its own key.
#[test]
fn an_organization_finds_its_own_key_whoever_else_brought_the_text_along() {
    let pepper = Pepper::new(&[9; 32]);
    let live = Live::new(1, 64, SlotSecret::new([0; 32]).sealer().unwrap());
    let (first, second) = (brought(7, Scheme::Sha256, &pepper), brought(8, way(1), &pepper));
    [&first, &second].into_iter().for_each(|key| live.admit(key).unwrap());
    for key in [&first, &second] {
        let whose = Whose::One(key.head.organization);
        assert_eq!(finds(&live, TEXT, whose, &pepper), Some(key.head.id.id()));
    }
    assert_eq!(finds(&live, TEXT, Whose::One(Id::from_bits(9).into()), &pepper), None);
}

/// A stranger's text costs a search once; from then on it is known where to look. What was never found is not at hand.
#[test]
fn a_text_is_at_hand_once_it_was_found() {
    let pepper = Pepper::new(&[9; 32]);
    let live = Live::new(1, 64, SlotSecret::new([0; 32]).sealer().unwrap());
    let key = brought(7, way(1), &pepper);
    live.admit(&key).unwrap();
    for other in 10..20_u8 {
        live.admit(&known("of-another-0001", other.into(), way(other), &pepper)).unwrap();
    }
    let digests = |whose| live.digests(TEXT, whose, &pepper).count();
    assert_eq!(digests(Whose::One(key.head.organization)), 2 + 1, "its own and no others");
    assert_eq!((digests(Whose::AtHand), digests(Whose::Anyone)), (2, 2 + 11));
    let id = Some(key.head.id.id());
    assert_eq!(finds(&live, TEXT, Whose::AtHand, &pepper), None);
    assert_eq!(finds(&live, TEXT, Whose::Anyone, &pepper), id);
    assert_eq!(finds(&live, TEXT, Whose::AtHand, &pepper), id);
    assert_eq!(finds(&live, "another-text-0001", Whose::Anyone, &pepper), None);
    assert_eq!(finds(&live, "another-text-0001", Whose::AtHand, &pepper), None);
    live.end(&key.head);
    assert_eq!(finds(&live, TEXT, Whose::AtHand, &pepper), None, "and no longer than it is there");
}

/// Each length of a handle costs a read of the store.
#[test]
fn the_handles_of_slow_keys_are_looked_for_in_their_organization() {
    let pepper = Pepper::new(&[9; 32]);
    let live = Live::new(1, 64, SlotSecret::new([0; 32]).sealer().unwrap());
    let mut key = brought(7, way(1), &pepper);
    let proof = Proof::Slow("$2b$05$".to_owned());
    key.traits.material = Material::Secret(SecretMaterial { proof, hint: String::new(), recoverable: None });
    live.admit(&key).unwrap();
    let text = format!("{}-and-more", key.head.handle);
    let handles = |whose| live.slow_handles(&Presented::read(&text).unwrap(), whose);
    assert_eq!(handles(Whose::One(key.head.organization)), std::slice::from_ref(&key.head.handle));
    assert!(handles(Whose::One(Id::from_bits(8).into())).is_empty());
}

/// By it a verifier asks for the memory of a key before it hashes the text; any other place would mean nothing there.
#[test]
fn verifiers_are_told_the_place_that_a_text_tells_and_no_other() {
    let pepper = Pepper::new(&[9; 32]);
    let mut own = brought(7, Scheme::Sha256, &pepper);
    own.head.place = Place::Handle;
    own.head.handle = Handle::parse("kw_live_0123456789").unwrap();
    for (key, tells) in
        [(own, Some(TablePlace::of_chars(b"0123456789"))), (brought(7, Scheme::Sha256, &pepper), None)]
    {
        let live = Live::new(1, 64, SlotSecret::new([0; 32]).sealer().unwrap());
        let mut told = Vec::new();
        for notice in live.take_in(&key).unwrap() {
            let Notice::Key(row, _) = notice else { panic!("it is there") };
            told.push(row.place);
        }
        told.extend((0..live.parts()).flat_map(|part| live.show(part, None)).map(|(row, _)| row.place));
        for notice in live.end(&key.head) {
            let Notice::Other(Change::End { place, .. }) = notice else { panic!("it has ended") };
            told.push(place);
        }
        assert!(told == [tells; 3], "in a change, in a snapshot and in its end");
    }
}

/// Ids are known to many, and the digest of a key that is brought along is chosen by whoever brings it: one that is what an id is
/// looked for by would stand in the place of the key that never leaves.
#[test]
fn a_digest_that_is_an_id_takes_no_keys_place() {
    let live = Live::new(1 << 64 | 1, 64, SlotSecret::new([0; 32]).sealer().unwrap());
    let mut used = key();
    used.head.id = Id::from_bits(0x0190_0000_0000_7abc_8def_0123_4567_89ab).into();
    (used.head.kind, used.head.place) = (Kind::Crypto, Place::Names);
    let private = Some(Private::new(vec![7; 32].into()));
    used.traits.material = Material::Crypto(Crypto {
        algorithm: Algorithm::Aes(AesKeySize::Aes256),
        usages: Usages::of([Usage::Encrypt]),
        source: Source::Generated,
        lookup: None,
        mark: None,
        public: None,
        private,
    });
    live.admit(&used).unwrap();
    let id = used.head.id.id().bits();
    let mut digest = [0; 32];
    digest[8..24].copy_from_slice(&id.to_le_bytes());
    let mut brought = brought(7, Scheme::Sha256, &Pepper::new(&[9; 32]));
    brought.head.place = Place::Digest(id as u64);
    let proof = Proof::Digest(Scheme::Sha256, Digest::from_bytes(digest));
    brought.traits.material =
        Material::Secret(SecretMaterial { proof, hint: String::new(), recoverable: None });
    live.admit(&brought).unwrap();
    let (entry, mut details) = live.find_by_id(used.head.id).unwrap();
    assert!(entry.key == used.head.id && live.open(&entry, &mut details).unwrap().is_some());
    assert!(live.open(&entry, &mut details).is_err(), "what was opened is wiped");
    live.end(&used.head);
    assert!(live.find_by_id(used.head.id).is_none());
}
