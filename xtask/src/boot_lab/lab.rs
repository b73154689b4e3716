//! What one scenario works with, in namespaces of its own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::cloud::Cloud;
use super::command::output;
use super::config::LabConfig;
use super::disk::Disk;
use super::image::Image;
use super::network::{Dnsmasq, bring_up};
use super::stack::Options;
use crate::error::{Context, TaskError, TaskResult};
use crate::imds::Imds;

/// Where instances find the metadata service.
const IMDS: &str = "169.254.169.254:80";

/// What a scenario works with.
#[derive(Debug)]
pub struct Lab {
    config: LabConfig,
    imds: Imds,
    names: Option<Dnsmasq>,
    clouds: Vec<Cloud>,
    notes: Vec<String>,
}

impl Lab {
    /// Sets up network, metadata service and folders. Everything lives in the current namespaces and ends with them.
    pub fn set_up(rootfs: PathBuf, image: Option<Image>, home: &Path, label: &str) -> TaskResult<Self> {
        let logs = home.join("logs");
        let memory = home.join("memory");
        for folder in [&logs, &memory] {
            fs::create_dir_all(folder).context(|| format!("make {}", folder.display()))?;
        }
        output(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", "mode=755", "tmpfs"])
                .arg(&memory),
        )?;
        let cgroups = memory.join("cgroups");
        fs::create_dir_all(&cgroups).context(|| format!("make {}", cgroups.display()))?;
        output(Command::new("mount").args(["-t", "cgroup2", "cgroup2"]).arg(&cgroups))?;
        bring_up()?;
        let names = Dnsmasq::start(&rootfs, &logs, None)?;
        let listener = TcpListener::bind(IMDS).context(|| format!("listen on {IMDS}"))?;
        let config = LabConfig {
            rootfs,
            image,
            memory,
            logs,
            cgroups,
            root_template: None,
            label: label.to_owned(),
        };
        Ok(Self {
            config,
            imds: Imds::start(listener, None)?,
            names: Some(names),
            clouds: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Makes a stack and lets its group launch.
    pub fn launch(&mut self, options: &Options) -> TaskResult<Cloud> {
        let cloud = self.prepare(options)?;
        cloud.run();
        Ok(cloud)
    }

    /// Makes a stack whose time stands still until [`Cloud::run`].
    pub fn prepare(&mut self, options: &Options) -> TaskResult<Cloud> {
        let cloud = Cloud::start(&self.config, self.imds.clone(), options)?;
        self.clouds.push(cloud.clone());
        Ok(cloud)
    }

    /// Lets machines that are made from now on have their root on a disk, which can lose its power.
    pub fn use_root_disks(&mut self) -> TaskResult<()> {
        let template = Disk::create(&self.config.memory, "root-template", 1 << 30)?.path();
        self.tool(&["mkfs.ext4", "-q", "-F", &template.to_string_lossy()])?;
        self.config.root_template = Some(template);
        Ok(())
    }

    /// What all machines share.
    pub const fn config(&self) -> &LabConfig {
        &self.config
    }

    /// What was noted so far.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds to the line that is printed for the scenario.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Lets a name lead to an address from now on, and every other name to the lab.
    pub fn point(&mut self, name: &str, address: &str) -> TaskResult<()> {
        // The port is free once the former has ended.
        self.names = None;
        self.names = Some(Dnsmasq::start(
            &self.config.rootfs,
            &self.config.logs,
            Some((name, address)),
        )?);
        Ok(())
    }

    /// Starts a program of the root file system on the lab's own network and files; what it says goes to a log.
    pub fn start_tool(&self, log: &str, words: &[&str]) -> TaskResult<Child> {
        let log = fs::File::create(self.config.logs.join(log)).context(|| format!("make {log}"))?;
        let errors = log.try_clone().context(|| "share a log".to_owned())?;
        let mut command = Command::new("chroot");
        command
            .arg(self.toolbox()?)
            .args(["/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
        command.args(words).stdin(Stdio::null()).stdout(log).stderr(errors);
        command.spawn().context(|| format!("start {words:?}"))
    }

    /// Runs a program of the root file system on the lab's own devices and files.
    pub fn tool(&self, words: &[&str]) -> TaskResult<String> {
        let mut command = Command::new("chroot");
        command
            .arg(self.toolbox()?)
            .args(["/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            .args(words);
        output(&mut command)
    }

    /// An overlay over the root file system that sees the lab's devices and its folder in memory.
    fn toolbox(&self) -> TaskResult<PathBuf> {
        let memory = &self.config.memory;
        let root = memory.join("toolbox");
        if root.exists() {
            return Ok(root);
        }
        let (upper, work) = (memory.join("toolbox-upper"), memory.join("toolbox-work"));
        for folder in [&root, &upper, &work] {
            fs::create_dir_all(folder).context(|| format!("make {}", folder.display()))?;
        }
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            self.config.rootfs.display(),
            upper.display(),
            work.display()
        );
        output(
            Command::new("mount")
                .args(["-t", "overlay", "-o", &options, "overlay"])
                .arg(&root),
        )?;
        for shared in [Path::new("/dev"), Path::new("/proc"), Path::new("/sys"), memory] {
            let inside = root.join(shared.strip_prefix("/").unwrap_or(shared));
            fs::create_dir_all(&inside).context(|| format!("make {}", inside.display()))?;
            output(Command::new("mount").args(["--bind"]).arg(shared).arg(&inside))?;
        }
        Ok(root)
    }

    /// Ends what still runs, and fails if the world or the lab found something wrong in passing.
    pub fn finish(&self) -> TaskResult<()> {
        for cloud in &self.clouds {
            cloud.shut_down()?;
            if let Some(fault) = cloud.faults().first() {
                return Err(TaskError::failed(fault.clone()));
            }
        }
        Ok(())
    }
}
