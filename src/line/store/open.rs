//! A store by its URL.

use eid::secret::Secret;

use super::{Store, StoreError};

/// Opens a store: `sqlite:FILE`, or `postgres://user@host:port/name` (also `postgresql://`, and `postgres:///name?host=/folder/of/socket`).
/// The password of a server is never part of the URL.
///
/// # Errors
/// [`StoreError::Version`]: it has the schema of another version, 0 for none, then [`create`] makes it; away, damaged, or failed.
pub fn open(url: &str, password: Option<&Secret>) -> Result<Box<dyn Store>, StoreError> {
    let sql = connect(url, password, false)?;
    Ok(Box::new(crate::line::sql::SqlStore::open(sql)?))
}

/// As [`open`], and gives the store its schema first: a file or database that is empty gets all of it, one of an earlier version what it
/// lacks. Nothing changes in one that has it already.
///
/// # Errors
/// As [`open`].
pub fn create(url: &str, password: Option<&Secret>) -> Result<Box<dyn Store>, StoreError> {
    let sql = connect(url, password, true)?;
    Ok(Box::new(crate::line::sql::SqlStore::create(sql)?))
}

fn connect(url: &str, password: Option<&Secret>, create: bool) -> Result<Box<dyn crate::store::Sql>, StoreError> {
    use crate::store::SqlError;
    #[cfg(not(feature = "postgres"))]
    let _ = password;
    #[cfg(not(feature = "sqlite"))]
    let _ = create;
    // what follows the scheme may be a secret of someone who put a password there
    let name = || url.split(':').next().filter(|scheme| scheme.len() <= 12).unwrap_or("store").to_owned();
    #[cfg(feature = "sqlite")]
    if let Some(file) = url.strip_prefix("sqlite:") {
        let file = std::path::Path::new(file);
        let opened = if create { crate::store::sqlite::Sqlite::create(file) } else { crate::store::sqlite::Sqlite::open(file) };
        return match opened {
            Ok(sqlite) => Ok(Box::new(sqlite)),
            Err(SqlError::Damaged(detail)) => Err(StoreError::Damaged { store: url.to_owned(), place: "file".to_owned(), detail }),
            Err(SqlError::Failed(detail)) => Err(StoreError::Failed { store: url.to_owned(), detail }),
            Err(SqlError::Away(detail) | SqlError::Again(detail)) => Err(StoreError::Away { store: url.to_owned(), detail }),
        };
    }
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return match crate::store::postgres::Postgres::open(url, password) {
            Ok(postgres) => Ok(Box::new(postgres)),
            Err(SqlError::Away(detail) | SqlError::Again(detail)) => Err(StoreError::Away { store: name(), detail }),
            Err(SqlError::Failed(detail) | SqlError::Damaged(detail)) => Err(StoreError::Failed { store: name(), detail }),
        };
    }
    Err(StoreError::Failed { store: name(), detail: "expected sqlite:FILE or postgres://user@host/name".to_owned() })
}
