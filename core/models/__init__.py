"""Models: loading, checking, reading with them, cutting them, and where pretrained ones come from."""
