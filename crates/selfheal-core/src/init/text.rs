//! The text of a first spec. Sections that are commented out are valid once they are not.

use toml_edit::Value;

use super::{Draft, DraftData, DraftIngress, SCHEMA_FILE};
use crate::cost::instance_month_usd;
use crate::ids::SecurityGroupId;

/// Sections that most stacks come to want, in the form in which they are taken up.
const LATER: &str = r##"
# What runs on it. The script begins with `#!` and runs once an instance, after the data is mounted; the probe is what a replacement
# has to answer before it gets the address, and what an app is replaced for.
# [app]
# setup = "setup.sh"
# health = { http = "http://localhost:8080/healthz" }

# Logs that outlive the instance: `selfheal logs`.
# [logs]
# retention_days = 30

# Who is told of replacements and of boots that fail.
# [notify]
# email = ["ops@example.com"]
"##;

/// What a stack with a data volume may want beside.
const SNAPSHOTS: &str = r#"
# Snapshots of the data volume by schedule; `selfheal restore` goes back to one.
# [data.snapshots]
# every = "24h"
# keep = "14d"
"#;

impl Draft {
    /// Writes the spec, with a word on each choice.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = format!(
            "#:schema ./{SCHEMA_FILE}\n\
             # One EC2 instance that heals itself. `selfheal plan` shows what an apply would do, and touches nothing.\n"
        );
        for remark in &self.remarks {
            // A remark that held a line's end would leave the comment.
            let lines = remark.lines().map(|line| format!("# {line}\n"));
            text.extend(lines);
        }
        text.push('\n');
        line(&mut text, "name", &self.name);
        line(&mut text, "region", &self.region);
        self.instance(&mut text);
        if let Some(allocation) = &self.address {
            text.push_str("\n# An Elastic IP that exists, and stays when the stack is destroyed.\n[address]\n");
            line(&mut text, "allocation", allocation.as_str());
        }
        if let Some(data) = &self.data {
            self.data(&mut text, data);
        }
        match &self.dns {
            Some((zone, name)) => {
                text.push_str("\n# An A record at the address, which never changes again.\n[dns]\n");
                line(&mut text, "zone", zone);
                line(&mut text, "name", name);
            }
            None => text.push_str(
                "\n# An A record at the address, in a public hosted zone that exists.\n# [dns]\n# zone = \"example.com\"\n# name = \
                 \"app.example.com\"\n",
            ),
        }
        text + LATER
    }

    fn instance(&self, text: &mut String) {
        text.push_str("\n[instance]\n");
        if let Some(usd) = instance_month_usd(&self.instance_type) {
            text.push_str(&format!(
                "# {usd:.2} USD a month at the list price of us-east-1; `selfheal cost` tells the whole.\n"
            ));
        }
        line(text, "type", &self.instance_type);
        if self.spot {
            text.push_str(
                "# Cheaper, until AWS takes the instance back; it never falls back to on-demand by itself.\n",
            );
            line(text, "market", "spot");
        }
        line(text, "image", &self.image);
        if let Some(subnet) = &self.subnet {
            line(text, "subnet", subnet.as_str());
        }
        match &self.ingress {
            DraftIngress::Ports(ports) => {
                text.push_str(
                    "# \"443/tcp\" is open to everybody, { port = \"22/tcp\", from = \"203.0.113.0/24\" } to some. `selfheal shell` needs \
                     no\n# open port.\n",
                );
                list(text, "ingress", ports.iter().map(String::as_str));
            }
            DraftIngress::Groups(groups) => list(text, "security_groups", groups.iter().map(SecurityGroupId::as_str)),
        }
        if let Some(size) = self.root_size_gib {
            text.push_str("# What is on the root volume is lost with each instance.\n");
            line(text, "root_size", &format!("{size}GiB"));
        }
    }

    fn data(&self, text: &mut String, data: &DraftData) {
        text.push_str(
            "\n# What must outlast an instance belongs here: the volume moves along to each new one.\n[data]\n",
        );
        line(text, "size", &data.size);
        line(text, "mount", &data.mount);
        if let Some(volume) = &data.volume {
            text.push_str(
                "# A volume that exists: it is never formatted. `filesystem` says what is on it: \"xfs\", the default, or \"ext4\".\n",
            );
            line(text, "volume", volume.as_str());
        } else if self.image.starts_with("debian") {
            text.push_str("# Debian's images have no tools for XFS.\n");
            line(text, "filesystem", "ext4");
        }
        text.push_str(SNAPSHOTS);
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    text.push_str(&format!("{key} = {}\n", Value::from(value)));
}

fn list<'a>(text: &mut String, key: &str, values: impl Iterator<Item = &'a str>) {
    let values: Vec<String> = values.map(|value| Value::from(value).to_string()).collect();
    text.push_str(&format!("{key} = [{}]\n", values.join(", ")));
}
