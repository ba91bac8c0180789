//! This file is about walking what an account has in a collection to its end.

use keyward_core::command::{Command, Page};
use keyward_core::error::Error;
use keyward_core::id::{AccountId, Id};
use keyward_core::resource::Resource;

use super::answers;
use crate::dialect::Step;

/// Goes on with everything that an account has in a collection, oldest first.
pub(super) fn every(
    collection: &'static str,
    account: AccountId,
    next: impl FnOnce(Vec<Resource>) -> Result<Step, Error> + Send + 'static,
) -> Step {
    gather(collection, account, None, Vec::new(), Box::new(next))
}

fn gather(
    collection: &'static str,
    account: AccountId,
    after: Option<Id>,
    mut gathered: Vec<Resource>,
    next: Box<dyn FnOnce(Vec<Resource>) -> Result<Step, Error> + Send>,
) -> Step {
    let page = Page { after, limit: Page::LIMIT };
    let list = Command::ListResources { collection, account: Some(account), parent: None, page };
    Step::then(list, move |answer| {
        let (resources, after) = answers::resources(answer)?;
        gathered.extend(resources);
        match after {
            Some(_) => Ok(gather(collection, account, after, gathered, next)),
            None => next(gathered),
        }
    })
}
