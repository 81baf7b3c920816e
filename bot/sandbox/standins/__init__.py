"""What a sandbox host's own sh finds first on its PATH: loginctl, ps, sudo and others, which know only that host."""
