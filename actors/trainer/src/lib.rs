//! stub
pub async fn serve(_ctx: oo_runtime::Context) -> anyhow::Result<()> { Ok(()) }
