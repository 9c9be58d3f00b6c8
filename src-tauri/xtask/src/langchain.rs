//! LangChain's standard tests: an independent opinion on what a chat model has to do, through two
//! SDKs, three surfaces of byokey and every dialect behind it.

use std::path::Path;

use anyhow::Result;

use crate::{
    count::Count,
    demo,
    shell::{command, root, run_and_read},
};

/// Runs the tests with this Python and counts them.
///
/// # Errors
/// When byokey, the simulators or pytest do not start.
pub(crate) fn test(python: &Path) -> Result<Count> {
    demo::with_byokey(|house, key, providers| {
        let models: Vec<_> = providers.iter().map(demo::model).collect();
        let mut pytest = command(python);
        pytest
            .current_dir(root().join("tests/sdk/langchain"))
            .args([
                "-m",
                "pytest",
                "-q",
                "--no-header",
                "--tb=short",
                "-p",
                "no:cacheprovider",
            ])
            .args([
                "--asyncio-mode=auto",
                "--disable-socket",
                "--allow-hosts=127.0.0.1",
            ])
            // Without these the asynchronous tests fail for a reason of their own.
            .args(["-o", "asyncio_default_fixture_loop_scope=session"])
            .args(["-o", "asyncio_default_test_loop_scope=session"])
            .env("BYOKEY_URL", house.url())
            .env("BYOKEY_KEY", key)
            .env("BYOKEY_MODELS", models.join(" "))
            .env("LANGSMITH_TRACING", "false")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let (status, lines) = run_and_read(&mut pytest)?;
        let mut count = Count::read_pytest(&lines);
        if !status.success() && count.failed == 0 {
            count.failed = 1;
        }
        Ok(count)
    })
}
