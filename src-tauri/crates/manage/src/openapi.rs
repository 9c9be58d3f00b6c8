use std::sync::OnceLock;

use utoipa::OpenApi;

use crate::error::ErrorResponse;
use crate::router::{imports, links, sign_ins};
use crate::{events, page, router};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "byokey management",
        description = "Accounts, client keys, models and usage of one byokey. Every call wants the \
                       management token of the data folder as a bearer token."
    ),
    paths(
        router::status,
        router::providers,
        router::accounts,
        router::add_account,
        router::change_account,
        router::remove_account,
        router::make_first,
        router::check_account,
        imports::plan,
        imports::take,
        imports::take_over,
        links::follow,
        links::waiting,
        links::put_away,
        sign_ins::start,
        sign_ins::list,
        sign_ins::one,
        sign_ins::paste,
        sign_ins::cancel,
        sign_ins::accept_notice,
        router::keys,
        router::create_key,
        router::revoke_key,
        router::models,
        router::usage,
        router::recent,
        router::audit,
        router::config,
        router::reload,
        router::stop,
        router::document,
        events::stream,
        page::make_link,
    ),
    components(schemas(ErrorResponse))
)]
struct Document;

/// The OpenAPI document of the management API, as JSON.
pub fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        // Plain data cannot fail to become JSON.
        Document::openapi().to_pretty_json().unwrap_or_default()
    })
}
