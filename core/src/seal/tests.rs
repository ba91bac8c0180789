use super::{Binding, Pepper, Root, SealError, SlotSecret, WrappedSlot};
use crate::id::{Id, OrganizationId};

const ID: Id = Id::from_bits(7);

fn binding() -> Binding {
    Binding { organization: OrganizationId::from(Id::from_bits(1)), id: ID, version: 3 }
}

#[test]
fn a_slot_opens_only_under_its_root_and_for_its_record() {
    let root = Root::new(1, &[1; 32]).unwrap();
    let slot = root.wrap(&SlotSecret::new([9; 32]), ID, [2; 12]).unwrap();
    assert_eq!(root.unwrap(&slot, ID).unwrap().0, [9; 32]);
    assert_eq!(root.unwrap(&slot, Id::from_bits(8)).err(), Some(SealError));
    assert_eq!(Root::new(1, &[3; 32]).unwrap().unwrap(&slot, ID).err(), Some(SealError));
    assert_eq!(Root::new(2, &[1; 32]).unwrap().unwrap(&slot, ID).err(), Some(SealError));
    assert_eq!(root.unwrap(&WrappedSlot([0; 64]), ID).err(), Some(SealError));
}

#[test]
fn a_record_opens_only_where_it_was_sealed() {
    let secret = SlotSecret::new([9; 32]);
    let sealed = secret.seal(b"digest", binding(), [2; 12]).unwrap();
    assert_eq!(secret.open(&sealed, binding()).unwrap().as_slice(), b"digest");
    let elsewhere = [
        Binding { version: 4, ..binding() },
        Binding { id: Id::from_bits(8), ..binding() },
        Binding { organization: OrganizationId::from(Id::from_bits(2)), ..binding() },
    ];
    for other in elsewhere {
        assert_eq!(secret.open(&sealed, other).err(), Some(SealError), "{other:?}");
    }
    assert_eq!(SlotSecret::new([8; 32]).open(&sealed, binding()).err(), Some(SealError));
    for at in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[at] ^= 1;
        assert_eq!(secret.open(&bent, binding()).err(), Some(SealError), "byte {at}");
    }
    assert_eq!(secret.open(&[], binding()).err(), Some(SealError));
}

#[test]
fn names_differ_by_each_part() {
    let pepper = Pepper::new(&[1; 32]);
    let name = pepper.name("handle", ID, b"kw_live_x");
    assert_eq!(name, pepper.name("handle", ID, b"kw_live_x"));
    assert_ne!(name, pepper.name("account", ID, b"kw_live_x"));
    assert_ne!(name, pepper.name("handle", Id::from_bits(8), b"kw_live_x"));
    assert_ne!(name, pepper.name("handle", ID, b"kw_live_y"));
    assert_ne!(name, Pepper::new(&[2; 32]).name("handle", ID, b"kw_live_x"));
}
