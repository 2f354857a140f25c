"""What every stage needs around its subject: errors, atomic files, seeds, devices, progress, code versions."""
