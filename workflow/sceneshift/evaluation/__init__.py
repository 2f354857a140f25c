"""Did it work? Fréchet distance of a generator; what an editor changes on held-out photos and what it leaves alone."""
