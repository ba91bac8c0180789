//! This file is about signing in: a password or a key opens a session, which is a key with a short life and a parent.

use zeroize::Zeroizing;

use crate::account::Account;
use crate::command::{Answer, Draft, Issue, SessionPlan, SignIn};
use crate::error::Error;
use crate::event::{Happened, Reason};
use crate::id::{AccountId, KeyId};
use crate::key::{Found, Head, Key, Material, Place, Proof, SecretMaterial, Session, State, Traits};
use crate::keys::{TRIES, Ties};
use crate::keyward::{Environment, Keyward, Origin};
use crate::live::{Stands, Whose};
use crate::permit::Permit;
use crate::record;
use crate::scope::Scopes;
use crate::secret::{Handle, Label, Presented};
use crate::store::{CommitError, Store};
use crate::verbs;
use crate::verbs::issue::Birth;
use crate::verifiers::Uncovered;

/// A hash that no password has, for logins that nobody has: finding out takes as long as for those that somebody has.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Opens a session.
    ///
    /// # Errors
    /// [`Error::BadCredential`], whatever is wrong with what was presented, and of an account that was removed;
    /// [`Error::Forbidden`] if nothing is, and its account is not an active one of the organization; then whatever the
    /// caller found wrong with the request.
    pub async fn sign_in(&self, sign_in: SignIn, origin: &Origin) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let parent = match self.parent_by_key(&sign_in).await? {
                Some(parent) => Some(parent),
                None => self.parent_by_password(&sign_in).await?,
            };
            let Some(parent) = parent else {
                self.note_refused(&sign_in.proof, origin.address).await;
                return Err(Error::BadCredential);
            };
            let is_elsewhere = |number| number != parent.head.organization.id().number();
            if sign_in.organization.is_some_and(is_elsewhere) {
                return Err(Error::Forbidden);
            }
            let shown = parent.head.id;
            let session = sign_in.session.as_ref().map_err(Error::clone)?;
            if let Some(opened) = self.open_session(&parent, shown, session, origin).await? {
                return Ok(opened);
            }
        }
        Err(Error::changes_too_fast(&sign_in.login))
    }

    /// A new session with the rights of the one that the caller has.
    pub(crate) async fn renew(
        &self,
        permit: &Permit,
        session: SessionPlan,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        if permit.caller().impersonates {
            // Its key is another account's: so would the session be.
            return Err(Error::Forbidden);
        }
        let shown = permit.caller().key;
        for _ in 0..TRIES {
            let found = self.open_live(shown).await?.ok_or(Error::BadCredential)?;
            // Sessions of sessions would be a chain without end: the new one has the same parent.
            let parent = match found.head.session {
                Some(Session { parent, .. }) => self.open_live(parent).await?.ok_or(Error::BadCredential)?,
                None => found,
            };
            // Without this, a session that is renewed in time would go on after the end of what signed in.
            if !self.works(&parent) {
                return Err(Error::BadCredential);
            }
            if let Some(opened) = self.open_session(&parent, shown, &session, origin).await? {
                return Ok(opened);
            }
        }
        Err(Error::changes_too_fast(&shown))
    }

    /// Opens a session, which may do no more than what signed in, from nowhere else, no more often and no longer. `None` if
    /// that, or the key that was shown for it, was changed meanwhile: it is to be judged again.
    async fn open_session(
        &self,
        parent: &Key,
        shown: KeyId,
        plan: &SessionPlan,
        origin: &Origin,
    ) -> Result<Option<Answer>, Error> {
        let planned = plan.life_seconds.map(|seconds| self.environment.now().plus_seconds(seconds));
        let expires_at = planned.into_iter().chain(parent.ends_at()).min();
        let Traits { scopes, ip_allow, rate_limit, .. } = parent.traits.clone();
        let issue = Issue {
            account: Some(parent.head.account),
            format: plan.format.clone(),
            environment: parent.head.environment.clone(),
            protected: false,
            recoverable: false,
            numbered: false,
            draft: Draft {
                name: "session".to_owned(),
                scopes,
                expires_at,
                ip_allow,
                rate_limit,
                ..Draft::default()
            },
        };
        let session = Session { parent: parent.head.id, idle_seconds: plan.idle_seconds };
        let ties = Ties { session: Some(session), ..Ties::default() };
        let owner = (parent.head.organization, parent.head.account);
        let (key, secret) = self.create(None, owner, &issue, ties, origin).await?;
        // Whoever took something from the parent meanwhile has ended the sessions that it saw; this one may have come after.
        if !self.is_as_it_was(parent).await? || self.open_live(shown).await?.is_none() {
            self.remove_head(None, &key.head, Reason::OwnerLeft, origin).await?;
            return Ok(None);
        }
        Ok(Some(Answer::Issued(Box::new(key), secret)))
    }

    /// Whether nothing has happened to a key since it was read, nor to its account.
    async fn is_as_it_was(&self, key: &Key) -> Result<bool, Error> {
        let now = self.open_live(key.head.id).await?;
        Ok(now.is_some_and(|now| now.head.version == key.head.version) && self.works(key))
    }

    /// The key whose secret was presented, if it is one of the account with that login.
    async fn parent_by_key(&self, sign_in: &SignIn) -> Result<Option<Key>, Error> {
        let Some(presented) = Presented::read(&sign_in.proof) else { return Ok(None) };
        let found = self.live.find(&presented, Whose::Anyone, &self.pepper);
        let Some((entry, _)) = found else { return Ok(None) };
        let now = self.environment.now();
        if entry.judge(None, now).and_then(|()| self.live.count(&entry, 1, now)).is_err() {
            return Ok(None);
        }
        let Some(key) = self.open_live(entry.key).await? else { return Ok(None) };
        let account = self.store.fetch(key.head.account.id()).await?;
        let account = account.map(|stored| Account::from_record(&stored.record)).transpose()?;
        let is_theirs = account.is_some_and(|account| account.name.eq_ignore_ascii_case(&sign_in.login));
        // A session is no credential to sign in with: it would never end.
        let fits = is_theirs && key.head.session.is_none();
        Ok(fits.then_some(key))
    }

    async fn parent_by_password(&self, sign_in: &SignIn) -> Result<Option<Key>, Error> {
        let found = match login_handle(&sign_in.login) {
            Some(handle) => self.password(&handle).await?,
            None => None,
        };
        let (hash, key) = match found {
            Some((hash, key)) => (hash, Some(key).filter(|key| key.head.state == State::Active)),
            None => (NOBODYS.to_owned(), None),
        };
        let fits = self.environment.check_password(hash, sign_in.proof.clone()).await;
        let Some(key) = key.filter(|_| fits) else { return Ok(None) };
        match self.standing(&key) {
            Stands::Active => Ok(Some(key)),
            Stands::Suspended => Err(Error::Forbidden),
            // What ends the keys of an account that is gone may not have come to this one yet.
            Stands::Removed => Ok(None),
        }
    }

    /// The password of this login, and its key.
    async fn password(&self, login: &Handle) -> Result<Option<(String, Key)>, Error> {
        let Some(id) = self.store.holder(login.name(&self.pepper)).await? else { return Ok(None) };
        let Some(key) = self.open_live(id.into()).await? else { return Ok(None) };
        let Material::Secret(SecretMaterial { proof: Proof::Password(hash), .. }) = &key.traits.material
        else {
            return Ok(None);
        };
        Ok(Some((hash.clone(), key)))
    }

    /// Whether what signed in still would: neither it nor its account is stopped, and its time is not over.
    fn works(&self, key: &Key) -> bool {
        key.head.state == State::Active
            && key.ends_at().is_none_or(|end| self.environment.now() < end)
            && self.standing(key) == Stands::Active
    }

    /// How the account of a key stands.
    fn standing(&self, key: &Key) -> Stands {
        self.live.directory.account(key.head.account, key.head.organization).stands()
    }

    /// A key that was not removed, and opens.
    async fn open_live(&self, id: KeyId) -> Result<Option<Key>, Error> {
        let Some(stored) = self.store.fetch(id.id()).await? else { return Ok(None) };
        match record::key::read(&stored.record)? {
            Found::Live(sealed) => {
                self.secret_of(&stored).await?.map(|secret| sealed.open(&secret)).transpose()
            }
            Found::Removed(_) => Ok(None),
        }
    }

    /// Gives an account a password under a login, or another one in the place of that.
    pub(crate) async fn set_password(
        &self,
        permit: &Permit,
        account: Option<AccountId>,
        login: Option<&str>,
        password: Zeroizing<String>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        // A session may do whatever its account's role lets it: nobody gives what they do not have.
        let scopes = Scopes::parse(["admin"])?;
        permit.may_give(&scopes)?;
        let account = self.load_account(permit, account.unwrap_or(permit.caller().account)).await?;
        permit.may_appoint(account.role)?;
        let handle = login_handle(login.unwrap_or(&account.name));
        let handle = handle.ok_or_else(|| Error::invalid("login", "4 to 64 printable ASCII characters"))?;
        if password.is_empty() || password.len() > 512 {
            return Err(Error::invalid("password", "1 to 512 bytes"));
        }
        let hash = self.environment.hash_password(password).await;
        let proof = Proof::Password(hash.ok_or_else(|| Error::internal("a password was not hashed"))?);
        let material = SecretMaterial { proof, hint: String::new(), recoverable: None };
        let Some((_, mut key)) = self.password(&handle).await? else {
            return self.new_password(permit, &account, (handle, scopes), material, origin).await;
        };
        if key.head.account != account.id {
            if self.standing(&key) != Stands::Removed {
                return Err(Error::Taken { what: "login" });
            }
            // What ends the keys of an account that is gone has not come to this one yet: its login is free all the same. Who
            // accepts what that account could do was told to who removed it; here it may be another organization's.
            let head = Head { protected: false, ..key.head };
            let theirs = Origin { uncovered: Uncovered::default(), ..origin.clone() };
            self.remove_head(None, &head, Reason::OwnerLeft, &theirs).await?;
            return self.new_password(permit, &account, (handle, scopes), material, origin).await;
        }
        let stored = self.store.fetch(key.head.id.id()).await?.ok_or(Error::NotFound)?;
        key.traits.material = Material::Secret(material);
        key.traits.updated_at = self.environment.now();
        key.head.version += 1;
        let secret = self.slot_secret(&stored).await?;
        self.commit_change(Some(permit), &key, &secret, Happened::Updated, origin).await?;
        // Whoever knew the old one may have signed in with it; who changes it goes on.
        let changes_it = Some(permit.caller().key);
        for _ in 0..TRIES {
            // Again while there are any: one that was ended may have been renewed just before.
            if self.end_sessions(key.head.id, changes_it, Reason::Superseded, origin).await? == 0 {
                return Ok(Answer::Key(Box::new(key)));
            }
        }
        Err(Error::changes_too_fast(&key.head.id))
    }

    async fn new_password(
        &self,
        permit: &Permit,
        account: &Account,
        (handle, scopes): (Handle, Scopes),
        material: SecretMaterial,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let environment = Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?;
        let birth = Birth {
            id: self.new_id().into(),
            organization: account.organization,
            account: account.id,
            names: vec![handle.name(&self.pepper)],
            handle,
            place: Place::Nowhere,
            environment,
            protected: false,
            material: Material::Secret(material),
            salt: self.random(),
            supersedes: None,
            session: None,
        };
        let draft = Draft { name: "password".to_owned(), scopes, ..Draft::default() };
        let key = verbs::issue::issue(birth, draft, self.environment.now())?;
        match self.commit_new(Some(permit), &key, None, origin).await {
            Ok(_) => Ok(Answer::Key(Box::new(key))),
            Err(CommitError::NameTaken(_)) => Err(Error::Taken { what: "login" }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Logins are the same in any letter case.
fn login_handle(login: &str) -> Option<Handle> {
    Handle::parse(&login.to_ascii_lowercase())
}
