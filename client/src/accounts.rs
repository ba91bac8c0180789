//! This file is about calls on accounts.

use crate::error::Error;
use crate::transport::{Call, Client, segment};
use crate::wire::{
    Account, Changed, CreateAccount, Key, List, ListAccounts, RemoveAccount, SetPassword, UpdateAccount,
};

impl Client {
    /// Creates an account.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_account(&self, account: &CreateAccount) -> Result<Account, Error> {
        self.json(self.post("/v1/accounts")?.with_body("application/json", account)?).await
    }

    /// Reads a page of accounts.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_accounts(&self, which: &ListAccounts) -> Result<List<Account>, Error> {
        self.json(Call::get("/v1/accounts").with_query(which)?).await
    }

    /// Reads an account.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn find_account(&self, id: &str) -> Result<Account, Error> {
        self.json(Call::get(account(id))).await
    }

    /// Changes an account, if it is at this version.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn update_account(
        &self,
        id: &str,
        patch: &UpdateAccount,
        version: Option<u64>,
    ) -> Result<Changed<Account>, Error> {
        self.changed(Call::patch(account(id), patch)?.if_match(version)).await
    }

    /// Gives an account a password, or another one; the key that it is kept as.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn set_password(&self, id: &str, password: &SetPassword) -> Result<Changed<Key>, Error> {
        self.changed(Call::put(format!("{}/password", account(id)), password)?).await
    }

    /// Removes an account, if it is at this version, and says what becomes of its keys; the receipt's id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove_account(
        &self,
        id: &str,
        keys: &RemoveAccount,
        version: Option<u64>,
    ) -> Result<Changed<String>, Error> {
        self.receipt_of(Call::delete(account(id)).with_query(keys)?.if_match(version)).await
    }
}

fn account(id: &str) -> String {
    format!("/v1/accounts/{}", segment(id))
}
