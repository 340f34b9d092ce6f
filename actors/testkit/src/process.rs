//! What Linux says of a process.

/// A process of this machine, by its id.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// Bytes of memory that it holds.
    pub fn memory(self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    pub fn threads(self) -> u64 {
        self.status("Threads:")
    }

    /// Files and connections that it has open.
    pub fn files(self) -> u64 {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.0)).expect("a process that runs");
        open.count() as u64
    }

    /// Seconds of CPU that it has spent.
    pub fn cpu(self) -> f64 {
        let told = self.read("stat");
        // After the name, which may hold anything: the 14th and 15th fields of all are its own and the system's time for it.
        let fields: Vec<&str> = told.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |n: usize| fields[n - 3].parse::<f64>().expect("a number");
        // Linux tells them in hundredths of a second.
        (ticks(14) + ticks(15)) / 100.0
    }

    fn status(self, field: &str) -> u64 {
        let told = self.read("status");
        let value = told.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse().ok());
        value.expect("a number")
    }

    fn read(self, what: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{what}", self.0)).expect("a process that runs")
    }
}
