"""What every stage needs around its subject: atomic files, snapshots, seeds, devices, progress, code versions."""
