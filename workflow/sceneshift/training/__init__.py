"""What both trainings share: snapshots, micro-batches, processes."""
