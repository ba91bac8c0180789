//! This file is about importing: a key whose secret was made elsewhere, by its text or by a digest of it.

use crate::command::{Answer, Given, Import};
use crate::error::Error;
use crate::id::{KeyId, OrganizationId};
use crate::key::{Material, Place, Proof};
use crate::keyward::{Environment, Keyward, Origin};
use crate::live::Whose;
use crate::permit::Permit;
use crate::secret::{Digest, Handle, Presented, Secret};
use crate::store::{CommitError, Name, Store};
use crate::verbs;
use crate::verbs::issue::Birth;

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn import(
        &self,
        permit: &Permit,
        import: Import,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        permit.may_give(&import.draft.scopes)?;
        let account = self.owner(permit, import.account).await?;
        let own = match &import.given {
            Given::Text(secret) => Presented::read(secret.expose()).and_then(|p| p.handle()),
            Given::Digest(..) | Given::Slow(_) => None,
        };
        let is_own = own.is_some();
        let slow = matches!(import.given, Given::Slow(_));
        if slow && import.handle.is_none() {
            return Err(Error::invalid(
                "handle",
                "the beginning of the secret, where only a slow hash is known",
            ));
        }
        if import.handle.as_ref().is_some_and(|handle| KeyId::parse(handle.as_str()).is_some()) {
            return Err(Error::invalid("handle", "no id of a key"));
        }
        let id = self.new_id().into();
        // Without a handle of its own it is shown by its id: never by a part of the secret.
        let handle = own.or(import.handle).unwrap_or_else(|| Handle::from(id));
        if let Given::Text(secret) = &import.given {
            self.refuse_known(account.organization, secret).await?;
        }
        let material = verbs::import::material(import.given);
        // Before the commit: of two at once, both would take the last one.
        let _reserved = match &material.proof {
            Proof::Digest(scheme, _) => self.live.reserve(account.organization, scheme)?,
            Proof::Slow(_) | Proof::Password(_) => None,
        };
        let by_handle = self.handle_name(&handle, id);
        let mut names: Vec<Name> = by_handle.into_iter().collect();
        let place = match &material.proof {
            Proof::Digest(_, digest) => {
                names.push(digest.name(&self.pepper));
                if is_own { Place::Handle } else { Place::Digest(digest.place(&self.pepper)) }
            }
            // Until it is used for the first time.
            Proof::Slow(_) => Place::Digest(0),
            Proof::Password(_) => Place::Nowhere,
        };
        let succession = self.succeed(permit, account.id, &import.draft, None, origin).await?;
        let birth = Birth {
            id,
            organization: account.organization,
            account: account.id,
            handle,
            place,
            environment: import.environment,
            protected: import.protected,
            material: Material::Secret(material),
            names,
            salt: self.random(),
            supersedes: succession.before,
            session: None,
        };
        let key = verbs::issue::issue(birth, import.draft, self.environment.now())?;
        match self.commit_new(Some(permit), &key, None, origin).await {
            Ok(_) => {
                self.end_before(permit, succession, origin).await?;
                Ok(Answer::Key(Box::new(key)))
            }
            Err(CommitError::NameTaken(name)) => {
                Err(Error::Taken { what: if by_handle == Some(name) { "handle" } else { "secret" } })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A secret that is or was a key under another digest of it must not become one again.
    async fn refuse_known(&self, organization: OrganizationId, secret: &Secret) -> Result<(), Error> {
        let whose = Whose::One(organization);
        let digests: Vec<Digest> = self.live.digests(secret.expose(), whose, &self.pepper).collect();
        for digest in digests {
            if self.store.holder(digest.name(&self.pepper)).await?.is_some() {
                return Err(Error::Taken { what: "secret" });
            }
        }
        Ok(())
    }
}
