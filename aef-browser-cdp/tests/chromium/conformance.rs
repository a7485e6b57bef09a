//! What every browser must do, on the pages that come with the list.

use std::sync::Arc;

use aef_browser_cdp::CdpBrowser;
use aef_core::browser::Browser;
use aef_testkit::conformance::browser::{BrowserBench, Pages, cases};
use async_trait::async_trait;

use crate::support::browser;

struct ChromiumBench {
    browser: Arc<CdpBrowser>,
    pages: Pages,
}

impl ChromiumBench {
    async fn start() -> Self {
        Self { browser: Arc::new(browser().await), pages: Pages::start().unwrap() }
    }
}

#[async_trait]
impl BrowserBench for ChromiumBench {
    fn browser(&self) -> Arc<dyn Browser> {
        Arc::clone(&self.browser) as Arc<dyn Browser>
    }

    fn origin(&self) -> String {
        self.pages.origin()
    }

    fn posts(&self, path: &str) -> u64 {
        self.pages.posts(path)
    }

    async fn kill(&self) {
        let pid = self.browser.process_id().await.unwrap();
        let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
    }
}

macro_rules! browser_case {
    ($($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                cases::$name(&ChromiumBench::start().await).await;
            }
        )*
    };
}
aef_testkit::for_each_browser_case!(browser_case);
