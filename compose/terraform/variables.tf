# What the machine is made of. Only the first four have no default.

variable "address" {
  description = "The name under which people reach the page, for example oo.example.org. Caddy gets its certificate."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.address))
    error_message = "Give a name such as oo.example.org: no scheme, no path."
  }
}

variable "mail" {
  description = "A real address that push services may write to when something is wrong with what oO sends."
  type        = string
}

variable "ssh_key" {
  description = "The public key that may sign in to the machine."
  type        = string
}

variable "repository" {
  description = "Where this repository is cloned from, over https."
  type        = string
}

variable "release" {
  description = "The tag, branch or commit that runs."
  type        = string
  default     = "main"
}

variable "ssh_from" {
  description = "Networks from which the machine may be signed in to. Narrow it to your own."
  type        = list(string)
  default     = ["0.0.0.0/0", "::/0"]
}

variable "size" {
  description = "Kind of machine. Building the image wants 4 GB of memory, running it a quarter of that."
  type        = string
  default     = "cx32"
}

variable "location" {
  description = "Where it stands. The people's data is there, too."
  type        = string
  default     = "fsn1"
}

variable "disk_gb" {
  description = "Size of the volume for Docker, in GB."
  type        = number
  default     = 40
}
