# One small cloud machine that runs compose, at Hetzner: `terraform apply` in this folder. README.md says what is left to do.
# No secret of oO is in the configuration or its state: `oo init` makes them on the machine.

terraform {
  required_version = ">= 1.5"
  required_providers {
    hcloud = { source = "hetznercloud/hcloud", version = "~> 1.49" }
  }
}

# The token comes from HCLOUD_TOKEN.
provider "hcloud" {}

resource "hcloud_ssh_key" "owner" {
  name       = "oo-owner"
  public_key = var.ssh_key
}

# People reach the page, the owner reaches the machine, and nobody reaches anything else.
resource "hcloud_firewall" "door" {
  name = "oo"

  dynamic "rule" {
    for_each = { http = ["tcp", "80"], https = ["tcp", "443"], http3 = ["udp", "443"] }
    content {
      direction  = "in"
      protocol   = rule.value[0]
      port       = rule.value[1]
      source_ips = ["0.0.0.0/0", "::/0"]
    }
  }

  rule {
    direction  = "in"
    protocol   = "tcp"
    port       = "22"
    source_ips = var.ssh_from
  }
}

# What must outlive the machine: Docker's volumes, so the log, Redis and the secrets.
resource "hcloud_volume" "data" {
  name              = "oo-data"
  size              = var.disk_gb
  location          = var.location
  format            = "ext4"
  delete_protection = true
}

resource "hcloud_server" "oo" {
  name         = "oo"
  server_type  = var.size
  image        = "debian-12"
  location     = var.location
  ssh_keys     = [hcloud_ssh_key.owner.id]
  firewall_ids = [hcloud_firewall.door.id]
  backups      = true

  user_data = templatefile("${path.module}/cloud-init.yaml", {
    address    = var.address
    mail       = var.mail
    repository = var.repository
    version    = var.release
    volume     = hcloud_volume.data.linux_device
  })
}

resource "hcloud_volume_attachment" "data" {
  volume_id = hcloud_volume.data.id
  server_id = hcloud_server.oo.id
  automount = false
}

output "point_your_name_here" {
  description = "Addresses for the A and AAAA record of the page's name."
  value       = [hcloud_server.oo.ipv4_address, hcloud_server.oo.ipv6_address]
}
