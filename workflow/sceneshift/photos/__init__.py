"""The photo store, photos.h5, and which of its photos are held out."""
