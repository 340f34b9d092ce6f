//! `oo up`: everything, on this machine, until Ctrl-C.

use crate::house::{self, House};
use oo_runtime::{Source, service, telemetry};
use secrecy::ExposeSecret as _;
use std::path::PathBuf;

/// What `oo up` was told.
pub struct Options {
    pub data: PathBuf,
    pub port: u16,
    pub speed: f64,
    pub auto_consent: bool,
}

/// Starts, tells where the page is, and stops in order.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let source = Source::from_env();
    let quiet = Source::from_iter([("OO_LOG", "warn,oo_profile=info")]);
    let traces = telemetry::start(&quiet.with(source.pairs()), "oo")?;
    let Options { data, port, speed, auto_consent } = options;
    let mut house = House::open(house::Options { data: data.clone(), port, speed, auto_consent, source }).await?;
    service::stop_on_signal(house.shutdown());
    greet(&house, &data);
    let ended = house.run().await;
    println!("\nstopping");
    house.close().await;
    traces.end().await;
    ended
}

fn greet(house: &House, data: &std::path::Path) {
    println!("\noO is up. One tip, at the right moment. Otherwise, silence.\n");
    println!("  page     {}", house.page);
    println!("  sign in  {}   (works once, for the owner of this machine)", house.owner_link().expose_secret());
    if let Some(sandbox) = &house.sandbox {
        println!(
            "  sandbox  {}   stand-ins for Todoist, Google Calendar and Microsoft, with a sample week",
            sandbox.url()
        );
    }
    println!("  data     {}", data.display());
    let local = house.clock.now().to_zoned(jiff::tz::TimeZone::system());
    let apart = house.clock.now().duration_since(house.clock.wall()).as_secs().abs() > 60;
    if house.clock.speed() != 1.0 || apart {
        println!(
            "  clock    {} for oO, running {} times as fast as the wall's",
            local.strftime("%A %H:%M"),
            house.clock.speed()
        );
    }
    println!("\nCtrl-C stops everything; `cargo oo up` goes on where it was.\n");
}
